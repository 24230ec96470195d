// Rule 10, the part that needs no kernel: fsync and the commit interval are the durable calls, and state never lies on a disk.
// What needs a kernel is in test/mount and test/cli/mounted.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { initVolumeWith } from '../../src/volume/init.js';
import { fourDisks, House } from './support/house.js';

test('what nobody fsynced is durable after the commit interval', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    await House.with(
      fourDisks,
      async (house) => {
        await house.mount();
        const bytes = house.bytes(3_000);
        await house.write('a', bytes);
        const { journal } = house.volume.core;
        const lsn = journal.appendedLsn;
        await house.until(() => journal.durableLsn >= lsn, 'the heartbeat commits');
        house.losePower();
        await house.mount();
        await house.expect('a', bytes);
        await house.close();
      },
      seed,
    );
  }
});

test('a state directory on a disk, and disks inside each other, are refused before anything is written', async () => {
  const house = new House(fourDisks);
  const scratch = house.world.stateDir;
  try {
    house.world.insertDisk(scratch);
    for (const settings of [
      { ...house.settings, disks: [{ path: scratch }, ...house.settings.disks], stateDir: `${scratch}/state` },
      { ...house.settings, disks: [{ path: '/disk0' }, { path: '/disk0/inner' }, { path: '/disk2' }, { path: '/disk3' }] },
    ]) {
      await assert.rejects(house.run(initVolumeWith(settings, house.world.ports())), (error) => isErrorOf(error, 'invalid'));
    }
    for (const disk of house.world.slots.values()) assert.deepEqual(await house.run(disk.list('')), []);
  } finally {
    house.world.remove();
  }
});
