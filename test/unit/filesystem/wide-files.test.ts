// Files as large as Linux knows them, on the memory volume: every family of operations at the very end and past 2^53.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileOffset } from '../../../src/base/file-offset.js';
import { ENOSPC, ENXIO } from '../../../src/filesystem/errno.js';
import { O_RDWR } from '../../../src/filesystem/posix.js';
import { alice, b, failsWith, fixture } from './fixture.js';

const PUNCH = 3;
const ZERO = 0x10;
const DATA = 3;
const HOLE = 4;

test('the last byte of the largest file is written, read and copied, and its end is found', async () => {
  const { fs, file, inode } = fixture();
  const { ino } = await file('a', 'begin');
  const { handle } = await fs.open(ino, O_RDWR, false);
  const end = 2n ** 63n - 1n;
  assert.equal(await fs.write(ino, handle, end - 4n, b('last'), false), 4);
  assert.deepEqual([(await inode(ino)).size, (await inode(ino)).allocated], [end, 9]);
  assert.deepEqual(await fs.read(ino, handle, end - 6n, 4096), b('\0\0last'));
  assert.deepEqual(await fs.read(ino, handle, end, 4096), b(''));
  assert.deepEqual(await fs.read(ino, handle, 2n ** 64n - 1n, 4096), b(''));
  assert.deepEqual(await fs.read(ino, handle, 2 ** 53 - 1, 3), b('\0\0\0'));
  assert.equal(await fs.copyRange(alice, ino, handle, end - 4n, ino, handle, 2n ** 53n, 100), 4);
  assert.deepEqual(await fs.read(ino, handle, 2 ** 53 - 1, 6), b('\0last\0'));
  assert.equal(await fs.copyRange(alice, ino, handle, 2n ** 53n, ino, handle, 5, 4), 4);
  assert.deepEqual(await fs.read(ino, handle, 0, 10), b('beginlast\0'));
});

test('ranges of exabytes are punched, zeroed and searched at the cost of what lies in them', async () => {
  const { fs, file, inode } = fixture();
  const { ino } = await file('a', 'data');
  const { handle } = await fs.open(ino, 2, false);
  const end = 2n ** 63n - 1n;
  await fs.write(ino, handle, end - 4n, b('last'), false);
  const seek = (offset: FileOffset) => Promise.all([DATA, HOLE].map(async (whence) => fs.lseek(ino, offset, whence)));
  assert.deepEqual(await seek(0), [0, 4]);
  assert.deepEqual(await seek(4), [end - 4n, 4]);
  assert.deepEqual(await seek(2n ** 53n), [end - 4n, 2n ** 53n]);
  assert.deepEqual(await seek(end - 1n), [end - 1n, end]);
  await failsWith(ENXIO, () => fs.lseek(ino, end, HOLE));
  await fs.fallocate(ino, 2, end - 3n, PUNCH);
  assert.deepEqual([(await inode(ino)).size, (await inode(ino)).allocated], [end, 3]);
  assert.deepEqual(await fs.read(ino, handle, end - 4n, 4), b('\0\0\0t'));
  await fs.setattr({ uid: 0, gid: 0, pid: 1 }, ino, { size: 1 });
  await fs.fallocate(ino, 2n ** 53n, 7, ZERO);
  assert.deepEqual([(await inode(ino)).size, (await inode(ino)).allocated], [2n ** 53n + 7n, 8]);
  await failsWith(ENOSPC, () => fs.fallocate(ino, 1, end - 1n, 0));
});
