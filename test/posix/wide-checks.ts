// Files as large as Linux knows them: 2^63 - 1 bytes, nearly all of it hole, and exact at every byte. Of the filesystems of the
// kernel xfs and btrfs have such files; ext4 ends at 16 TiB.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { CheckSkipped, type PosixCheck, type PosixChecks } from './check.js';
import { call, fails, file, isExt4 } from './helpers.js';

const end = 2n ** 63n - 1n;
const inexact = 2n ** 53n;
const unit = 65_536n;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 3;
const ZERO_RANGE = 16;
const O_APPEND = 0o2000;

const size = (path: string): bigint => statSync(path, { bigint: true }).size;
const allocated = (path: string): bigint => statSync(path, { bigint: true }).blocks * 512n;
/** The kernel refuses to read over the end of all places, though what is past the end of a file is only empty elsewhere. */
const read = (path: string, offset: bigint, bytes: bigint): string => Buffer.from(call('pread', path, offset, offset + bytes > end ? end - offset : bytes), 'hex').toString('latin1');
const write = (path: string, offset: bigint, text: string, flags = 0): string => call('pwrite', path, flags, offset, text);

function wide(check: (path: string, dir: string) => void): PosixCheck {
  return (dir) => {
    if (isExt4(dir)) throw new CheckSkipped('the files of ext4 end at 16 TiB');
    check(file(dir, 'f'), dir);
  };
}

export const wideChecks: PosixChecks = {
  'the largest file has 2^63 - 1 bytes: its last one is written and read, and none behind it': wide((path) => {
    call('truncate', path, end);
    assert.equal(size(path), end);
    assert.equal(write(path, end - 4n, 'last'), '4');
    assert.equal(read(path, end - 6n, 100n), '\0\0last');
    assert.equal(read(path, end, 100n), '');
    fails('EINVAL', () => call('pread', path, end - 6n, 100));
    fails('EINVAL', () => write(path, end, 'x'));
    call('truncate', path, end - 2n);
    assert.equal(write(path, 0n, 'cut off', O_APPEND), '2', 'as much as there is room for');
    assert.equal(read(path, end - 4n, 100n), 'lacu');
    fails('EFBIG', () => write(path, 0n, 'x', O_APPEND));
    assert.equal(size(path), end);
    assert.ok(allocated(path) <= unit, `${allocated(path)} bytes allocated`);
  }),
  'every byte around 2^53 is one of its own': wide((path) => {
    for (const [text, at] of [
      ['a', inexact - 1n],
      ['b', inexact],
      ['c', inexact + 1n],
      ['e', inexact + 3n],
    ] as const) {
      assert.equal(write(path, at, text), '1');
      assert.equal(size(path), at + 1n);
    }
    assert.equal(read(path, inexact - 3n, 100n), '\0\0abc\0e');
    for (const [left, text] of [
      [inexact + 2n, 'abc'],
      [inexact + 1n, 'ab'],
      [inexact, 'a'],
      [inexact - 1n, ''],
    ] as const) {
      call('truncate', path, left);
      assert.deepEqual([size(path), read(path, inexact - 1n, 100n)], [left, text]);
    }
    call('truncate', path, inexact + 4n);
    assert.equal(read(path, inexact - 1n, 100n), '\0\0\0\0\0');
  }),
  'data and holes are found over exabytes': wide((path) => {
    const data = [0n, inexact - unit, inexact + unit, 2n ** 62n];
    for (const at of data) write(path, at, 'x'.repeat(Number(unit)));
    call('truncate', path, end);
    const seek = (at: bigint, what: 'data' | 'hole'): bigint => BigInt(call('seek', path, at, what));
    assert.deepEqual(
      [1n, unit, inexact, inexact + unit + 1n, inexact + 2n * unit, 2n ** 62n].map((at) => seek(at, 'data')),
      [1n, data[1], data[2], inexact + unit + 1n, data[3], data[3]],
    );
    assert.deepEqual(
      [0n, inexact - 1n, inexact, inexact + unit, 2n ** 62n, end - 1n].map((at) => seek(at, 'hole')),
      [unit, inexact, inexact, inexact + 2n * unit, 2n ** 62n + unit, end - 1n],
    );
    fails('ENXIO', () => seek(2n ** 62n + unit, 'data'));
    fails('ENXIO', () => seek(end, 'hole'));
    write(path, end - 1n, 'z');
    assert.ok(seek(2n ** 62n + unit, 'data') >= end - unit);
    assert.equal(seek(end - 1n, 'hole'), end);
  }),
  'ranges of exabytes are punched and zeroed, and none reaches past the end': wide((path) => {
    const block = 'x'.repeat(Number(unit));
    for (const at of [0n, inexact, 2n ** 62n]) write(path, at, block);
    call('fallocate', path, PUNCH_HOLE, unit, end - unit);
    assert.deepEqual([size(path), allocated(path)], [2n ** 62n + unit, unit]);
    assert.equal(read(path, inexact, 3n), '\0\0\0');
    for (const at of [inexact, 2n ** 62n]) write(path, at, block);
    call('fallocate', path, PUNCH_HOLE, inexact + 10n, 2n ** 62n - inexact);
    assert.equal(read(path, inexact + 8n, 4n), 'xx\0\0');
    assert.equal(read(path, 2n ** 62n + 8n, 4n), '\0\0xx');
    call('fallocate', path, ZERO_RANGE | KEEP_SIZE, 2n ** 62n + 11n, 1);
    assert.equal(read(path, 2n ** 62n + 9n, 4n), '\0x\0x');
    fails('EFBIG', () => call('fallocate', path, PUNCH_HOLE, 1, end));
    fails('EFBIG', () => call('fallocate', path, 0, end, 1));
  }),
  'ranges are copied from and to places past 2^53': wide((path, dir) => {
    const to = file(dir, 'to', 'start');
    write(path, inexact + 1n, 'far away');
    assert.equal(call('copy-range', path, to, inexact + 5n, 5, 100), '4');
    assert.equal(read(to, 0n, 100n), 'startaway');
    assert.equal(call('copy-range', to, path, 0, end - 5n, 5), '5');
    assert.equal(read(path, end - 6n, 100n), '\0start');
    fails('EFBIG', () => call('copy-range', to, path, 0, end, 5));
  }),
  'a whole page at the end of everything goes past the cache and through it': wide((path) => {
    call('direct-write', path, end + 1n - 8192n, 'direct');
    assert.equal(read(path, end + 1n - 8192n, 7n), 'direct\0');
    write(path, end + 1n - 8188n, 'cached');
    assert.equal(Buffer.from(call('direct-read', path, end + 1n - 8192n, 11), 'hex').toString('latin1'), 'direcached\0'.slice(0, 11));
    assert.equal(size(path), end + 1n - 4096n);
  }),
};
