import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { asContentId, asSegmentNumber } from '../../../src/base/ids.js';
import type { Ino } from '../../../src/base/ids.js';
import { fileBytesMax, rowsPerTurnMax } from '../../../src/base/limits.js';
import type { SqliteSkeleton } from '../../../src/skeleton/skeleton.js';
import { findings, freshSkeleton, Hand, scratch } from './fixture.js';

const folder = scratch();
let count = 0;
let skeleton: SqliteSkeleton;
let hand: Hand;
let file: Ino;
beforeEach(() => {
  skeleton = freshSkeleton(`${folder.dir}/${++count}.db`);
  hand = new Hand(skeleton);
  hand.disks();
  hand.open(1);
  hand.open(2);
  file = hand.create('file');
});
after(() => folder.remove());

/** offset+length>segment:offset of every extent. */
function map(ino: Ino = file): string[] {
  return skeleton.extents(asContentId(ino), 0, fileBytesMax, 100).map((e) => `${e.offset}+${e.length}>${e.segment}:${e.segmentOffset}`);
}
const live = (segment: number): number | undefined => skeleton.segment(asSegmentNumber(segment))?.live;

async function assertSound(): Promise<void> {
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
}

test('contiguous writes to one segment are one extent', async () => {
  hand.write(file, 0, 100, 1, 0);
  hand.write(file, 100, 50, 1, 100);
  hand.write(file, 150, 50, 2, 150);
  hand.write(file, 200, 50, 2, 300);
  assert.deepEqual(map(), ['0+150>1:0', '150+50>2:150', '200+50>2:300']);
  assert.deepEqual([skeleton.inode(file)?.size, skeleton.inode(file)?.allocated, live(1), live(2)], [250, 250, 150, 100]);
  await assertSound();
});

test('an overwrite in the middle splits, one over all replaces', async () => {
  hand.write(file, 0, 1000, 1, 0);
  hand.write(file, 300, 100, 2, 0);
  assert.deepEqual(map(), ['0+300>1:0', '300+100>2:0', '400+600>1:400']);
  assert.deepEqual([live(1), live(2)], [900, 100]);
  hand.write(file, 250, 200, 2, 100);
  assert.deepEqual(map(), ['0+250>1:0', '250+200>2:100', '450+550>1:450']);
  hand.write(file, 0, 2000, 2, 300);
  assert.deepEqual(map(), ['0+2000>2:300']);
  assert.deepEqual([live(1), live(2), skeleton.inode(file)?.allocated], [0, 2000, 2000]);
  await assertSound();
});

test('an overwrite that begins at an extent and goes on behind the one before it merges with that', async () => {
  hand.write(file, 0, 100, 1, 0);
  hand.write(file, 100, 100, 2, 0);
  hand.write(file, 100, 50, 1, 100);
  assert.deepEqual(map(), ['0+150>1:0', '150+50>2:50']);
  await assertSound();
});

test('holes: a write past the end leaves one, a punch makes one, the size stays', async () => {
  hand.write(file, 1_000_000, 100, 1, 0);
  assert.deepEqual([skeleton.inode(file)?.size, skeleton.inode(file)?.allocated], [1_000_100, 100]);
  hand.punch(file, 1_000_020, 10);
  assert.deepEqual(map(), ['1000000+20>1:0', '1000030+70>1:30']);
  hand.punch(file, 0, 2_000_000);
  assert.deepEqual(map(), []);
  assert.deepEqual([skeleton.inode(file)?.size, skeleton.inode(file)?.allocated, live(1)], [1_000_100, 0, 0]);
  await assertSound();
});

test('preallocated room: holes become unwritten extents, writes take from it, and it survives a commit', async () => {
  hand.write(file, 100, 50, 1, 0);
  hand.preallocate(file, 0, 1_000);
  assert.deepEqual(map(), ['0+100>0:0', '100+50>1:0', '150+850>0:0']);
  assert.deepEqual([skeleton.inode(file)?.size, skeleton.inode(file)?.allocated, skeleton.use().unwrittenBytes], [150, 1_000, 950]);
  hand.write(file, 400, 10, 1, 500);
  hand.preallocate(file, 1_000, 100);
  assert.deepEqual(map(), ['0+100>0:0', '100+50>1:0', '150+250>0:0', '400+10>1:500', '410+690>0:0'], 'neighbours are one');
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  assert.equal(skeleton.use().unwrittenBytes, 1_040);
  hand.truncate(file, 405);
  assert.deepEqual([skeleton.use().unwrittenBytes, skeleton.inode(file)?.allocated], [350, 405]);
  hand.unlink('file');
  hand.reap(file, 100);
  assert.equal(skeleton.use().unwrittenBytes, 0);
  await assertSound();
});

