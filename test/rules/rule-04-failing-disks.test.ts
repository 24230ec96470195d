// Rule 4: a disk that fails, lies about a sync or hangs costs nobody an acknowledged byte, and is not trusted again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineDisk } from '../../src/disk/deadline-disk.js';
import { FaultyDisk } from '../../src/disk/faulty-disk.js';
import { Faults } from './support/faults.js';
import { fourDisks, House } from './support/house.js';

test('after a failed fdatasync the answer rests on other disks, and that file is never synced again', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    await House.with(
      fourDisks,
      async (house) => {
        const faults = Faults.of(house);
        await house.mount();
        const [victim] = house.volume.core.generation.journalDisks;
        let failed = '';
        let again = 0;
        faults.decide = (disk, call) => {
          if (disk.id !== victim || call.operation !== 'log-sync') return undefined;
          if (call.path === failed) again++;
          failed = call.path;
          return { type: 'io' };
        };
        const bytes = house.bytes(5_000);
        await house.save('a', bytes);
        assert.notEqual(failed, '', 'the sync did fail');
        await house.save('b', bytes);
        assert.equal(again, 0);
        assert.equal(house.volume.core.generation.journalDisks.includes(victim as never), false);
        house.losePower();
        faults.none();
        await house.mount();
        await house.expect('a', bytes);
        await house.expect('b', bytes);
        await house.close();
      },
      seed,
    );
  }
});

for (const hung of ['everything', 'log-sync', 'create', 'read-cells', 'space']) {
  test(`a disk on which ${hung} hangs is left: writes, reads and a flush go on`, async () => {
    await House.with(fourDisks, async (house) => {
      let hangs = false;
      house.world.wrapDisk = (disk) => {
        // Only this one has a deadline: the world's time leaps, and would let it pass for those that are merely queued.
        if (disk.path !== '/disk0') return disk;
        const faulty = new FaultyDisk(disk, (call) => (hangs && (hung === 'everything' || call.operation === hung) ? { type: 'hang' } : undefined));
        return new DeadlineDisk(faulty, house.world.scheduler.clock, 30_000);
      };
      await house.mount();
      const first = house.bytes(150_000);
      await house.save('a', first);
      await house.run(house.volume.core.pool.sealAll());
      hangs = true;
      const second = house.bytes(150_000);
      await house.save('b', second);
      await house.expect('a', first);
      await house.flush();
      await house.expect('b', second);
      house.losePower();
      hangs = false;
      house.world.absent.add('/disk0').add('/disk1');
      await house.mount();
      await house.expect('a', first);
      await house.expect('b', second);
      await house.close();
    });
  });
}
