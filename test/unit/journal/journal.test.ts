import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIno, asLsn, NO_LSN } from '../../../src/base/ids.js';
import type { JournalRecord } from '../../../src/format/records.js';
import { collect, diskId, JournalWorld } from './journal-world.js';

const shape = { disks: 4, tolerance: 2, seed: 1 };
const record: JournalRecord = { type: 'truncate', ino: asIno(5), size: 9, time: { sec: 1, nsec: 2 } };

test('what was committed is recovered, record for record and byte for byte', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  for (let i = 0; i < 100; i++) {
    world.append(mounted, i % 3 === 0 ? 100 + i * 10 : 0);
    if (i % 7 === 0) await world.commit(mounted);
  }
  await world.commit(mounted);
  await mounted.journal.close();
  const recovered = await world.recover();
  assert.equal(recovered.end.lsn, 100);
  await world.check(recovered);
});

test('concurrent commits share one group', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  const before = world.disks[0]?.counters().syncs ?? 0;
  const commits: Promise<void>[] = [];
  for (let i = 0; i < 10; i++) {
    world.append(mounted);
    commits.push(world.commit(mounted));
  }
  await Promise.all(commits);
  assert.equal((world.disks[0]?.counters().syncs ?? 0) - before, 5, 'two for the new file, one for the group, two for the file that is made in advance');
  const batches = await collect(await world.recover());
  assert.deepEqual(
    batches.map((batch) => batch.lastLsn),
    [10],
  );
});

test('a group larger than a batch and a file is cut, and still all of it is one', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  for (let i = 0; i < 70; i++) world.append(mounted, 3000);
  const mark = await mounted.journal.writeOut();
  await world.commit(mounted);
  assert.equal(mark.lsn, 70);
  const recovered = await world.recover();
  const batches = await collect(recovered);
  assert.ok(batches.length > 20);
  assert.ok((world.disks[0]?.paths().filter((path) => path.endsWith('.log')) ?? []).length > 3);
  assert.ok(await recovered.contains(mark));
  await world.check(recovered);
  assert.deepEqual(await collect(recovered, asLsn(70)), []);
});

test('a group of which one batch is torn on every disk never was', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  world.append(mounted);
  await world.commit(mounted);
  for (let i = 0; i < 30; i++) world.append(mounted, 2000);
  await mounted.journal.commit();
  for (const disk of world.disks) {
    for (const path of disk.paths().filter((name) => name.endsWith('-000001.log'))) {
      disk.tamper(path, (bytes) => {
        bytes.fill(0, 4096 * 6, 4096 * 6 + 50);
        return bytes;
      });
    }
  }
  const recovered = await world.recover();
  assert.equal(recovered.end.lsn, 1);
  await world.check(recovered);
});

test('what is appended while the payload gets ready belongs to the same group', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  mounted.payload.beforeReady = () => {
    mounted.payload.beforeReady = () => {};
    world.append(mounted, 500);
  };
  world.append(mounted, 300);
  await world.commit(mounted);
  assert.equal(mounted.journal.durableLsn, 2);
  const batches = await collect(await world.recover());
  assert.equal(batches.length, 1);
  assert.equal(batches[0]?.records.length, 2);
  await world.check(await world.recover());
});

test('records lie on tolerance + 1 disks and on no other', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  world.append(mounted, 300);
  await world.commit(mounted);
  const holders = world.disks.map((disk) => disk.paths().filter((path) => path.endsWith('.log')).length);
  assert.deepEqual(holders, [2, 2, 2, 0], 'the file that is written and the next one');
  assert.equal(mounted.payload.released, 1);
});

test('a failed fdatasync is never answered for and never tried again: the group goes to other disks in a new generation', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  world.append(mounted, 10);
  await world.commit(mounted);
  const bad = world.flaky[1];
  bad?.faults.add('sync');
  world.append(mounted, 20);
  const written = await mounted.journal.writeOut();
  assert.equal(written.lsn, 2);
  await world.commit(mounted);
  assert.deepEqual(mounted.failed, [diskId(1)]);
  assert.equal(bad?.syncsAfterFailure, 0);
  assert.equal(mounted.journal.generation.number, 2);
  assert.equal(mounted.journal.generation.parentLsn, 1);
  assert.deepEqual(mounted.journal.generation.journalDisks, [diskId(0), diskId(2), diskId(3)]);
  assert.ok(!mounted.journal.generation.members.includes(diskId(1)));
  // What a crash leaves without the bad disk, and without one more.
  for (const present of [
    [0, 2, 3],
    [2, 3],
    [0, 3],
    [0, 2],
  ]) {
    const recovered = await world.recover(present);
    assert.equal(recovered.end.lsn, 2);
    assert.ok(await recovered.contains(written), 'a mark given before the group was rewritten is still a mark');
    assert.ok(!(await recovered.contains({ ...written, link: written.link ^ 1 })));
  }
  await world.check(await world.recover());
});

