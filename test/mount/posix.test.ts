// Our mount is judged by the same POSIX checks as the kernel's own filesystems: all of them pass, none is left out.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { posixChecks, runCheck } from '../posix/posix-checks.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('POSIX on a mounted volume', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    await volume.init();
    await volume.mount('-o', 'allow_other');
    chmodSync(volume.mountPoint, 0o755);
    chmodSync(volume.folder, 0o755);
  });
  after(() => volume.end());

  for (const [name, check] of Object.entries(posixChecks)) {
    test(name, async () => {
      const { outcome, reason } = await runCheck(volume.mountPoint, name, check);
      assert.equal(outcome, 'passed', reason);
    });
  }

  test('after all of them the skeleton fits together and nothing is left behind', async () => {
    assert.match(await volume.findings(), /no findings/);
    assert.equal((await volume.status()).space.files, 1, 'the root only');
    assert.equal((await volume.status()).state, 'serving');
    await volume.umount();
  });
});
