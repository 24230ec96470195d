// Owners and modes: what new files get, who may do what, and when privileges are taken. Most need root, to act as another user.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, nobody, type PosixChecks } from './check.js';
import { call, callAs, fails, file, modeOf } from './helpers.js';

const group = 4242;
const O_CREAT_WRONLY = 0o101;
const O_TRUNC_WRONLY = 0o1001;
const PUNCH_HOLE = 3;
const ZERO_RANGE = 16;

/** A directory in which everybody may do everything. */
function open(dir: string): string {
  needsRoot();
  chmodSync(dir, 0o777);
  return dir;
}

/** A file of nobody's with this mode. */
function theirs(dir: string, name: string, mode: number, content = 'text'): string {
  const path = file(open(dir), name, content);
  chownSync(path, nobody, nobody);
  chmodSync(path, mode);
  return path;
}

export const permissionChecks: PosixChecks = {
  'modes are what was asked for, less the umask': (dir) => {
    const before = process.umask(0o027);
    try {
      file(dir, 'f');
      mkdirSync(join(dir, 'd'));
      call('mknod', join(dir, 'p'), 0o010666, 0, 0);
      assert.deepEqual([modeOf(join(dir, 'f')), modeOf(join(dir, 'd')), modeOf(join(dir, 'p'))], [0o640, 0o750, 0o640]);
    } finally {
      process.umask(before);
    }
  },
  'chmod sets all twelve bits of files and directories': (dir) => {
    needsRoot();
    const path = file(dir, 'f');
    mkdirSync(join(dir, 'd'));
    for (const mode of [0o0000, 0o0644, 0o1777, 0o2755, 0o4755, 0o6711, 0o7777]) {
      chmodSync(path, mode);
      chmodSync(join(dir, 'd'), mode);
      assert.deepEqual([modeOf(path), modeOf(join(dir, 'd'))], [mode, mode]);
    }
  },
  'what is made belongs to its maker': (dir) => {
    const path = join(open(dir), 'f');
    callAs(nobody, 'open', path, O_CREAT_WRONLY);
    callAs(nobody, 'mkdir', join(dir, 'd'), 0o755);
    for (const made of [path, join(dir, 'd')]) assert.deepEqual([statSync(made).uid, statSync(made).gid], [nobody, nobody]);
  },
  'owners are kept as 32 bits': (dir) => {
    needsRoot();
    const path = file(dir, 'f');
    chownSync(path, 3_000_000_000, 4_000_000_000);
    assert.deepEqual([statSync(path).uid, statSync(path).gid], [3_000_000_000, 4_000_000_000]);
    chownSync(path, 5, -1 >>> 0);
    assert.deepEqual([statSync(path).uid, statSync(path).gid], [5, 4_000_000_000]);
  },
  'a setgid directory gives its group, and the bit to directories': (dir) => {
    chownSync(open(dir), 0, group);
    chmodSync(dir, 0o2777);
    callAs(nobody, 'open', join(dir, 'f'), O_CREAT_WRONLY);
    callAs(nobody, 'mkdir', join(dir, 'd'), 0o755);
    assert.deepEqual([statSync(join(dir, 'f')).gid, modeOf(join(dir, 'f')) & 0o2000], [group, 0]);
    assert.deepEqual([statSync(join(dir, 'd')).gid, modeOf(join(dir, 'd')) & 0o2000], [group, 0o2000]);
    callAs(nobody, 'mkdir', join(dir, 'd', 'e'), 0o755);
    assert.equal(statSync(join(dir, 'd', 'e')).gid, group);
  },
  'a write by another takes setuid and setgid, by root neither': (dir) => {
    const path = theirs(dir, 'f', 0o6777);
    call('pwrite', path, 0, 0, 'root');
    assert.equal(modeOf(path), 0o6777);
    callAs(nobody, 'pwrite', path, 0, 0, 'user');
    assert.equal(modeOf(path), 0o777);
  },
  'a truncate by another takes setuid and setgid': (dir) => {
    const path = theirs(dir, 'f', 0o6777);
    callAs(nobody, 'truncate', path, 2);
    assert.equal(modeOf(path), 0o777);
    chmodSync(path, 0o4777);
    callAs(nobody, 'open', path, O_TRUNC_WRONLY);
    assert.equal(modeOf(path), 0o777);
  },
  'chown takes setuid and setgid of files, also from root, not of directories': (dir) => {
    const path = theirs(dir, 'f', 0o6755);
    chownSync(path, 7, 7);
    assert.equal(modeOf(path), 0o755);
    mkdirSync(join(dir, 'd'));
    chmodSync(join(dir, 'd'), 0o2755);
    chownSync(join(dir, 'd'), 7, 7);
    assert.equal(modeOf(join(dir, 'd')), 0o2755);
  },
  'setgid that nobody runs goes with a change from outside of the group, and stays with one of a member': (dir) => {
    const from = file(open(dir), 'from', 'text');
    const changes: readonly ((path: string) => [string, ...(string | number)[]])[] = [
      (path) => ['pwrite', path, 0, 0, 'user'],
      (path) => ['truncate', path, 2],
      (path) => ['open', path, O_TRUNC_WRONLY],
      (path) => ['fallocate', path, 0, 0, 100],
      (path) => ['fallocate', path, PUNCH_HOLE, 0, 2],
      (path) => ['fallocate', path, ZERO_RANGE, 0, 2],
      (path) => ['copy-range', from, path, 0, 0, 4],
    ];
    const path = theirs(dir, 'f', 0o666);
    chownSync(path, nobody, group);
    for (const change of changes) {
      chmodSync(path, 0o2666);
      call('in-group', group, nobody, ...change(path));
      assert.equal(modeOf(path), 0o2666, change('').join(' '));
      callAs(nobody, ...change(path));
      assert.equal(modeOf(path), 0o666, change('').join(' '));
    }
    chmodSync(path, 0o2666);
    call('in-group', group, nobody, 'chown', path, -1, group);
    assert.equal(modeOf(path), 0o2666, 'chown of a member');
    callAs(nobody, 'chown', path, -1, nobody);
    assert.equal(modeOf(path), 0o666, 'chown from outside');
  },
  'file capabilities go with a write': (dir) => {
    needsRoot();
    const path = file(dir, 'f', 'x');
    // vfs_cap_data, revision 2: CAP_NET_RAW permitted.
    const capability = '%0100000200200000000000000000000000000000';
    call('setxattr', path, 'security.capability', capability, 0);
    call('pwrite', path, 0, 0, 'y');
    fails('ENODATA', () => call('getxattr', path, 'security.capability', 100));
  },
  'only the owner changes the mode, only root the owner': (dir) => {
    const path = file(open(dir), 'f');
    fails('EPERM', () => callAs(nobody, 'chmod', path, 0o777));
    fails('EPERM', () => callAs(nobody, 'chown', path, nobody, nobody));
    const own = theirs(dir, 'own', 0o600);
    callAs(nobody, 'chmod', own, 0o640);
    assert.equal(modeOf(own), 0o640);
    fails('EPERM', () => callAs(nobody, 'chown', own, 0, -1));
    fails('EPERM', () => callAs(nobody, 'chown', own, -1, group));
    callAs(nobody, 'chown', own, -1, nobody);
  },
  'setgid of a file is refused to those outside its group': (dir) => {
    const path = theirs(dir, 'f', 0o755);
    chownSync(path, nobody, group);
    callAs(nobody, 'chmod', path, 0o2755);
    assert.equal(modeOf(path), 0o755);
  },
  'permission to read, write and enter is kept': (dir) => {
    const path = file(open(dir), 'f');
    chmodSync(path, 0o600);
    fails('EACCES', () => callAs(nobody, 'open', path, 0));
    chmodSync(path, 0o644);
    callAs(nobody, 'open', path, 0);
    fails('EACCES', () => callAs(nobody, 'open', path, 2));
    mkdirSync(join(dir, 'd'));
    file(join(dir, 'd'), 'g');
    chmodSync(join(dir, 'd'), 0o744);
    fails('EACCES', () => callAs(nobody, 'open', join(dir, 'd', 'g'), 0));
    chmodSync(join(dir, 'd'), 0o755);
    fails('EACCES', () => callAs(nobody, 'unlink', join(dir, 'd', 'g')));
    fails('EACCES', () => callAs(nobody, 'mkdir', join(dir, 'd', 'h'), 0o755));
    fails('EACCES', () => callAs(nobody, 'rename', join(dir, 'd', 'g'), join(dir, 'g'), 0));
  },
  'supplementary groups count': (dir) => {
    needsRoot();
    chmodSync(dir, 0o755);
    const path = file(dir, 'f', 'text');
    chownSync(path, 0, 4_242);
    chmodSync(path, 0o640);
    call('in-group', 4_242, nobody, 'access', path, 4);
    fails('EACCES', () => call('in-group', 4_242, nobody, 'access', path, 2));
    fails('EACCES', () => call('in-group', 4_243, nobody, 'access', path, 4));
  },
  'in a sticky directory only the owner removes and renames': (dir) => {
    const path = file(open(dir), 'f');
    chmodSync(dir, 0o1777);
    fails('EPERM', () => callAs(nobody, 'unlink', path));
    fails('EPERM', () => callAs(nobody, 'rename', path, join(dir, 'g'), 0));
    callAs(nobody, 'unlink', theirsIn(dir, 'own'));
    assert.deepEqual(readdirSync(dir), ['f']);
  },
  'times are set by the owner, to the present also by who may write': (dir) => {
    const path = file(open(dir), 'f');
    chmodSync(path, 0o666);
    fails('EPERM', () => callAs(nobody, 'utimens', path, 1, 1, 1, 1));
    callAs(nobody, 'utimens', path, 0, 'now', 0, 'now');
    chmodSync(path, 0o644);
    fails('EACCES', () => callAs(nobody, 'utimens', path, 0, 'now', 0, 'now'));
  },
  'access(2) answers by mode': (dir) => {
    const path = theirs(dir, 'f', 0o440);
    callAs(nobody, 'access', path, 4);
    fails('EACCES', () => callAs(nobody, 'access', path, 2));
    fails('EACCES', () => callAs(nobody, 'access', path, 1));
    fails('ENOENT', () => callAs(nobody, 'access', join(dir, 'no'), 0));
  },
  'a program runs from it when it may': (dir) => {
    const path = join(dir, 'program');
    copyFileSync('/bin/true', path);
    chmodSync(path, 0o755);
    assert.equal(spawnSync(path).status, 0);
    chmodSync(path, 0o644);
    assert.equal((spawnSync(path).error as NodeJS.ErrnoException | undefined)?.code, 'EACCES');
  },
};

function theirsIn(dir: string, name: string): string {
  const path = file(dir, name);
  chownSync(path, nobody, nobody);
  return path;
}
