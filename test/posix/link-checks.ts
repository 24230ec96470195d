// Hard links, symbolic links, link counts, and files that lost their name while open.
import assert from 'node:assert/strict';
import { closeSync, constants, fstatSync, ftruncateSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, rmdirSync, statSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CheckSkipped, type PosixChecks } from './check.js';
import { call, client, fails, file, isXfs, lstat, timesChanged } from './helpers.js';

const linkCount = (path: string): number => lstatSync(path).nlink;

export const linkChecks: PosixChecks = {
  'a file made without a name gets one by linkat, unless it was opened with O_EXCL': (dir) => {
    const before = timesChanged(dir, () => fails('ENOENT', () => client('temporary', dir, 'hidden', join(dir, 'x'), constants.O_EXCL)));
    assert.deepEqual(before, { mtime: false, ctime: false });
    client('temporary', dir, 'text', join(dir, 'named'), 0);
    assert.deepEqual(readdirSync(dir), ['named']);
    assert.equal(readFileSync(join(dir, 'named'), 'utf8'), 'text');
    assert.equal(lstatSync(join(dir, 'named')).mode & 0o777, 0o640 & ~process.umask());
    fails('EEXIST', () => client('temporary', dir, 'text', join(dir, 'named'), 0));
  },
  'hard links are one file': (dir) => {
    const a = file(dir, 'a', 'one');
    mkdirSync(join(dir, 'd'));
    const b = join(dir, 'd', 'b');
    linkSync(a, b);
    assert.equal(lstatSync(a).ino, lstatSync(b).ino);
    assert.deepEqual([linkCount(a), linkCount(b)], [2, 2]);
    writeFileSync(b, 'two');
    call('chmod', b, 0o600);
    assert.equal(readFileSync(a, 'utf8'), 'two');
    assert.equal(lstatSync(a).mode & 0o777, 0o600);
    unlinkSync(a);
    assert.equal(linkCount(b), 1);
    assert.equal(readFileSync(b, 'utf8'), 'two');
  },
  'a thousand hard links are counted': (dir) => {
    const first = file(dir, 'l0', 'x');
    for (let n = 1; n < 1000; n++) linkSync(first, join(dir, `l${n}`));
    assert.equal(linkCount(first), 1000);
    for (let n = 1; n < 1000; n++) unlinkSync(join(dir, `l${n}`));
    assert.equal(linkCount(first), 1);
  },
  'a directory cannot be hard-linked': (dir) => {
    mkdirSync(join(dir, 'd'));
    fails('EPERM', () => linkSync(join(dir, 'd'), join(dir, 'e')));
  },
  'a hard link of a symlink is the symlink': (dir) => {
    symlinkSync('nowhere', join(dir, 's'));
    linkSync(join(dir, 's'), join(dir, 't'));
    assert.equal(readlinkSync(join(dir, 't')), 'nowhere');
    assert.equal(linkCount(join(dir, 's')), 2);
  },
  'directories count their subdirectories': (dir) => {
    const top = join(dir, 'top');
    mkdirSync(top);
    assert.equal(linkCount(top), 2);
    mkdirSync(join(top, 'a'));
    mkdirSync(join(top, 'b'));
    file(top, 'f');
    assert.equal(linkCount(top), 4);
    rmdirSync(join(top, 'a'));
    assert.equal(linkCount(top), 3);
  },
  'rmdir wants an empty directory, unlink none': (dir) => {
    mkdirSync(join(dir, 'd'));
    file(join(dir, 'd'), 'f');
    fails('ENOTEMPTY', () => rmdirSync(join(dir, 'd')));
    fails('EISDIR', () => unlinkSync(join(dir, 'd')));
    fails('ENOTDIR', () => rmdirSync(join(dir, 'd', 'f')));
    unlinkSync(join(dir, 'd', 'f'));
    rmdirSync(join(dir, 'd'));
    fails('ENOENT', () => rmdirSync(join(dir, 'd')));
  },
  'an unlinked file lives on in its handles': (dir) => {
    const path = file(dir, 'a', 'before');
    const [one, two] = [openSync(path, 'r+'), openSync(path, 'r')];
    unlinkSync(path);
    fails('ENOENT', () => lstatSync(path));
    assert.equal(fstatSync(one).nlink, 0);
    writeSync(one, 'after, and longer', 0);
    const back = Buffer.alloc(100);
    assert.equal(back.toString('utf8', 0, readSync(two, back, 0, 100, 0)), 'after, and longer');
    ftruncateSync(one, 5);
    assert.equal(fstatSync(two).size, 5);
    file(dir, 'a', 'another');
    assert.equal(back.toString('utf8', 0, readSync(two, back, 0, 100, 0)), 'after');
    closeSync(one);
    assert.equal(readSync(two, back, 0, 100, 0), 5);
    closeSync(two);
    assert.equal(readFileSync(path, 'utf8'), 'another');
  },
  'a large file unlinked while open keeps every byte': (dir) => {
    const path = file(dir, 'a', Buffer.alloc(3 << 20, 7));
    const fd = openSync(path, 'r');
    unlinkSync(path);
    for (let n = 0; n < 5; n++) file(dir, `other${n}`, Buffer.alloc(1 << 20, n));
    const back = Buffer.alloc(3 << 20);
    assert.equal(readSync(fd, back, 0, back.length, 0), back.length);
    assert.ok(back.equals(Buffer.alloc(3 << 20, 7)));
    closeSync(fd);
  },
  'a removed directory that is open is empty and takes no names': (dir) => {
    mkdirSync(join(dir, 'd'));
    const fd = openSync(join(dir, 'd'), 'r');
    rmdirSync(join(dir, 'd'));
    fails('ENOENT', () => writeFileSync(`/proc/self/fd/${fd}/x`, ''));
    fails('ENOENT', () => mkdirSync(`/proc/self/fd/${fd}/x`));
    assert.equal(fstatSync(fd).nlink, 0);
    closeSync(fd);
  },
  'symlink targets are 1 to 4095 bytes of anything': (dir) => {
    if (isXfs(dir)) throw new CheckSkipped('xfs ends at 1023 bytes');
    const long = `${'t/'.repeat(2047)}t`;
    symlinkSync(long, join(dir, 'long'));
    assert.equal(readlinkSync(join(dir, 'long')), long);
    assert.equal(lstat(join(dir, 'long')).size, 4095n);
    fails('ENAMETOOLONG', () => symlinkSync(`${long}t`, join(dir, 'longer')));
    fails('ENOENT', () => symlinkSync('', join(dir, 'empty')));
    const odd = Buffer.from([0x01, 0xff, 0x20, 0x0a, 0xc3]);
    symlinkSync(odd, join(dir, 'odd'));
    assert.deepEqual(readlinkSync(join(dir, 'odd'), { encoding: 'buffer' }), odd);
  },
  'a symlink is followed, or not, as asked': (dir) => {
    mkdirSync(join(dir, 'd'));
    file(join(dir, 'd'), 'f', 'text');
    symlinkSync('d', join(dir, 'l'));
    assert.equal(readFileSync(join(dir, 'l', 'f'), 'utf8'), 'text');
    assert.ok(lstatSync(join(dir, 'l')).isSymbolicLink());
    assert.ok(statSync(join(dir, 'l')).isDirectory());
    assert.deepEqual(readdirSync(join(dir, 'l')), ['f']);
    fails('ENOTDIR', () => rmdirSync(join(dir, 'l')));
    unlinkSync(join(dir, 'l'));
    assert.ok(statSync(join(dir, 'd', 'f')).isFile());
  },
  'symlink loops are ELOOP, readlink of a file EINVAL': (dir) => {
    symlinkSync('b', join(dir, 'a'));
    symlinkSync('a', join(dir, 'b'));
    fails('ELOOP', () => statSync(join(dir, 'a')));
    fails('ELOOP', () => openSync(join(dir, 'a'), 'r'));
    fails('EINVAL', () => readlinkSync(file(dir, 'f')));
    assert.equal(lstatSync(join(dir, 'a')).mode & 0o777, 0o777);
  },
};
