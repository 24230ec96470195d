// Access control lists beside modes: what is inherited, what follows what, and which bytes are no list.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, EINVAL, ENODATA, EOPNOTSUPP } from '../../../src/filesystem/errno.js';
import { alice, b, failsWith, fixture, root, rootCaller } from './fixture.js';

const ACCESS = b('system.posix_acl_access');
const DEFAULT = b('system.posix_acl_default');
const noId = 0xffff_ffff;

/** Entries of [tag, permissions, id]. */
function list(...entries: readonly (readonly [number, number, number?])[]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], index) => {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id ?? noId, 8 + index * 8);
  });
  return bytes;
}

const plain = list([1, 6], [4, 4], [0x20, 0]);
const named = list([1, 7], [2, 7, 1000], [4, 7], [0x10, 7], [0x20, 7]);

test('an access list sets the mode, takes setgid where asked, and goes when it says no more than the mode', async () => {
  const { fs, file, inode } = fixture();
  const { ino } = await file('a');
  await fs.setattr(rootCaller, ino, { mode: 0o2600 });
  await fs.setxattr(alice, ino, ACCESS, list([1, 7], [2, 5, 3], [4, 1], [0x10, 3], [0x20, 4]), 0, false);
  assert.equal((await inode(ino)).mode, 0o102734);
  await fs.setxattr(alice, ino, ACCESS, named, 0, true);
  assert.equal((await inode(ino)).mode, 0o100777);
  await fs.setxattr(alice, ino, ACCESS, plain, 0, false);
  assert.equal((await inode(ino)).mode, 0o100640);
  await failsWith(ENODATA, () => fs.getxattr(ino, ACCESS));
  await fs.removexattr(ino, ACCESS);
});

test('chmod writes the mask where there is one, else the group', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  await fs.setxattr(alice, ino, ACCESS, named, 0, false);
  await fs.setattr(alice, ino, { mode: 0o640 });
  assert.deepEqual(await fs.getxattr(ino, ACCESS), list([1, 6], [2, 7, 1000], [4, 7], [0x10, 4], [0x20, 0]));
});

test('a default list is given on; the umask counts only without one', async () => {
  const { fs, directory } = fixture({ applyUmask: true });
  const { ino } = await directory('d');
  await fs.setxattr(alice, ino, DEFAULT, named, 0, false);
  const made = await fs.create(alice, ino, b('f'), 0o664, 2, 0o077);
  assert.equal(made.inode.mode, 0o100664);
  assert.deepEqual(await fs.getxattr(made.inode.ino, ACCESS), list([1, 6], [2, 7, 1000], [4, 7], [0x10, 6], [0x20, 4]));
  await failsWith(ENODATA, () => fs.getxattr(made.inode.ino, DEFAULT));
  const inner = await fs.mkdir(alice, ino, b('d'), 0o700, 0o077);
  assert.equal(inner.inode.mode, 0o040700);
  assert.deepEqual(await fs.getxattr(inner.inode.ino, DEFAULT), named);
  const link = await fs.symlink(alice, ino, b('l'), b('t'));
  assert.equal((await fs.listxattr(link.inode.ino)).length, 0);
  await fs.setxattr(alice, ino, DEFAULT, plain, 0, false);
  assert.equal((await fs.mkdir(alice, ino, b('e'), 0o777, 0o077)).inode.mode, 0o040640);
});

test('what is no list is EINVAL, a default list of a file EACCES, a list of a symlink EOPNOTSUPP', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  const wrong = [
    b(''), Buffer.from([2, 0, 0, 0]), plain.subarray(0, 27), Buffer.concat([Buffer.from([3]), plain.subarray(1)]),
    list([1, 6], [4, 4], [0x20, 8]), list([1, 6], [4, 4], [0x40, 0]), list([4, 4], [1, 6], [0x20, 0]), list([1, 6], [1, 6], [4, 4], [0x20, 0]),
    list([1, 6], [4, 4], [4, 4]), list([1, 6], [2, 7, 5], [4, 4], [0x20, 0]), list([1, 6], [4, 4], [0x10, 1], [0x10, 1], [0x20, 0]),
  ];
  for (const value of wrong) await failsWith(EINVAL, () => fs.setxattr(alice, ino, ACCESS, value, 0, false));
  await failsWith(EACCES, () => fs.setxattr(alice, ino, DEFAULT, plain, 0, false));
  const link = await fs.symlink(alice, root, b('l'), b('t'));
  await failsWith(EOPNOTSUPP, () => fs.setxattr(alice, link.inode.ino, ACCESS, plain, 0, false));
});
