// fallocate and lseek: holes, slices, and what happens when the file changes between slices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ino } from '../../../src/base/ids.js';
import { rowsPerTurnMax } from '../../../src/base/limits.js';
import { EFBIG, EINVAL, EISDIR, ENOSPC, ENXIO, EOPNOTSUPP } from '../../../src/filesystem/errno.js';
import { b, type Fixture, failsWith, fixture, root } from './fixture.js';

const KEEP = 1;
const PUNCH = 3;
const ZERO = 0x10;
const DATA = 3;
const HOLE = 4;

/** A file of `count` separate extents of one byte, every other byte a hole. */
async function scattered({ fs, file }: Fixture, count: number, step: number): Promise<Ino> {
  const { ino } = await file('scattered');
  const { handle } = await fs.open(ino, 2, false);
  for (let at = 0; at < count; at++) fs.write(ino, handle, at * step, b('x'), false);
  fs.release(ino, handle);
  return ino;
}

test('preallocation keeps room, and grows the size unless told not to', async () => {
  const { fs, file, inode, volume } = fixture();
  const { ino } = await file('a', 'abc');
  await fs.fallocate(ino, 0, 100, KEEP);
  assert.equal((await inode(ino)).size, 3);
  assert.equal((await inode(ino)).allocated, 100);
  await fs.fallocate(ino, 10, 110, 0);
  assert.equal((await inode(ino)).size, 120);
  assert.equal((await inode(ino)).allocated, 120);
  await fs.setattr({ uid: 0, gid: 0, pid: 1 }, ino, { size: 100 });
  assert.equal((await inode(ino)).allocated, 100);
  await fs.fallocate(ino, 0, 10, 0);
  assert.equal((await inode(ino)).size, 100);
  volume.totalBytes = 1000;
  await failsWith(ENOSPC, () => fs.fallocate(ino, 0, 2000, 0));
  await failsWith(ENOSPC, () => fs.fallocate(ino, 0, 2000, KEEP));
});

test('space that the file has already is not asked for again', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'x'.repeat(600));
  volume.totalBytes = 1000;
  await fs.fallocate(ino, 0, 1000, 0);
  await failsWith(ENOSPC, () => fs.fallocate(ino, 0, 1001, 0));
});

test('what was deleted and has not given its room back is waited for', async () => {
  const { fs, file, inode, volume } = fixture();
  const { ino } = await file('a', 'x'.repeat(600));
  volume.totalBytes = 1000;
  let waits = 0;
  volume.roomToCome = async () => {
    waits++;
    if (waits === 2) volume.totalBytes = 2000;
  };
  await fs.fallocate(ino, 600, 1000, KEEP);
  assert.deepEqual([waits, (await inode(ino)).allocated], [2, 1600]);
  await failsWith(ENOSPC, () => fs.fallocate(ino, 0, 4000, KEEP));
  assert.equal(waits, 2, 'more than there can be is refused at once');
  volume.totalBytes = 5000;
  volume.roomToCome = () => null;
  await fs.fallocate(ino, 0, 2000, ZERO);
  await failsWith(ENOSPC, () => fs.fallocate(ino, 0, 5001, ZERO));
});

test('what is only preallocated reads as zeros and is a hole, however many pieces there are of it', async () => {
  const made = fixture();
  const pieces = 200;
  const ino = await scattered(made, pieces, 2);
  await made.fs.fallocate(ino, 0, pieces * 2 + 10, 0);
  assert.equal((await made.inode(ino)).allocated, pieces * 2 + 10);
  assert.equal(await made.content(ino), `${'x\0'.repeat(pieces)}${'\0'.repeat(10)}`);
  assert.deepEqual([await made.fs.lseek(ino, 1, DATA), await made.fs.lseek(ino, 0, HOLE)], [2, 1]);
  await failsWith(ENXIO, () => made.fs.lseek(ino, pieces * 2 - 1, DATA));
  await made.fs.fallocate(ino, 0, pieces * 2, ZERO);
  assert.equal((await made.inode(ino)).allocated, pieces * 2 + 10);
  await failsWith(ENXIO, () => made.fs.lseek(ino, 0, DATA));
  assert.equal(await made.fs.lseek(ino, 5, HOLE), 5);
  await made.fs.fallocate(ino, 0, pieces * 4, PUNCH);
  assert.equal((await made.inode(ino)).allocated, 0);
});

test('a large preallocation goes in slices of a bounded number of extents', async () => {
  const made = fixture();
  const count = rowsPerTurnMax * 2 + 10;
  const ino = await scattered(made, count, 2);
  await made.fs.fallocate(ino, 0, count * 2, KEEP);
  assert.equal(made.volume.applied.filter((record) => record.type === 'preallocate').length, 3);
  assert.equal((await made.inode(ino)).allocated, count * 2);
});

test('room past the end of the file is kept until somebody truncates or punches it', async () => {
  const { fs, file, inode } = fixture();
  const { ino } = await file('a', 'abc');
  const resize = (size: number) => fs.setattr({ uid: 0, gid: 0, pid: 1 }, ino, { size });
  await fs.fallocate(ino, 0, 100, KEEP);
  await resize(10);
  assert.equal((await inode(ino)).allocated, 100, 'it grew over room that is kept');
  await fs.fallocate(ino, 50, 1_000, PUNCH);
  assert.deepEqual([(await inode(ino)).size, (await inode(ino)).allocated], [10, 50]);
  await resize(10);
  assert.equal((await inode(ino)).allocated, 10);
});

