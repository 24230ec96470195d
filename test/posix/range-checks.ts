// Holes: sparse files, SEEK_DATA and SEEK_HOLE, fallocate in its forms. Offsets are multiples of 64 KiB, so that
// filesystems with large blocks can have the same holes.
import assert from 'node:assert/strict';
import { closeSync, fsyncSync, openSync, readFileSync, readSync, statfsSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { PosixChecks } from './check.js';
import { call, fails, file } from './helpers.js';

const unit = 64 * 1024;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 3;
const ZERO_RANGE = 16;

const allocated = (path: string): number => statSync(path).blocks * 512;

/** Writes units of data at the given units and sets the size, synced so that block counts are true. */
function sparse(dir: string, units: readonly number[], size: number): string {
  const path = join(dir, 'sparse');
  const fd = openSync(path, 'w');
  for (const at of units) writeSync(fd, Buffer.alloc(unit, 100), 0, unit, at * unit);
  closeSync(fd);
  truncateSync(path, size * unit);
  return synced(path);
}

function synced(path: string): string {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
  return path;
}

function expectUnits(path: string, units: readonly number[], size: number): void {
  const expected = Buffer.alloc(size * unit);
  for (const at of units) expected.fill(100, at * unit, (at + 1) * unit);
  assert.ok(readFileSync(path).equals(expected));
}

export const rangeChecks: PosixChecks = {
  'a file with a hole of a gigabyte takes little room and reads as zeros': (dir) => {
    const path = file(dir, 'f');
    const fd = openSync(path, 'r+');
    writeSync(fd, 'end', 2 ** 30);
    fsyncSync(fd);
    assert.equal(statSync(path).size, 2 ** 30 + 3);
    assert.ok(allocated(path) < 1 << 20, `${allocated(path)} bytes allocated`);
    const back = Buffer.alloc(10, 1);
    assert.equal(readSync(fd, back, 0, 10, 2 ** 29), 10);
    assert.ok(back.equals(Buffer.alloc(10)));
    assert.equal(readSync(fd, back, 0, 10, 2 ** 30), 3);
    closeSync(fd);
  },
  'a terabyte is a size like any other': (dir) => {
    const path = file(dir, 'f');
    truncateSync(path, 2 ** 40);
    call('pwrite', path, 0, 2 ** 40 - 4, 'last');
    assert.equal(statSync(path).size, 2 ** 40);
    const fd = openSync(path, 'r');
    const back = Buffer.alloc(8);
    assert.equal(readSync(fd, back, 0, 8, 2 ** 40 - 8), 8);
    assert.equal(back.toString('latin1'), '\0\0\0\0last');
    closeSync(fd);
  },
  'allocated blocks are those with data': (dir) => {
    const path = sparse(dir, [0, 5, 6], 20);
    assert.equal(allocated(path), 3 * unit);
  },
  'SEEK_DATA and SEEK_HOLE find the borders': (dir) => {
    const path = sparse(dir, [1, 2, 5], 8);
    const seek = (at: number, what: 'data' | 'hole'): number => Number(call('seek', path, at * unit, what)) / unit;
    assert.deepEqual([seek(0, 'data'), seek(1, 'data'), seek(3, 'data'), seek(5, 'data')], [1, 1, 5, 5]);
    assert.deepEqual([seek(0, 'hole'), seek(1, 'hole'), seek(4, 'hole'), seek(5, 'hole'), seek(7, 'hole')], [0, 3, 4, 6, 7]);
    fails('ENXIO', () => call('seek', path, 6 * unit, 'data'));
    fails('ENXIO', () => call('seek', path, 8 * unit, 'hole'));
    fails('ENXIO', () => call('seek', path, 9 * unit, 'data'));
  },
  'the end of a file without holes is a hole': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(100_001, 1));
    assert.equal(call('seek', path, 0, 'hole'), '100001');
    assert.equal(call('seek', path, 50_000, 'data'), '50000');
  },
  'punching makes a hole and keeps the size': (dir) => {
    const path = sparse(dir, [0, 1, 2, 3], 4);
    call('fallocate', path, PUNCH_HOLE, unit, 2 * unit);
    synced(path);
    expectUnits(path, [0, 3], 4);
    assert.equal(allocated(path), 2 * unit);
    call('fallocate', path, PUNCH_HOLE, 3 * unit, 100 * unit);
    expectUnits(path, [0], 4);
  },
  'punching inside a block zeroes just those bytes': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(10_000, 7));
    call('fallocate', path, PUNCH_HOLE, 100, 9_000);
    assert.ok(readFileSync(path).equals(Buffer.concat([Buffer.alloc(100, 7), Buffer.alloc(9_000), Buffer.alloc(900, 7)])));
  },
  'a punched hole can be written again': (dir) => {
    const path = sparse(dir, [0, 1, 2], 3);
    call('fallocate', path, PUNCH_HOLE, 0, 3 * unit);
    call('pwrite', path, 0, unit + 5, 'again');
    const expected = Buffer.alloc(3 * unit);
    expected.write('again', unit + 5);
    assert.ok(readFileSync(path).equals(expected));
  },
  'zeroing a range grows the file, or with KEEP_SIZE not': (dir) => {
    const path = sparse(dir, [0, 1, 2], 3);
    call('fallocate', path, ZERO_RANGE | KEEP_SIZE, 2 * unit, 4 * unit);
    expectUnits(path, [0, 1], 3);
    call('fallocate', path, ZERO_RANGE, unit, 4 * unit);
    expectUnits(path, [0], 5);
  },
  'preallocation grows the file with zeros, or with KEEP_SIZE not at all': (dir) => {
    const path = file(dir, 'f', 'text');
    call('fallocate', path, KEEP_SIZE, 0, 4 * unit);
    assert.equal(readFileSync(path, 'utf8'), 'text');
    call('fallocate', path, 0, 2, 1_000);
    assert.equal(readFileSync(path, 'latin1'), `text${'\0'.repeat(998)}`);
    call('fallocate', path, 0, 0, 10);
    assert.equal(statSync(path).size, 1_002);
  },
  'preallocated room shows in the blocks of a file, and is a hole': (dir) => {
    const path = file(dir, 'f');
    call('fallocate', path, KEEP_SIZE, unit, 4 * unit);
    assert.deepEqual([statSync(synced(path)).size, allocated(path)], [0, 4 * unit]);
    call('pwrite', path, 0, 2 * unit, 'x'.repeat(100));
    assert.deepEqual([statSync(synced(path)).size, allocated(path)], [2 * unit + 100, 4 * unit]);
    assert.equal(call('seek', path, 0, 'data'), String(2 * unit));
    assert.equal(call('seek', path, unit, 'hole'), String(unit));
    truncateSync(path, 2 * unit + 100);
    assert.ok(allocated(synced(path)) <= 2 * unit, `${allocated(path)}`);
  },
  'zeroing keeps the room, punching gives it back': (dir) => {
    const path = sparse(dir, [0, 1, 2, 3], 4);
    call('fallocate', path, ZERO_RANGE, 0, 3 * unit);
    assert.equal(allocated(synced(path)), 4 * unit);
    expectUnits(path, [3], 4);
    call('fallocate', path, PUNCH_HOLE, 0, 4 * unit);
    assert.deepEqual([allocated(synced(path)), statSync(path).size], [0, 4 * unit]);
  },
  'what is preallocated is missing in the free space': (dir) => {
    const path = file(dir, 'f');
    const free = (): number => statfsSync(dir).bfree * statfsSync(dir).bsize;
    const before = free();
    call('fallocate', path, 0, 0, 512 * unit);
    synced(path);
    assert.ok(before - free() > 500 * unit, `${before - free()}`);
  },
  'fallocate refuses empty and negative ranges and directories': (dir) => {
    const path = file(dir, 'f', 'text');
    fails('EINVAL', () => call('fallocate', path, 0, 0, 0));
    fails('EINVAL', () => call('fallocate', path, 0, -1, 10));
    fails(['EOPNOTSUPP', 'EINVAL'], () => call('fallocate', path, 2, 0, 10));
    fails('EFBIG', () => call('fallocate', path, 0, '0x7ffffffffffff000', '0x7ffffffffffff000'));
    fails(['EISDIR', 'EBADF'], () => call('fallocate', dir, 0, 0, 10));
  },
};
