// Extended attributes: namespaces, flags, bounds; and the volume's space in blocks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { E2BIG, EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP, ERANGE } from '../../../src/filesystem/errno.js';
import { alice, b, failsWith, fixture, root, rootCaller } from './fixture.js';

test('values are set, replaced, listed and removed', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  await fs.setxattr(alice, ino, b('user.one'), b(''), 0);
  await fs.setxattr(alice, ino, b('user.two'), Buffer.from([0, 255]), 0);
  assert.equal((await fs.getxattr(ino, b('user.one'))).length, 0);
  assert.deepEqual(await fs.getxattr(ino, b('user.two')), Buffer.from([0, 255]));
  assert.deepEqual((await fs.listxattr(ino)).toString().split('\0').sort(), ['', 'user.one', 'user.two']);
  await fs.removexattr(ino, b('user.one'));
  await failsWith(ENODATA, () => fs.getxattr(ino, b('user.one')));
  await failsWith(ENODATA, () => fs.removexattr(ino, b('user.one')));
});

test('CREATE wants a new name, REPLACE an old one', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  await failsWith(ENODATA, () => fs.setxattr(alice, ino, b('user.a'), b('1'), 2));
  await fs.setxattr(alice, ino, b('user.a'), b('1'), 1);
  await failsWith(EEXIST, () => fs.setxattr(alice, ino, b('user.a'), b('2'), 1));
  await fs.setxattr(alice, ino, b('user.a'), b('3'), 2);
  assert.equal((await fs.getxattr(ino, b('user.a'))).toString(), '3');
  await failsWith(EINVAL, () => fs.setxattr(alice, ino, b('user.a'), b('4'), 4));
});

test('changing an attribute changes ctime only', async () => {
  const { fs, file, inode } = fixture();
  const before = await file('a');
  await fs.setxattr(alice, before.ino, b('user.a'), b('1'), 0);
  const after = await inode(before.ino);
  assert.ok(after.ctime.nsec > before.ctime.nsec);
  assert.deepEqual(after.mtime, before.mtime);
});

test('namespaces: user, trusted and security, and of system the access lists', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  for (const name of ['trusted.a', 'security.selinux', 'user.a']) await fs.setxattr(rootCaller, ino, b(name), b('v'), 0);
  for (const name of ['system.posix_acl_other', 'system.other', 'nonsense', 'userx.a']) {
    await failsWith(EOPNOTSUPP, () => fs.setxattr(rootCaller, ino, b(name), b('v'), 0));
    await failsWith(EOPNOTSUPP, () => fs.getxattr(ino, b(name)));
    await failsWith(EOPNOTSUPP, () => fs.removexattr(ino, b(name)));
  }
  await failsWith(EINVAL, () => fs.setxattr(rootCaller, ino, b('user.'), b('v'), 0));
  assert.ok((await fs.listxattr(ino, rootCaller)).includes('trusted.a'));
  assert.ok(!(await fs.listxattr(ino, alice)).includes('trusted.a'));
});

test('bounds: 255 bytes a name, 64 KiB a value, 64 KiB all names together', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  await fs.setxattr(alice, ino, b(`user.${'n'.repeat(250)}`), Buffer.alloc(65_536, 1), 0);
  await failsWith(ERANGE, () => fs.setxattr(alice, ino, b(`user.${'n'.repeat(251)}`), b(''), 0));
  await failsWith(E2BIG, () => fs.setxattr(alice, ino, b('user.a'), Buffer.alloc(65_537), 0));
  for (let n = 0; n < 255; n++) await fs.setxattr(alice, ino, b(`user.${String(n).padStart(250, '0')}`), b(''), 0);
  assert.equal((await fs.listxattr(ino)).length, 65_536);
  await failsWith(ENOSPC, () => fs.setxattr(alice, ino, b('user.more'), b(''), 0));
  await fs.setxattr(alice, ino, b(`user.${'0'.repeat(250)}`), b('an old name still takes values'), 0);
});

test("statfs tells the volume's space in blocks", async () => {
  const { fs, file, volume } = fixture();
  await file('a', 'x'.repeat(10_000));
  const { blockBytes, blocks, blocksFree, files, filesFree, nameMax } = await fs.statfs();
  assert.equal(blockBytes * blocks, volume.totalBytes);
  assert.equal(blocks - blocksFree, 3);
  assert.equal(files - filesFree, 2);
  assert.equal(nameMax, 255);
  await fs.access(alice, root, 7);
});
