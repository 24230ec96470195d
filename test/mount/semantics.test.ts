// What a mounted volume keeps beyond one mount, or shows only with a real volume behind it: file handles, copies, access lists.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, renameSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { call, fails, pattern } from '../posix/helpers.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('beyond one mount', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const path = (...names: readonly string[]): string => join(volume.mountPoint, ...names);

  before(async () => {
    await volume.init();
    await volume.mount();
  });
  after(() => volume.end());

  test('a copy takes no space, and stays whole when its source is gone', async () => {
    const bytes = pattern(20_000_000);
    writeFileSync(path('large'), bytes);
    const free = statfsSync(volume.mountPoint).bavail;
    for (let n = 0; n < 20; n++) copyFileSync(path('large'), path(`copy${n}`));
    const taken = (free - statfsSync(volume.mountPoint).bavail) * statfsSync(volume.mountPoint).bsize;
    // What is sealed meanwhile may take parity; 400 MB of copies take nothing.
    assert.ok(taken < 60_000_000, `${taken} bytes`);
    unlinkSync(path('large'));
    assert.ok(readFileSync(path('copy7')).equals(bytes));
  });

  test('file handles lead back after unmount and mount, as an NFS server needs it; those of removed files are stale', async () => {
    mkdirSync(path('deep'));
    writeFileSync(path('deep', 'f'), 'by handle');
    writeFileSync(path('gone'), 'text');
    const [file, gone] = [call('handle', path('deep', 'f')), call('handle', path('gone'))];
    renameSync(path('deep', 'f'), path('moved'));
    unlinkSync(path('gone'));
    await volume.umount();
    await volume.mount();
    assert.equal(call('read-handle', volume.mountPoint, file), Buffer.from('by handle').toString('hex'));
    fails('ESTALE', () => call('read-handle', volume.mountPoint, gone));
  });

  test('after all of it the skeleton fits together', async () => {
    assert.match(await volume.findings(), /no findings/);
    await volume.umount();
  });
});
