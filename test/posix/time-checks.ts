// Times: set to the nanosecond, and changed by exactly what changes them.
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { PosixChecks } from './check.js';
import { call, fails, file, lstat, pattern, stat, tick, timesChanged } from './helpers.js';

const both = { mtime: true, ctime: true };
const neither = { mtime: false, ctime: false };
const ctimeOnly = { mtime: false, ctime: true };
const second = 1_000_000_000n;

export const timeChecks: PosixChecks = {
  'times are kept to the nanosecond': (dir) => {
    const path = file(dir, 'f');
    call('utimens', path, 1_700_000_000, 123_456_789, 1_600_000_000, 999_999_999);
    assert.deepEqual([stat(path).atimeNs, stat(path).mtimeNs], [1_700_000_000n * second + 123_456_789n, 1_600_000_000n * second + 999_999_999n]);
  },
  'the time of birth is told, and nothing changes it': (dir) => {
    const before = BigInt(Date.now()) * 1_000_000n - 50_000_000n;
    const path = file(dir, 'f');
    const birth = call('birth', path);
    const [sec = '', nsec = ''] = birth.split(' ');
    assert.ok(BigInt(sec) * second + BigInt(nsec) >= before);
    tick();
    call('utimens', path, 1, 2, 3, 4);
    writeFileSync(path, 'more');
    chmodSync(path, 0o600);
    renameSync(path, join(dir, 'g'));
    assert.equal(call('birth', join(dir, 'g')), birth);
  },
  'times before 1970 and after 2106 are kept': (dir) => {
    const path = file(dir, 'f');
    for (const sec of [-1, -1_000_000_000, 0, 4_294_967_296, 7_258_118_400]) {
      call('utimens', path, sec, 5, sec, 7);
      assert.deepEqual([stat(path).atimeNs, stat(path).mtimeNs], [BigInt(sec) * second + 5n, BigInt(sec) * second + 7n]);
    }
  },
  'a time beyond what can be kept becomes the last that can': (dir) => {
    const path = file(dir, 'f');
    // A text: more than the exact integers of JavaScript. The year 2,147,483,647, the last that tools can name.
    call('utimens', path, '67767976233532799', 999_999_999, '67767976233532799', 999_999_999);
    const last = stat(path).mtimeNs;
    assert.ok(last > 4_294_967_296n * second && last <= 67_767_976_233_532_900n * second, String(last));
    call('utimens', path, '-67767976233532799', 0, '-67767976233532799', 0);
    const first = stat(path).mtimeNs;
    assert.ok(first <= -2_147_483_648n * second && first >= -67_767_976_233_532_900n * second, String(first));
  },
  'UTIME_OMIT leaves a time, UTIME_NOW sets the present': (dir) => {
    const path = file(dir, 'f');
    call('utimens', path, 1, 1, 2, 2);
    call('utimens', path, 0, 'omit', 5, 5);
    assert.deepEqual([stat(path).atimeNs, stat(path).mtimeNs], [second + 1n, 5n * second + 5n]);
    const before = BigInt(Date.now()) * 1_000_000n;
    call('utimens', path, 0, 'now', 0, 'omit');
    assert.ok(stat(path).atimeNs >= before - second && stat(path).atimeNs <= before + 60n * second);
    assert.equal(stat(path).mtimeNs, 5n * second + 5n);
  },
  'a symlink has times of its own': (dir) => {
    const path = file(dir, 'f');
    symlinkSync('f', join(dir, 'l'));
    const before = stat(path).mtimeNs;
    call('utimens', join(dir, 'l'), 10, 1, 20, 2);
    assert.equal(lstat(join(dir, 'l')).mtimeNs, 20n * second + 2n);
    assert.equal(stat(path).mtimeNs, before);
    lutimesSync(join(dir, 'l'), 3, 4);
    assert.equal(lstat(join(dir, 'l')).mtimeNs, 4n * second);
  },
  'setting times sets ctime to the present': (dir) => {
    const path = file(dir, 'f');
    const before = stat(path).ctimeNs;
    tick();
    call('utimens', path, 1, 1, 2, 2);
    assert.ok(stat(path).ctimeNs > before);
  },
  'a new file has the present in all its times': (dir) => {
    const before = BigInt(Date.now() - 1_000) * 1_000_000n;
    const { atimeNs, mtimeNs, ctimeNs } = stat(file(dir, 'f'));
    const after = BigInt(Date.now() + 1_000) * 1_000_000n;
    for (const time of [atimeNs, mtimeNs, ctimeNs]) assert.ok(time > before && time < after);
  },
  'writing changes mtime and ctime': (dir) => {
    const path = file(dir, 'f', 'x');
    assert.deepEqual(timesChanged(path, () => writeFileSync(path, 'y', { flag: 'r+' })), both);
    assert.deepEqual(timesChanged(path, () => writeFileSync(path, 'y', { flag: 'a' })), both);
  },
  'truncating changes mtime and ctime, O_TRUNC of an empty file too': (dir) => {
    const path = file(dir, 'f', 'xyz');
    assert.deepEqual(timesChanged(path, () => truncateSync(path, 1)), both);
    assert.deepEqual(timesChanged(path, () => truncateSync(path, 1_000)), both);
    truncateSync(path, 0);
    assert.deepEqual(timesChanged(path, () => closeSync(openSync(path, 'w'))), both);
  },
  'punching changes mtime and ctime': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(100_000, 1));
    assert.deepEqual(timesChanged(path, () => call('fallocate', path, 3, 0, 65_536)), both);
  },
  'a mapped write changes mtime': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(10_000, 1));
    assert.ok(timesChanged(path, () => call('map', path, 0, 0, 'mapped')).mtime);
  },
  'chmod, chown, link, rename, unlink of a name and xattrs change ctime only': (dir) => {
    const path = file(dir, 'f', 'x');
    const other = join(dir, 'g');
    assert.deepEqual(timesChanged(path, () => chmodSync(path, 0o600)), ctimeOnly);
    assert.deepEqual(timesChanged(path, () => call('chown', path, process.getuid?.() ?? 0, process.getgid?.() ?? 0)), ctimeOnly);
    assert.deepEqual(timesChanged(path, () => linkSync(path, other)), ctimeOnly);
    assert.deepEqual(timesChanged(path, () => unlinkSync(other)), ctimeOnly);
    assert.deepEqual(timesChanged(path, () => call('setxattr', path, 'user.a', 'v', 0)), ctimeOnly);
    assert.deepEqual(timesChanged(path, () => call('removexattr', path, 'user.a')), ctimeOnly);
    const before = stat(path);
    tick();
    renameSync(path, other);
    assert.ok(stat(other).ctimeNs > before.ctimeNs);
    assert.equal(stat(other).mtimeNs, before.mtimeNs);
  },
  'reading changes neither mtime nor ctime': (dir) => {
    const path = file(dir, 'f', 'x');
    mkdirSync(join(dir, 'd'));
    assert.deepEqual(timesChanged(path, () => readFileSync(path)), neither);
    assert.deepEqual(timesChanged(join(dir, 'd'), () => readdirSync(join(dir, 'd'))), neither);
    assert.deepEqual(timesChanged(path, () => closeSync(openSync(path, 'r+'))), neither);
  },
  'the first read to the end of a changed file is an access, though it is cached, and the second is none': async (dir) => {
    const path = file(dir, 'f', pattern(20_000));
    readFileSync(path);
    for (const change of [() => writeFileSync(path, 'new', { flag: 'r+' }), () => chmodSync(path, 0o600), () => call('utimens', path, 1, 1, 2, 2), () => truncateSync(path, 9_000)]) {
      tick();
      change();
      await accessed(path, () => readPast(path));
    }
  },
  'listing a directory is an access, also after its list has changed': async (dir) => {
    const d = join(dir, 'd');
    mkdirSync(d);
    await accessed(d, () => readdirSync(d));
    file(d, 'f');
    await accessed(d, () => readdirSync(d));
  },
  'following a symlink is an access': async (dir) => {
    symlinkSync('target', join(dir, 'l'));
    await accessed(join(dir, 'l'), () => readlinkSync(join(dir, 'l')));
  },
  'O_NOATIME reads leave the access time alone, and hide no later reader': async (dir) => {
    const path = file(dir, 'f', 'some text');
    tick();
    const before = stat(path).atimeNs;
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOATIME);
    assert.equal(readSync(fd, Buffer.alloc(4)), 4);
    closeSync(fd);
    assert.equal(stat(path).atimeNs, before);
    await accessed(path, () => readPast(path));
  },
  'a failed call changes no time': (dir) => {
    const path = file(dir, 'f', 'x');
    assert.deepEqual(timesChanged(dir, () => fails('EEXIST', () => openSync(path, 'wx'))), neither);
    assert.deepEqual(timesChanged(dir, () => fails('ENOENT', () => unlinkSync(join(dir, 'no')))), neither);
    assert.deepEqual(timesChanged(dir, () => fails('EEXIST', () => mkdirSync(path))), neither);
  },
  'a change of names changes the times of the directory': (dir) => {
    const d = join(dir, 'd');
    mkdirSync(d);
    const changes: readonly (readonly [string, () => void])[] = [
      ['create', () => void file(d, 'f')],
      ['mkdir', () => mkdirSync(join(d, 'sub'))],
      ['symlink', () => symlinkSync('t', join(d, 'l'))],
      ['link', () => linkSync(join(d, 'f'), join(d, 'h'))],
      ['fifo', () => void call('mknod', join(d, 'p'), 0o010644, 0, 0)],
      ['rename', () => renameSync(join(d, 'h'), join(d, 'i'))],
      ['exchange', () => void call('rename', join(d, 'f'), join(d, 'l'), 2)],
      ['unlink', () => unlinkSync(join(d, 'i'))],
      ['rmdir', () => rmdirSync(join(d, 'sub'))],
    ];
    for (const [what, change] of changes) assert.deepEqual(timesChanged(d, change), both, what);
  },
  'a rename changes both directories': (dir) => {
    const [one, two] = [join(dir, 'one'), join(dir, 'two')];
    mkdirSync(one);
    mkdirSync(two);
    file(one, 'f');
    const before = stat(two);
    assert.deepEqual(timesChanged(one, () => renameSync(join(one, 'f'), join(two, 'f'))), both);
    assert.ok(stat(two).mtimeNs > before.mtimeNs);
  },
  'a change of content leaves the directory alone': (dir) => {
    const path = file(dir, 'f', 'x');
    const fd = openSync(path, 'r+');
    assert.deepEqual(timesChanged(dir, () => void writeSync(fd, 'more')), neither);
    assert.deepEqual(timesChanged(dir, () => chmodSync(path, 0o600)), neither);
    closeSync(fd);
  },
};

/** The first read makes the access time new, the second changes nothing. */
async function accessed(path: string, read: () => unknown): Promise<void> {
  const { atimeNs } = lstat(path);
  // Times come from clocks that may differ by a few ticks.
  await setTimeout(50);
  read();
  const after = lstat(path);
  assert.ok(after.atimeNs > atimeNs, 'reading changes the access time');
  assert.ok(after.atimeNs > after.mtimeNs && after.atimeNs > after.ctimeNs, 'an access is the newest of the times');
  await setTimeout(50);
  read();
  assert.equal(lstat(path).atimeNs, after.atimeNs, 'relatime: one access counts');
}

/** As cat(1) does: asks for more than there is. */
function readPast(path: string): void {
  const fd = openSync(path, 'r');
  const { size } = stat(path);
  assert.equal(readSync(fd, Buffer.alloc(Number(size) + 1)), Number(size));
  closeSync(fd);
}
