// Extended attributes of files, directories and symlinks.
import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, nobody, type PosixChecks } from './check.js';
import { call, callAs, fails, file, isExt4 } from './helpers.js';

const CREATE = 1;
const REPLACE = 2;

const get = (path: string, name: string): string => Buffer.from(call('getxattr', path, name, 70_000), 'hex').toString('latin1');

function list(path: string, user: number | null = null): readonly string[] {
  const hex = user === null ? call('listxattr', path, 70_000) : callAs(user, 'listxattr', path, 70_000);
  const names = Buffer.from(hex, 'hex').toString('latin1').split('\0').slice(0, -1);
  // A security module may label every file by itself.
  return names.filter((name) => name !== 'security.selinux').sort();
}

export const xattrChecks: PosixChecks = {
  'attributes are set, changed, listed and removed': (dir) => {
    const path = file(dir, 'f');
    mkdirSync(join(dir, 'd'));
    for (const target of [path, join(dir, 'd')]) {
      assert.deepEqual(list(target), []);
      call('setxattr', target, 'user.one', 'first', 0);
      call('setxattr', target, 'user.two', 'second', 0);
      call('setxattr', target, 'user.one', 'changed', 0);
      assert.deepEqual(list(target), ['user.one', 'user.two']);
      assert.deepEqual([get(target, 'user.one'), get(target, 'user.two')], ['changed', 'second']);
      call('removexattr', target, 'user.one');
      assert.deepEqual(list(target), ['user.two']);
      fails('ENODATA', () => get(target, 'user.one'));
      fails('ENODATA', () => call('removexattr', target, 'user.one'));
    }
  },
  'XATTR_CREATE wants a new name, XATTR_REPLACE an old one': (dir) => {
    const path = file(dir, 'f');
    fails('ENODATA', () => call('setxattr', path, 'user.a', '1', REPLACE));
    call('setxattr', path, 'user.a', '2', CREATE);
    fails('EEXIST', () => call('setxattr', path, 'user.a', '3', CREATE));
    call('setxattr', path, 'user.a', '4', REPLACE);
    assert.equal(get(path, 'user.a'), '4');
  },
  'values are bytes, and may be empty': (dir) => {
    const path = file(dir, 'f');
    call('setxattr', path, 'user.bytes', '%00ff0a0061', 0);
    assert.equal(get(path, 'user.bytes'), '\0\u00ff\n\0a');
    call('setxattr', path, 'user.empty', '', 0);
    assert.equal(get(path, 'user.empty'), '');
  },
  'sizes are told, and too small buffers are ERANGE': (dir) => {
    const path = file(dir, 'f');
    call('setxattr', path, 'user.a', '@100', 0);
    assert.equal(call('getxattr', path, 'user.a', 0), '100');
    assert.equal(call('listxattr', path, 0), String('user.a'.length + 1));
    fails('ERANGE', () => call('getxattr', path, 'user.a', 99));
    fails('ERANGE', () => call('listxattr', path, 3));
    assert.equal(call('getxattr', path, 'user.a', 100).length, 200);
  },
  'a value of 3,000 bytes fits, one of 64 KiB fits or is refused, a longer one is E2BIG': (dir) => {
    const path = file(dir, 'f');
    call('setxattr', path, 'user.a', '@3000', 0);
    assert.equal(get(path, 'user.a').length, 3_000);
    try {
      call('setxattr', path, 'user.b', '@65536', 0);
      assert.equal(get(path, 'user.b').length, 65_536);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
    fails('E2BIG', () => call('setxattr', path, 'user.c', '@65537', 0));
  },
  'a name has up to 255 bytes': (dir) => {
    const path = file(dir, 'f');
    const long = `user.${'n'.repeat(250)}`;
    call('setxattr', path, long, 'v', 0);
    assert.deepEqual(list(path), [long]);
    fails('ERANGE', () => call('setxattr', path, `${long}n`, 'v', 0));
  },
  'a thousand attributes are kept; ext4, which has a block for all of them, keeps what it took': (dir) => {
    const path = file(dir, 'f');
    const names = Array.from({ length: 1_000 }, (_, i) => `user.attribute-${i}`);
    if (isExt4(dir)) fails('ENOSPC', () => call('set-many', path, 1_000));
    else call('set-many', path, 1_000);
    const kept = isExt4(dir) ? names.slice(0, list(path).length) : names;
    assert.deepEqual(list(path), [...kept].sort());
    for (const name of [kept[0] ?? '', kept.at(-1) ?? '']) assert.equal(get(path, name), name);
  },
  'many attributes are kept apart': (dir) => {
    const path = file(dir, 'f');
    for (let n = 0; n < 40; n++) call('setxattr', path, `user.n${n}`, `value ${n}`, 0);
    assert.equal(list(path).length, 40);
    for (let n = 0; n < 40; n += 7) assert.equal(get(path, `user.n${n}`), `value ${n}`);
  },
  'namespaces that are not there are EOPNOTSUPP': (dir) => {
    const path = file(dir, 'f');
    fails('EOPNOTSUPP', () => call('setxattr', path, 'nonsense.a', 'v', 0));
    fails('EOPNOTSUPP', () => call('setxattr', path, 'a', 'v', 0));
    fails(['EINVAL', 'EOPNOTSUPP'], () => call('setxattr', path, 'user.', 'v', 0));
  },
  'user attributes are for files and directories only': (dir) => {
    symlinkSync('t', join(dir, 'l'));
    call('mknod', join(dir, 'p'), 0o010644, 0, 0);
    fails('EPERM', () => call('setxattr', join(dir, 'l'), 'user.a', 'v', 0));
    fails('EPERM', () => call('setxattr', join(dir, 'p'), 'user.a', 'v', 0));
  },
  'trusted attributes are root\'s, and hidden from others': (dir) => {
    needsRoot();
    const path = file(dir, 'f');
    chmodSync(dir, 0o755);
    chmodSync(path, 0o666);
    call('setxattr', path, 'trusted.a', 'secret', 0);
    assert.equal(get(path, 'trusted.a'), 'secret');
    assert.deepEqual(list(path), ['trusted.a']);
    assert.deepEqual(list(path, nobody), []);
    fails('EPERM', () => callAs(nobody, 'setxattr', path, 'trusted.a', 'v', 0));
    fails('ENODATA', () => callAs(nobody, 'getxattr', path, 'trusted.a', 100));
    symlinkSync('t', join(dir, 'l'));
    call('setxattr', join(dir, 'l'), 'trusted.l', 'on a symlink', 0);
    assert.equal(get(join(dir, 'l'), 'trusted.l'), 'on a symlink');
  },
  'reading and changing user attributes needs the mode for it': (dir) => {
    needsRoot();
    const path = file(dir, 'f');
    chmodSync(dir, 0o755);
    call('setxattr', path, 'user.a', 'v', 0);
    chmodSync(path, 0o644);
    callAs(nobody, 'getxattr', path, 'user.a', 10);
    fails('EACCES', () => callAs(nobody, 'setxattr', path, 'user.a', 'w', 0));
    chmodSync(path, 0o600);
    fails('EACCES', () => callAs(nobody, 'getxattr', path, 'user.a', 10));
  },
  'attributes belong to the file, not to its name': (dir) => {
    const path = file(dir, 'f', 'x');
    call('setxattr', path, 'user.a', 'v', 0);
    linkSync(path, join(dir, 'g'));
    renameSync(path, join(dir, 'h'));
    assert.equal(get(join(dir, 'g'), 'user.a'), 'v');
    call('removexattr', join(dir, 'h'), 'user.a');
    assert.deepEqual(list(join(dir, 'g')), []);
  },
};