test('extents() gives those that overlap the range, unclipped', async () => {
  for (let i = 0; i < 10; i++) hand.write(file, i * 20, 10, 1, 1000 - i * 10);
  const of = (offset: number, length: number, limit = 100) => skeleton.extents(asContentId(file), offset, length, limit).map((e) => e.offset);
  assert.deepEqual(of(0, 1), [0]);
  assert.deepEqual(of(9, 1), [0]);
  assert.deepEqual(of(10, 10), []);
  assert.deepEqual(of(5, 16), [0, 20]);
  assert.deepEqual(of(25, 1000, 2), [20, 40]);
  assert.equal(skeleton.extentCount(asContentId(file), 0, 200, 100), 10);
  assert.equal(skeleton.extentCount(asContentId(file), 0, 200, 4), 4);
  await assertSound();
});

test('truncate clips at once, removes a bounded number of rows, and trim finishes', async () => {
  const rows = rowsPerTurnMax + 500;
  for (let i = 0; i < rows; i++) hand.write(file, i * 10, 10, 1, i * 20);
  hand.truncate(file, 5);
  assert.deepEqual(skeleton.trims(10), [{ content: asContentId(file), from: 5 }]);
  assert.equal(skeleton.inode(file)?.size, 5);
  assert.equal(map()[0], '0+5>1:0');
  hand.write(file, 1, 2, 2, 0);
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  hand.do({ type: 'trim', content: asContentId(file), limit: 200 });
  assert.equal(skeleton.trims(10).length, 1);
  hand.do({ type: 'trim', content: asContentId(file), limit: 1000 });
  assert.deepEqual(skeleton.trims(10), []);
  assert.deepEqual([skeleton.inode(file)?.allocated, live(1), live(2)], [5, 3, 2]);
  hand.truncate(file, 100);
  assert.deepEqual(map(), ['0+1>1:0', '1+2>2:0', '3+2>1:3']);
  await assertSound();
});

test('an orphan keeps its data until reap has taken it, slice by slice', async () => {
  for (let i = 0; i < 25; i++) hand.write(file, i * 10, 10, 1, i * 20);
  hand.unlink('file');
  assert.equal(live(1), 250);
  hand.reap(file, 10);
  assert.deepEqual([live(1), skeleton.inode(file)?.nlink], [150, 0]);
  hand.reap(file, 15);
  assert.deepEqual([live(1), skeleton.inode(file)], [0, null]);
  assert.deepEqual(skeleton.use(), { files: 1, liveBytes: 0, unwrittenBytes: 0 });
  await assertSound();
});

test('relocate moves only what still lies at the old place', async () => {
  hand.write(file, 0, 1000, 1, 500);
  hand.write(file, 200, 100, 2, 0);
  hand.do({ type: 'relocate', content: asContentId(file), offset: 0, length: 1000, fromSegment: asSegmentNumber(1), fromOffset: 500, toSegment: asSegmentNumber(2), toOffset: 5000 });
  assert.deepEqual(map(), ['0+200>2:5000', '200+100>2:0', '300+700>2:5300']);
  assert.deepEqual([live(1), live(2)], [0, 1000]);
  hand.do({ type: 'relocate', content: asContentId(77), offset: 0, length: 10, fromSegment: asSegmentNumber(1), fromOffset: 0, toSegment: asSegmentNumber(2), toOffset: 0 });
  await assertSound();
});

test('referencesTo names every file and range, over page borders', async () => {
  const other = hand.create('other');
  for (let i = 0; i < 400; i++) hand.write(i % 2 === 0 ? file : other, i * 10, 10, 1, i * 30);
  const references = [...skeleton.referencesTo(asSegmentNumber(1))];
  assert.equal(references.length, 400);
  assert.equal(references.filter((one) => one.ino === other).length, 200);
  assert.equal([...skeleton.referencesTo(asSegmentNumber(2))].length, 0);
  await assertSound();
});

test('nothing grows over a trim that is under way', () => {
  for (let i = 0; i < rowsPerTurnMax + 500; i++) hand.write(file, i * 10, 10, 1, i * 20);
  hand.truncate(file, 5);
  assert.throws(() => hand.truncate(file, 6), /trim that is under way/);
  assert.throws(() => hand.write(file, 3, 10, 2, 0), /trim that is under way/);
  skeleton.close();
});
