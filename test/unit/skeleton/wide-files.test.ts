// Files that reach past 2^53 - 1, where numbers are not exact any more, up to the largest: every row of them is exact, in order, and
// costs what its extents cost.
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { FileOffset } from '../../../src/base/file-offset.js';
import { asContentId, asSegmentNumber, NO_LSN } from '../../../src/base/ids.js';
import type { Ino } from '../../../src/base/ids.js';
import { rowsPerTurnMax } from '../../../src/base/limits.js';
import type { SqliteSkeleton } from '../../../src/skeleton/skeleton.js';
import { Sqlite } from '../../../src/skeleton/sqlite.js';
import { exactMax, largest, place } from '../../support/wide.js';
import { findings, freshSkeleton, Hand, reopen, scratch } from './fixture.js';

const folder = scratch();
let path = '';
let count = 0;
let skeleton: SqliteSkeleton;
let hand: Hand;
let file: Ino;
beforeEach(() => {
  path = `${folder.dir}/${++count}.db`;
  skeleton = freshSkeleton(path);
  hand = new Hand(skeleton);
  hand.disks();
  hand.open(1);
  hand.open(2);
  file = hand.create('file');
});
after(() => folder.remove());

/** offset+length>segment:offset of every extent. */
const map = (limit = 100): string[] => skeleton.extents(asContentId(file), 0, largest, limit).map((e) => `${e.offset}+${e.length}>${e.segment}:${e.segmentOffset}`);
const sizes = () => [skeleton.inode(file)?.size, skeleton.inode(file)?.allocated];
const deltas = () => skeleton.deltas(file, NO_LSN, 100).map(({ kind, offset, length }) => ({ kind, offset, length }));

test('extents are split, joined and cut exactly across 2^53 and at the very end', async () => {
  hand.write(file, place(exactMax - 49n), 100, 1, 0);
  assert.deepEqual(map(), ['9007199254740942+100>1:0']);
  hand.write(file, place(exactMax), 1, 2, 0);
  hand.write(file, 2n ** 53n + 50n, 10, 1, 100);
  assert.deepEqual(map(), ['9007199254740942+49>1:0', '9007199254740991+1>2:0', '9007199254740992+60>1:50']);
  hand.write(file, largest - 10n, 10, 2, 1);
  assert.deepEqual(sizes(), [largest, 120]);
  assert.throws(() => hand.write(file, largest - 9n, 10, 2, 100), /inside the largest file/);
});

test('holes of exabytes are made and merged, and the rows of the file tell of them', async () => {
  hand.write(file, 5, 10, 1, 0);
  hand.write(file, largest - 10n, 10, 1, 10);
  hand.punch(file, 10, 2n ** 62n);
  hand.punch(file, 2n ** 62n + 10n, largest - 2n ** 62n - 15n);
  assert.deepEqual(map(), ['5+5>1:0', `${largest - 5n}+5>1:15`]);
  assert.deepEqual(deltas().slice(1), [
    { kind: 'data', offset: 5, length: 10 },
    { kind: 'data', offset: largest - 10n, length: 10 },
    { kind: 'hole', offset: 10, length: largest - 15n },
  ]);
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
  skeleton = reopen(path);
  hand = new Hand(skeleton);
  // The row that is found in the file, not in memory, goes on as well.
  hand.punch(file, largest - 5n, 2);
  assert.deepEqual(deltas().at(-1), { kind: 'hole', offset: 10, length: largest - 13n });
  skeleton.close();
});

test('a size is set, and cut back in slices, wherever it lies', async () => {
  for (const size of [exactMax, exactMax + 1n, largest, 3n]) {
    hand.truncate(file, place(size));
    assert.equal(skeleton.inode(file)?.size, place(size));
  }
  for (let i = 0n; i < rowsPerTurnMax + 500; i++) hand.write(file, 2n ** 60n + i * 10n, 5, 1, Number(i) * 20);
  hand.truncate(file, 2n ** 60n + 2n);
  assert.deepEqual(skeleton.trims(10), [{ content: asContentId(file), from: 2n ** 60n + 2n }]);
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  assert.throws(() => hand.write(file, 2n ** 60n + 20n, 5, 1, 0), /trim/);
  skeleton.close();
  skeleton = reopen(path);
  hand = new Hand(skeleton);
  hand.do({ type: 'trim', content: asContentId(file), limit: rowsPerTurnMax });
  assert.deepEqual([skeleton.trims(10), ...sizes()], [[], 2n ** 60n + 2n, 2]);
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
});

test('thousands of extents of every length of number come in order, over all page borders', async () => {
  const starts: bigint[] = [];
  for (let power = 40n; power < 63n; power++) for (let i = 0n; i < 110n; i++) starts.push(2n ** power + i * 3n);
  for (const [i, start] of [...starts.entries()].reverse()) hand.write(file, place(start), 2, 1, i * 4);
  assert.deepEqual(
    map(10_000),
    starts.map((start, i) => `${start}+2>1:${i * 4}`),
  );
  assert.equal(skeleton.extentCount(asContentId(file), 2n ** 62n, largest - 2n ** 62n, 10_000), 110);
  const referring = [...skeleton.referencesTo(asSegmentNumber(1))].map(({ extent }) => extent.offset);
  assert.deepEqual(referring, starts.map(place));
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
});

test('relocation finds its bytes at any place', async () => {
  hand.write(file, largest - 1000n, 1000, 1, 500);
  hand.write(file, largest - 900n, 100, 2, 0);
  const relocate = (offset: FileOffset, length: number) => hand.do({ type: 'relocate', content: asContentId(file), offset, length, fromSegment: asSegmentNumber(1), fromOffset: 500, toSegment: asSegmentNumber(2), toOffset: 5000 });
  relocate(largest - 1000n, 1000);
  assert.deepEqual(map(), [`${largest - 1000n}+100>2:5000`, `${largest - 900n}+100>2:0`, `${largest - 800n}+800>2:5200`]);
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
});

test('the check sees one byte past the size, and one byte of overlap, beyond 2^53', async () => {
  hand.write(file, 2n ** 60n + 1n, 10, 1, 0);
  hand.write(file, 2n ** 60n + 12n, 10, 1, 100);
  await hand.commit();
  skeleton.close();
  const db = new Sqlite(path);
  db.prepare('UPDATE inode SET size = size - 1 WHERE ino = ?').run(file);
  db.prepare('UPDATE extent SET offset = offset - 2 WHERE offset = ?').run(2n ** 60n + 12n);
  db.close();
  skeleton = reopen(path);
  assert.deepEqual(
    (await findings(skeleton)).map((one) => `${one.rule} ${one.subject}: ${one.detail}`),
    [`extent-overlap content ${file} at 1152921504606846986: begins before the extent in front of it ends (1152921504606846987)`],
  );
  const again = new Sqlite(path);
  skeleton.close();
  again.prepare('UPDATE inode SET size = size - 2 WHERE ino = ?').run(file);
  again.close();
  skeleton = reopen(path);
  assert.deepEqual(
    (await findings(skeleton)).map((one) => one.rule),
    ['extent-overlap', 'extent-size'],
  );
  skeleton.close();
});
