// copy_file_range: any range to any place, holes as holes or zeros, and copies that are files of their own afterwards.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, nobody, type PosixChecks } from './check.js';
import { call, callAs, fails, file, modeOf, pattern, timesChanged } from './helpers.js';

/** Until all of it is copied: one call may do less. */
function copy(from: string, to: string, fromOffset: number, toOffset: number, length: number): void {
  for (let done = 0; done < length; ) {
    const step = Number(call('copy-range', from, to, fromOffset + done, toOffset + done, length - done));
    assert.ok(step > 0, `nothing was copied after ${done} bytes`);
    done += step;
  }
}

export const copyChecks: PosixChecks = {
  'any range goes to any place': (dir) => {
    const bytes = pattern(300_000);
    const from = file(dir, 'from', bytes);
    const to = file(dir, 'to', pattern(100_000, 2));
    const expected = Buffer.concat([pattern(100_000, 2), Buffer.alloc(150_000)]);
    for (const [fromOffset, toOffset, length] of [[0, 0, 5_000], [4_097, 8_191, 60_001], [299_999, 3, 1], [100_001, 99_000, 151_000]] as const) {
      copy(from, to, fromOffset, toOffset, length);
      bytes.copy(expected, toOffset, fromOffset, fromOffset + length);
    }
    assert.ok(readFileSync(to).equals(expected));
    assert.ok(readFileSync(from).equals(bytes));
  },
  'a copy sees what was just written, and is seen at once': (dir) => {
    const from = file(dir, 'from', Buffer.alloc(20_000, 1));
    const to = file(dir, 'to', Buffer.alloc(20_000, 2));
    assert.equal(readFileSync(to)[5_000], 2);
    call('pwrite', from, 0, 5_000, 'new');
    call('map', from, 0, 9_000, 'mapped');
    copy(from, to, 4_000, 4_000, 8_000);
    assert.equal(readFileSync(to).subarray(5_000, 5_003).toString(), 'new');
    assert.equal(readFileSync(to).subarray(9_000, 9_006).toString(), 'mapped');
    assert.equal(readFileSync(to)[12_000], 2);
  },
  'source and copy are two files: a change of one leaves the other': (dir) => {
    const bytes = pattern(200_000);
    const from = file(dir, 'from', bytes);
    const to = join(dir, 'to');
    copy(from, to, 0, 0, 200_000);
    call('pwrite', from, 0, 1_000, 'changed');
    call('pwrite', to, 0, 150_000, 'changed');
    bytes.write('changed', 150_000);
    assert.ok(readFileSync(to).equals(bytes));
    truncateSync(from, 10);
    assert.ok(readFileSync(to).equals(bytes));
    unlinkSync(from);
    assert.ok(readFileSync(to).equals(bytes));
  },
  'holes of the source replace data': (dir) => {
    const from = file(dir, 'from');
    call('pwrite', from, 0, 100_000, 'island');
    truncateSync(from, 400_000);
    const to = file(dir, 'to', Buffer.alloc(200_000, 7));
    copy(from, to, 0, 0, 400_000);
    const expected = Buffer.alloc(400_000);
    expected.write('island', 100_000);
    assert.ok(readFileSync(to).equals(expected));
  },
  'a file is copied within itself, but not over itself': (dir) => {
    const bytes = pattern(100_000);
    const path = file(dir, 'f', bytes);
    copy(path, path, 0, 60_000, 30_000);
    bytes.copy(bytes, 60_000, 0, 30_000);
    assert.ok(readFileSync(path).equals(bytes));
    fails('EINVAL', () => call('copy-range', path, path, 0, 10_000, 20_000));
  },
  'what lies past the end is not copied': (dir) => {
    const from = file(dir, 'from', 'short');
    const to = file(dir, 'to');
    assert.equal(call('copy-range', from, to, 3, 0, 1_000), '2');
    assert.equal(call('copy-range', from, to, 5, 0, 1_000), '0');
    assert.equal(call('copy-range', from, to, 900, 0, 1_000), '0');
    assert.equal(readFileSync(to, 'utf8'), 'rt');
    fails('EISDIR', () => call('copy-range', dir, to, 0, 0, 10));
  },
  'a copy changes mtime and ctime of the target': (dir) => {
    const from = file(dir, 'from', 'text');
    const to = file(dir, 'to', 'text');
    assert.deepEqual(timesChanged(to, () => copy(from, to, 0, 0, 4)), { mtime: true, ctime: true });
    assert.deepEqual(timesChanged(from, () => copy(from, to, 0, 0, 4)), { mtime: false, ctime: false });
    assert.equal(statSync(to).size, 4);
  },
  'who copies into, or preallocates, a setuid program without privileges takes its bits': (dir) => {
    needsRoot();
    const from = file(dir, 'from', 'text');
    for (const act of [(path: string) => callAs(nobody, 'copy-range', from, path, 0, 0, 4), (path: string) => callAs(nobody, 'fallocate', path, 0, 0, 100)]) {
      const path = file(dir, 'program', 'text');
      chmodSync(dir, 0o777);
      chownSync(path, nobody, nobody);
      chmodSync(path, 0o6755);
      act(path);
      assert.equal(modeOf(path), 0o755);
    }
  },
};
