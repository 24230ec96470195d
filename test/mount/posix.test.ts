// Our mount is judged by the same POSIX checks as the kernel's own filesystems: all of them pass, none is left out. With writeback
// caching, where the kernel keeps sizes and times of files, the same, but for what test/posix/writeback-exclusions.ts lists.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { posixChecks, runCheck } from '../posix/posix-checks.js';
import { writebackExclusions } from '../posix/writeback-exclusions.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

const kinds: readonly { readonly name: string; readonly options: string; readonly excluded: Readonly<Record<string, string>> }[] = [
  { name: 'POSIX on a mounted volume', options: 'allow_other', excluded: {} },
  { name: 'POSIX with writeback caching', options: 'allow_other,writeback', excluded: writebackExclusions },
];

for (const { name: kind, options, excluded } of kinds) describe(kind, { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    await volume.init();
    await volume.mount('-o', options);
    chmodSync(volume.mountPoint, 0o755);
    chmodSync(volume.folder, 0o755);
  });
  after(() => volume.end());

  for (const [name, check] of Object.entries(posixChecks)) {
    if (name in excluded) continue;
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
