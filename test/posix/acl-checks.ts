// Access control lists (acl(5)), through the attributes that libacl uses: what they grant, how they and the mode follow each other,
// what is inherited.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, nobody, type PosixChecks } from './check.js';
import { call, callAs, fails, file, modeOf } from './helpers.js';

const ACCESS = 'system.posix_acl_access';
const DEFAULT = 'system.posix_acl_default';
const tags = { owner: 0x01, user: 0x02, group: 0x04, namedGroup: 0x08, mask: 0x10, other: 0x20 } as const;

type Entry = readonly [tag: keyof typeof tags, permissions: number, id?: number];

/** As the kernel takes it (linux/posix_acl_xattr.h), in the words of call.c. */
function list(...entries: readonly Entry[]): string {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], index) => {
    bytes.writeUInt16LE(tags[tag], 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id ?? 0xffffffff, 8 + index * 8);
  });
  return `%${bytes.toString('hex')}`;
}

const set = (path: string, name: string, ...entries: readonly Entry[]): string => call('setxattr', path, name, list(...entries), 0);

function expectList(path: string, name: string, ...entries: readonly Entry[]): void {
  assert.equal(`%${call('getxattr', path, name, 1_000)}`, list(...entries));
}

export const aclChecks: PosixChecks = {
  'a list grants and denies where the mode does not': (dir) => {
    needsRoot();
    chmodSync(dir, 0o755);
    const path = file(dir, 'f', 'text');
    chmodSync(path, 0o600);
    fails('EACCES', () => callAs(nobody, 'access', path, 4));
    set(path, ACCESS, ['owner', 6], ['user', 4, nobody], ['group', 0], ['mask', 4], ['other', 0]);
    callAs(nobody, 'access', path, 4);
    fails('EACCES', () => callAs(nobody, 'access', path, 2));
    set(path, ACCESS, ['owner', 6], ['user', 0, nobody], ['group', 6], ['mask', 6], ['other', 6]);
    fails('EACCES', () => callAs(nobody, 'access', path, 4));
    callAs(nobody - 1, 'access', path, 6);
    call('removexattr', path, ACCESS);
    callAs(nobody, 'access', path, 6);
  },
  'a named group counts, and the mask bounds it': (dir) => {
    needsRoot();
    chmodSync(dir, 0o755);
    const path = file(dir, 'f', 'text');
    set(path, ACCESS, ['owner', 6], ['group', 0], ['namedGroup', 7, nobody], ['mask', 4], ['other', 0]);
    callAs(nobody, 'access', path, 4);
    fails('EACCES', () => callAs(nobody, 'access', path, 2));
    chmodSync(path, 0o670);
    callAs(nobody, 'access', path, 3);
  },
  'the mode follows the list, and the list follows chmod': (dir) => {
    const path = file(dir, 'f');
    set(path, ACCESS, ['owner', 7], ['user', 5, nobody], ['group', 1], ['mask', 6], ['other', 4]);
    assert.equal(modeOf(path), 0o764);
    chmodSync(path, 0o4651);
    assert.equal(modeOf(path), 0o4651);
    expectList(path, ACCESS, ['owner', 6], ['user', 5, nobody], ['group', 1], ['mask', 5], ['other', 1]);
  },
  'a list that says no more than the mode becomes the mode': (dir) => {
    const path = file(dir, 'f');
    set(path, ACCESS, ['owner', 7], ['user', 7, nobody], ['group', 5], ['mask', 7], ['other', 0]);
    set(path, ACCESS, ['owner', 6], ['group', 4], ['other', 1]);
    assert.equal(modeOf(path), 0o641);
    fails('ENODATA', () => call('getxattr', path, ACCESS, 1_000));
    assert.equal(call('listxattr', path, 1_000), '');
  },
  'lists are listed, and removing one that is not there is fine': (dir) => {
    set(dir, DEFAULT, ['owner', 7], ['group', 5], ['other', 5]);
    assert.equal(Buffer.from(call('listxattr', dir, 1_000), 'hex').toString(), `${DEFAULT}\0`);
    call('removexattr', dir, DEFAULT);
    call('removexattr', dir, DEFAULT);
    call('removexattr', dir, ACCESS);
    assert.equal(call('listxattr', dir, 1_000), '');
  },
  'a default list is inherited in the place of the umask': (dir) => {
    const entries: readonly Entry[] = [['owner', 7], ['user', 7, nobody], ['group', 7], ['mask', 7], ['other', 7]];
    set(dir, DEFAULT, ...entries);
    const before = process.umask(0o077);
    try {
      const path = file(dir, 'f');
      assert.equal(modeOf(path), 0o666);
      expectList(path, ACCESS, ['owner', 6], ['user', 7, nobody], ['group', 7], ['mask', 6], ['other', 6]);
      fails('ENODATA', () => call('getxattr', path, DEFAULT, 1_000));
      mkdirSync(join(dir, 'd'), 0o750);
      assert.equal(modeOf(join(dir, 'd')), 0o750);
      expectList(join(dir, 'd'), ACCESS, ['owner', 7], ['user', 7, nobody], ['group', 7], ['mask', 5], ['other', 0]);
      expectList(join(dir, 'd'), DEFAULT, ...entries);
      call('mknod', join(dir, 'p'), 0o010640, 0, 0);
      assert.equal(modeOf(join(dir, 'p')), 0o640);
      expectList(join(dir, 'p'), ACCESS, ['owner', 6], ['user', 7, nobody], ['group', 7], ['mask', 4], ['other', 0]);
    } finally {
      process.umask(before);
    }
  },
  'a default list that is only a mode makes a mode': (dir) => {
    set(dir, DEFAULT, ['owner', 7], ['group', 0], ['other', 5]);
    const path = file(dir, 'f');
    assert.equal(modeOf(path), 0o604);
    assert.equal(call('listxattr', path, 1_000), '');
    mkdirSync(join(dir, 'd'));
    expectList(join(dir, 'd'), DEFAULT, ['owner', 7], ['group', 0], ['other', 5]);
  },
  'without a default list the umask counts': (dir) => {
    const before = process.umask(0o027);
    try {
      assert.equal(modeOf(file(dir, 'f')), 0o640);
      mkdirSync(join(dir, 'd'));
      assert.equal(modeOf(join(dir, 'd')), 0o750);
    } finally {
      process.umask(before);
    }
  },
  'files take no default list, nobody a foreign one, and nonsense is none': (dir) => {
    needsRoot();
    chmodSync(dir, 0o755);
    const path = file(dir, 'f', 'text');
    fails('EACCES', () => set(path, DEFAULT, ['owner', 7], ['group', 5], ['other', 5]));
    fails('EPERM', () => callAs(nobody, 'setxattr', path, ACCESS, list(['owner', 7], ['group', 7], ['other', 7]), 0));
    fails('EINVAL', () => set(path, ACCESS, ['owner', 7], ['user', 7, nobody], ['group', 7], ['other', 7]));
    fails('EINVAL', () => call('setxattr', path, ACCESS, '%0200000001', 0));
    assert.equal(readFileSync(path, 'utf8'), 'text');
  },
  'an owner outside of the group loses setgid by a list, as by chmod': (dir) => {
    needsRoot();
    chmodSync(dir, 0o755);
    const path = file(dir, 'f');
    chownSync(path, nobody, 12);
    chmodSync(path, 0o2755);
    callAs(nobody, 'setxattr', path, ACCESS, list(['owner', 7], ['user', 4, 1], ['group', 5], ['mask', 5], ['other', 5]), 0);
    assert.equal(modeOf(path), 0o755);
  },
};
