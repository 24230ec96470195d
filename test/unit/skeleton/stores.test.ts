import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { asLsn, asSegmentNumber, NO_LSN } from '../../../src/base/ids.js';
import type { Ino, SegmentNumber } from '../../../src/base/ids.js';
import type { Skeleton } from '../../../src/skeleton/contract.js';
import { decodeValue } from '../../../src/skeleton/deltas.js';
import type { SqliteSkeleton } from '../../../src/skeleton/skeleton.js';
import { b, diskIds, findings, freshSkeleton, Hand, scratch } from './fixture.js';

const folder = scratch();
let count = 0;
let skeleton: SqliteSkeleton;
let hand: Hand;
let file: Ino;
beforeEach(() => {
  skeleton = freshSkeleton(`${folder.dir}/${++count}.db`);
  hand = new Hand(skeleton);
  hand.disks();
  file = hand.create('file');
});
after(() => folder.remove());

const numbers = (filter: Parameters<Skeleton['segments']>[2]): SegmentNumber[] => skeleton.segments(asSegmentNumber(0), 100, filter).map((row) => row.segment);
const lsn = (): number => skeleton.appliedLsn;

async function assertSound(): Promise<void> {
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
}

test('a segment goes from open to sealed to dead to gone, and every filter follows', async () => {
  const s = asSegmentNumber(1);
  hand.open(1);
  hand.write(file, 0, 1000, 1, 0);
  assert.deepEqual([numbers('open'), numbers('all'), numbers('needs-upload')], [[1], [1], []]);
  assert.deepEqual([skeleton.segment(s)?.layout, skeleton.segment(s)?.disks], [null, []]);
  hand.seal(1, 1000);
  const row = skeleton.segment(s);
  assert.deepEqual(row?.disks, diskIds.slice(0, 4));
  assert.deepEqual(row?.layout, { number: 1, k: 2, m: 1, e: 1, shardBytes: 4096 });
  assert.deepEqual([numbers('open'), numbers('needs-upload'), numbers('delta-shards')], [[], [1], []]);
  hand.do({ type: 'presence', segment: s, present: true });
  assert.deepEqual([numbers('needs-upload'), numbers('delta-shards')], [[], [1]]);
  hand.do({ type: 'delta-shard-drop', segments: [s] });
  assert.deepEqual([numbers('delta-shards'), skeleton.segment(s)?.disks.length], [[], 3]);
  hand.truncate(file, 0);
  assert.deepEqual(numbers('droppable'), [1]);
  hand.do({ type: 'segment-drop', segment: s });
  assert.deepEqual([numbers('droppable'), numbers('dead'), skeleton.segment(s)?.diedLsn], [[], [1], lsn()]);
  hand.do({ type: 'segment-forget', segment: s });
  assert.deepEqual(skeleton.segment(s)?.disks, [null, null, null]);
  hand.do({ type: 'backup-forget', segments: [s], roots: [] });
  assert.equal(skeleton.segment(s), null);
  await assertSound();
});

test('forgetting a dead segment that the backup does not hold removes its row; an open one may die too', async () => {
  hand.open(1);
  hand.do({ type: 'segment-drop', segment: asSegmentNumber(1) });
  hand.do({ type: 'segment-forget', segment: asSegmentNumber(1) });
  assert.equal(skeleton.segment(asSegmentNumber(1)), null);
  assert.ok(skeleton.nextSegment() > 1);
  await assertSound();
});

test('shards move between disks and are found by disk; a new layout replaces them', async () => {
  for (const n of [1, 2, 3]) {
    hand.open(n);
    hand.write(file, n * 10_000, 9000, n, 0);
    hand.seal(n, 9000);
  }
  const [one, , , four, five] = diskIds as [typeof diskIds[0], unknown, unknown, typeof diskIds[0], typeof diskIds[0]];
  assert.ok(one && four && five);
  hand.do({ type: 'shard-move', segment: asSegmentNumber(2), index: 0, disk: five });
  hand.do({ type: 'shard-move', segment: asSegmentNumber(3), index: 0, disk: null });
  assert.deepEqual(skeleton.segmentsOn(one, asSegmentNumber(0), 10).map((row) => row.segment), [1]);
  assert.deepEqual(skeleton.segmentsOn(four, asSegmentNumber(1), 1).map((row) => row.segment), [2]);
  assert.deepEqual(skeleton.segment(asSegmentNumber(3))?.disks[0], null);
  hand.seal(3, 9000, 2, [3, 1, 0]);
  assert.deepEqual(skeleton.segment(asSegmentNumber(3))?.disks, diskIds.slice(0, 4));
  await assertSound();
});

test('garbage lists mostly dead segments, the emptiest first', async () => {
  for (const [n, keep] of [[1, 900], [2, 100], [3, 101], [4, 500], [5, 0]] as const) {
    hand.open(n);
    hand.write(file, n * 1000, 1000, n, 0);
    hand.seal(n, 1000);
    hand.punch(file, n * 1000 + keep, 1000 - keep);
  }
  assert.deepEqual(skeleton.garbage(0.5, 10).map((row) => row.segment), [2, 3]);
  assert.deepEqual(skeleton.garbage(0.51, 10).map((row) => row.segment), [2, 3, 4]);
  assert.deepEqual(skeleton.garbage(1, 1).map((row) => row.segment), [2]);
  await assertSound();
});

