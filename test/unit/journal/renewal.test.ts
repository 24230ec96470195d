import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskId, JournalWorld } from './journal-world.js';

test('asked to, it goes on in a new generation with the disks that are there, and nothing is between the two', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 2, seed: 1 });
  const mounted = await world.mount([0, 1, 2]);
  for (let i = 0; i < 5; i++) world.append(mounted, 50);
  await world.commit(mounted);
  const { number } = mounted.journal.generation;
  mounted.journal.renew();
  await mounted.journal.commit();
  assert.equal(mounted.journal.generation.number, number, 'nothing is written, so nothing begins');
  world.append(mounted, 50);
  await world.commit(mounted);
  world.append(mounted, 50);
  await world.commit(mounted);
  assert.deepEqual([mounted.journal.generation.number, mounted.journal.generation.parentLsn], [number + 1, 5]);
  assert.deepEqual(mounted.journal.generation.members, [0, 1, 2].map(diskId));
  await world.check(await world.recover([0, 1, 2]));
});

test('files of earlier lives are released also where a disk that had them is gone', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 2, seed: 2 });
  const first = await world.mount();
  for (let i = 0; i < 40; i++) {
    world.append(first, 3_000);
    await world.commit(first);
  }
  await first.journal.close();
  const { journal, ...rest } = await world.mount();
  const [disk] = journal.disks;
  assert.ok(disk !== undefined);
  const before = journal.retainedBytes;
  journal.leave(disk.id);
  world.append({ journal, ...rest });
  await world.commit({ journal });
  journal.gone(disk.id);
  await disk.close();
  await world.release({ journal });
  assert.ok(journal.retainedBytes < before / 2, `${journal.retainedBytes} of ${before}`);
});