test('with fewer disks than tolerance + 1 it goes on, loudly, and is whole again when a disk can be had', async () => {
  const world = new JournalWorld({ disks: 3, tolerance: 2, seed: 2 });
  const mounted = await world.mount();
  world.append(mounted);
  await world.commit(mounted);
  world.flaky[0]?.faults.add('write');
  world.append(mounted);
  await world.commit(mounted);
  assert.deepEqual(mounted.degraded, [[2, 3]]);
  world.flaky[1]?.faults.add('open').add('write');
  world.append(mounted);
  await world.commit(mounted);
  assert.deepEqual(mounted.degraded, [
    [2, 3],
    [1, 3],
  ]);
  assert.equal(mounted.journal.durableLsn, 3);
  world.flaky[2]?.faults.add('sync');
  world.append(mounted);
  await assert.rejects(mounted.journal.commit(), { code: 'journal-dead' });
  await assert.rejects(mounted.journal.commit(), { code: 'journal-dead' });
  assert.throws(() => mounted.journal.append(record), { code: 'journal-dead' });
  await assert.rejects(mounted.journal.close());
  await world.check(await world.recover([2]));
});

test('release removes files below, and only those whose payload may go', async () => {
  const world = new JournalWorld(shape);
  const first = await world.mount();
  for (let i = 0; i < 40; i++) {
    world.append(first, 4000);
    await world.commit(first);
  }
  await first.journal.close();
  const mounted = await world.mount();
  const files = (): string[] => (world.disks[0]?.paths() ?? []).filter((path) => path.endsWith('.log'));
  for (let i = 0; i < 40; i++) {
    world.append(mounted, 4000);
    await world.commit(mounted);
  }
  const before = files().length;
  const retained = mounted.journal.retainedBytes;
  assert.equal(retained, (before - 1) * 64 * 1024, 'the next file, which is there already, is not counted');
  const asked: number[] = [];
  await mounted.journal.release(asLsn(60), (segments) => {
    asked.push(...segments);
    return false;
  });
  assert.equal(files().length, before);
  const segments = world.model.slice(0, 59).flatMap(({ payload }) => payload?.segment ?? []);
  assert.deepEqual(new Set(asked), new Set(segments));
  await mounted.journal.release(asLsn(60), () => true);
  assert.ok(files().length < before);
  assert.ok(mounted.journal.retainedBytes < retained);
  const recovered = await world.recover();
  assert.deepEqual(
    (await collect(recovered, asLsn(60))).flatMap((batch) => batch.records),
    world.model.slice(60).map((entry) => entry.record),
  );
  await mounted.journal.release(mounted.journal.durableLsn, () => true);
  const last = await world.recover();
  assert.equal(last.end.lsn, 80);
  assert.ok(await last.contains(last.end));
  await assert.rejects(collect(last, NO_LSN), { code: 'journal-damaged' });
});

test('payload of one segment is found among that of older generations, oldest first', async () => {
  const world = new JournalWorld(shape);
  for (let round = 0; round < 3; round++) {
    const mounted = await world.mount();
    for (let i = 0; i < 9; i++) {
      world.append(mounted, 100);
      if (i % 3 === 0) await world.commit(mounted);
    }
    await mounted.journal.close();
  }
  const recovered = await world.recover();
  const segments = new Set(world.model.flatMap(({ payload }) => payload?.segment ?? []));
  assert.ok(segments.size > 3);
  for (const segment of segments) {
    const found: Buffer[] = [];
    for await (const range of recovered.payloadOf(segment)) found.push(range.bytes);
    assert.deepEqual(
      found,
      world.model.flatMap((entry) => (entry.payload?.segment === segment ? [entry.payload.bytes] : [])),
    );
  }
});

test('after a disk is lost, protect() makes the older files whole elsewhere', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 1, seed: 11 });
  const first = await world.mount();
  for (let i = 0; i < 30; i++) {
    world.append(first, 4000);
    await world.commit(first);
  }
  await first.journal.close();
  const mounted = await world.mount();
  for (let i = 0; i < 30; i++) {
    world.append(mounted, 4000);
    await world.commit(mounted);
  }
  world.flaky[0]?.faults.add('write');
  world.append(mounted);
  await world.commit(mounted);
  assert.equal(await mounted.journal.protect(), 2);
  // Disk 0 is gone, and now disk 1 as well: the newest generation has three members and tolerance 1.
  const left = await world.recover([2, 3]);
  assert.equal(left.end.lsn, 61);
  await world.check(left);
});

test('a disk that is to be left carries no further group', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 1, seed: 12 });
  const mounted = await world.mount();
  world.append(mounted);
  await world.commit(mounted);
  mounted.journal.leave(diskId(1));
  world.append(mounted);
  await world.commit(mounted);
  assert.deepEqual(mounted.journal.generation.journalDisks, [diskId(0), diskId(2)]);
  assert.deepEqual(mounted.failed, []);
  await world.check(await world.recover());
});

test('close is durable and final', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  world.append(mounted);
  await mounted.journal.close();
  await mounted.journal.close();
  assert.throws(() => mounted.journal.append(record), { code: 'journal-closed' });
  await assert.rejects(mounted.journal.commit(), { code: 'journal-closed' });
  world.crash('power');
  assert.equal((await world.recover()).end.lsn, 1);
});

test('files that are not written any more are closed: what is removed while it is open keeps its room', async () => {
  const world = new JournalWorld(shape);
  const mounted = await world.mount();
  for (let i = 0; i < 60; i++) {
    world.append(mounted, 4000);
    await world.commit(mounted);
  }
  for (const flaky of world.flaky.slice(0, 3)) assert.ok(flaky.open <= 2, `${flaky.open} files are open: the one that is written, and the next one`);
  await mounted.journal.close();
  for (const flaky of world.flaky) assert.equal(flaky.open, 0);
});