test('disks and roots are kept as the records say', async () => {
  hand.do({ type: 'disk', disk: diskIds[2] as never, path: '/elsewhere', state: 'failed', reason: 'EIO', time: { sec: 5, nsec: 6 } });
  assert.deepEqual(skeleton.disks()[2], { disk: diskIds[2], path: '/elsewhere', state: 'failed', reason: 'EIO', since: { sec: 5, nsec: 6 } });
  const root = { sequence: 7, epoch: 2, cut: asLsn(3), time: { sec: 8, nsec: 9 }, deltas: 1, files: 2, bytes: 3 };
  hand.do({ type: 'root', ...root });
  hand.do({ type: 'root', ...root, sequence: 9 });
  assert.deepEqual(skeleton.roots(), [root, { ...root, sequence: 9 }]);
  assert.equal(skeleton.lastRoot()?.sequence, 9);
  hand.do({ type: 'backup-forget', segments: [], roots: [7] });
  assert.deepEqual(skeleton.roots().map((row) => row.sequence), [9]);
  await assertSound();
});

test('deltas merge contiguous data and repeated attributes of one inode, and nothing across a flush cut', async () => {
  hand.open(1);
  hand.write(file, 0, 100, 1, 0);
  hand.write(file, 100, 100, 1, 100);
  hand.write(file, 500, 100, 1, 200);
  hand.do({ type: 'attribute', ino: file, mode: 0o600, ctime: { sec: 50, nsec: 0 } });
  hand.do({ type: 'attribute', ino: file, uid: 5, ctime: { sec: 51, nsec: 0 } });
  const rows = skeleton.deltas(file, NO_LSN, 100);
  assert.deepEqual(rows.map((row) => [row.kind, row.offset, row.length]), [['name', 0, 0], ['data', 0, 200], ['data', 500, 100], ['attribute', 0, 0]]);
  const merged = decodeValue(rows[3]?.value ?? Buffer.alloc(0));
  assert.ok(merged.type === 'attribute' && merged.mode === 0o600 && merged.uid === 5 && merged.ctime.sec === 51);
  assert.deepEqual([rows[3]?.time.sec, rows[3]?.lastTime.sec], [50, 51]);
  const cut = lsn();
  hand.do({ type: 'flush-begin', cut: asLsn(cut) });
  hand.do({ type: 'attribute', ino: file, uid: 6, ctime: { sec: 52, nsec: 0 } });
  assert.equal(skeleton.deltas(file, asLsn(cut), 100).length, 1);
  const backlog = skeleton.backlog();
  assert.deepEqual([backlog.deltas, backlog.files, backlog.bytes], [5, 1, 300]);
  assert.deepEqual(backlog.oldest, rows[0]?.time);
  hand.do({ type: 'delta-release', cut: asLsn(cut), limit: 3 });
  assert.deepEqual(skeleton.backlog().oldest?.sec, 50);
  hand.do({ type: 'delta-release', cut: asLsn(cut), limit: 3 });
  assert.deepEqual(skeleton.backlog(), { deltas: 1, files: 1, bytes: 0, oldest: { sec: 52, nsec: 0 } });
  await assertSound();
});

test('data that goes on in another segment at the same place is a row of its own', async () => {
  hand.open(1);
  hand.open(2);
  hand.write(file, 0, 100, 1, 0);
  hand.write(file, 100, 100, 2, 100);
  assert.deepEqual(skeleton.deltas(file, NO_LSN, 100).map((row) => row.segment), [null, 1, 2]);
  await assertSound();
});

test('sizes merge only downwards, extended attributes by name', async () => {
  hand.open(1);
  hand.write(file, 0, 100, 1, 0);
  hand.truncate(file, 50);
  hand.truncate(file, 40);
  hand.truncate(file, 90);
  for (const [name, value] of [['user.a', '1'], ['user.a', '2'], ['user.b', '3'], ['user.a', null]] as const) {
    hand.do({ type: 'xattr', ino: file, name: b(name), value: value === null ? null : b(value), time: hand.time() });
  }
  assert.deepEqual(skeleton.deltas(file, NO_LSN, 100).map((row) => row.kind), ['name', 'data', 'size', 'size', 'xattr', 'xattr', 'xattr']);
  await assertSound();
});

test('a listing of deltas never parts the rows of one record', async () => {
  hand.create('other');
  hand.rename('file', 'other');
  const all = skeleton.deltas(null, NO_LSN, 100);
  assert.deepEqual(all.map((row) => row.lsn), [7, 8, 9, 9]);
  assert.equal(skeleton.deltas(null, NO_LSN, 3).length, 4);
  assert.equal(skeleton.deltas(null, NO_LSN, 2).length, 2);
  assert.equal(skeleton.backlog().files, 2);
  await assertSound();
});

test('a volume without a backup keeps no delta rows', async () => {
  const bare = freshSkeleton(`${folder.dir}/bare.db`, { recordDeltas: false });
  const other = new Hand(bare);
  other.open(1);
  other.write(other.create('x'), 0, 10, 1, 0);
  assert.deepEqual(bare.backlog(), { deltas: 0, files: 0, bytes: 0, oldest: null });
  bare.close();
  skeleton.close();
});

test('broken preconditions are assertions, and what they left is never committed', async () => {
  hand.open(1);
  hand.write(file, 0, 1000, 1, 0);
  hand.seal(1, 1000);
  await hand.commit();
  const attempts: readonly (readonly [() => void, RegExp])[] = [
    [() => hand.do({ type: 'segment-drop', segment: asSegmentNumber(1) }), /nothing refers/],
    [() => hand.do({ type: 'segment-forget', segment: asSegmentNumber(1) }), /is dead/],
    [() => hand.seal(1, 1000), /layout numbers/],
    [() => hand.open(1), /is new/],
    [() => hand.write(file, 0, 1, 9, 0), /segment 9 exists/],
  ];
  for (const [attempt, message] of attempts) assert.throws(attempt, message);
  await assert.rejects(hand.commit(), /no record failed/);
  skeleton.close();
});