test('a punched range reads as zeros, keeps the size and is a hole', async () => {
  const { fs, file, inode, content } = fixture();
  const before = await file('a', 'abcdefgh');
  await fs.fallocate(before.ino, 2, 3, PUNCH);
  assert.equal(await content(before.ino), 'ab\0\0\0fgh');
  const after = await inode(before.ino);
  assert.deepEqual([after.size, after.allocated], [8, 5]);
  assert.ok(after.mtime.nsec > before.mtime.nsec);
  assert.equal(await fs.lseek(before.ino, 0, HOLE), 2);
  assert.equal(await fs.lseek(before.ino, 2, DATA), 5);
  await fs.fallocate(before.ino, 6, 1000, PUNCH);
  assert.equal(await content(before.ino), 'ab\0\0\0f\0\0');
  await fs.fallocate(before.ino, 100, 10, PUNCH);
  assert.equal((await inode(before.ino)).size, 8);
});

test('zeroing a range grows the file unless told not to', async () => {
  const { fs, file, inode, content } = fixture();
  const { ino } = await file('a', 'abcd');
  await fs.fallocate(ino, 2, 10, ZERO | KEEP);
  assert.equal(await content(ino), 'ab\0\0');
  await fs.fallocate(ino, 1, 10, ZERO);
  assert.equal((await inode(ino)).size, 11);
  assert.equal(await content(ino), `a${'\0'.repeat(10)}`);
  await fs.fallocate(ino, 20, 5, ZERO);
  assert.equal((await inode(ino)).size, 25);
});

test('a large punch goes in slices of a bounded number of extents', async () => {
  const made = fixture();
  const count = rowsPerTurnMax * 2 + 10;
  const ino = await scattered(made, count, 2);
  await made.fs.fallocate(ino, 1, count * 2, PUNCH);
  assert.equal(made.volume.applied.filter((record) => record.type === 'punch').length, 3);
  assert.equal((await made.inode(ino)).allocated, 1, 'the first byte is before the range');
});

test('between slices changes may be held back, and the file may shrink', async () => {
  const made = fixture();
  const ino = await scattered(made, rowsPerTurnMax * 3, 2);
  const punching = made.fs.fallocate(ino, 0, rowsPerTurnMax * 6, PUNCH);
  made.volume.holdBack();
  await made.volume.clock.turn();
  await made.volume.clock.turn();
  assert.equal(made.volume.applied.filter((record) => record.type === 'punch').length, 1);
  made.volume.letIn();
  await made.fs.setattr({ uid: 0, gid: 0, pid: 1 }, ino, { size: 10 });
  await punching;
  const after = await made.inode(ino);
  assert.deepEqual([after.size, after.allocated], [10, 0]);
});

test('a file that is gone between slices ends the punch with an error', async () => {
  const made = fixture();
  const ino = await scattered(made, rowsPerTurnMax * 2, 2);
  const punching = made.fs.fallocate(ino, 0, rowsPerTurnMax * 4, PUNCH);
  await made.fs.unlink(root, b('scattered'));
  made.fs.forget(ino, 1);
  await failsWith(116, () => punching);
});

test('bad ranges and modes are refused', async () => {
  const { fs, file, directory } = fixture();
  const { ino } = await file('a', 'abc');
  await failsWith(EINVAL, () => fs.fallocate(ino, 0, 0, 0));
  await failsWith(EINVAL, () => fs.fallocate(ino, -1, 5, 0));
  await failsWith(EFBIG, () => fs.fallocate(ino, 2n ** 63n - 5n, 5, 0));
  await failsWith(EFBIG, () => fs.fallocate(ino, 2n ** 62n, 2n ** 62n, PUNCH));
  for (const mode of [2, 8, 0x20, 0x40, 0x13]) await failsWith(EOPNOTSUPP, () => fs.fallocate(ino, 0, 1, mode));
  await failsWith(EISDIR, async () => fs.fallocate((await directory('d')).ino, 0, 1, 0));
});

test('lseek finds data and holes; the end of the file is a hole', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a', 'data');
  const { handle } = await fs.open(ino, 2, false);
  await fs.write(ino, handle, 100, b('more'), false);
  await fs.setattr({ uid: 0, gid: 0, pid: 1 }, ino, { size: 200 });
  assert.equal(await fs.lseek(ino, 0, DATA), 0);
  assert.equal(await fs.lseek(ino, 2, DATA), 2);
  assert.equal(await fs.lseek(ino, 4, DATA), 100);
  assert.equal(await fs.lseek(ino, 0, HOLE), 4);
  assert.equal(await fs.lseek(ino, 50, HOLE), 50);
  assert.equal(await fs.lseek(ino, 100, HOLE), 104);
  await failsWith(ENXIO, () => fs.lseek(ino, 104, DATA));
  await failsWith(ENXIO, () => fs.lseek(ino, 200, HOLE));
  await failsWith(ENXIO, () => fs.lseek(ino, -1, DATA));
  await failsWith(EINVAL, () => fs.lseek(ino, 0, 0));
});

test('a hole behind very many extents is found in slices', async () => {
  const made = fixture();
  const count = rowsPerTurnMax * 2 + 5;
  const ino = await scattered(made, count, 1);
  assert.ok(made.fs.lseek(ino, 0, HOLE) instanceof Promise);
  assert.equal(await made.fs.lseek(ino, 0, HOLE), count);
});
