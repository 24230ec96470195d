// Lookup and attributes: what is found, how long it is held, and what changes of owner and size do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIno } from '../../../src/base/ids.js';
import { EFBIG, EINVAL, EISDIR, ENAMETOOLONG, ENOENT, ENOTDIR, EROFS, ESTALE } from '../../../src/filesystem/errno.js';
import { alice, b, failsWith, fixture, root, rootCaller } from './fixture.js';

test('lookup gives the inode and holds it until it is forgotten', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  const before = volume.holdsOf(ino);
  const found = await fs.lookup(root, b('a'));
  assert.equal(found.inode.ino, ino);
  assert.equal(volume.holdsOf(ino), before + 1);
  fs.forget(ino, before + 1);
  assert.equal(volume.holdsOf(ino), 0);
});

test('a name that is not there is ENOENT, one too long ENAMETOOLONG, one in a file ENOTDIR', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  await failsWith(ENOENT, () => fs.lookup(root, b('b')));
  await failsWith(ENAMETOOLONG, () => fs.lookup(root, Buffer.alloc(256, 97)));
  await failsWith(ENOENT, () => fs.lookup(root, Buffer.alloc(255, 97)));
  await failsWith(ENOTDIR, () => fs.lookup(ino, b('b')));
  await failsWith(ESTALE, () => fs.lookup(asIno(999), b('b')));
});

test('a failed lookup holds nothing', async () => {
  const { fs, volume } = fixture();
  await failsWith(ENOENT, () => fs.lookup(root, b('b')));
  assert.equal(volume.holdsOf(root), 0);
});

test('dot and dot-dot can be looked up, as exported mounts do', async () => {
  const { fs, directory } = fixture();
  const inner = await directory('inner', (await directory('outer')).ino);
  assert.equal((await fs.lookup(inner.ino, b('.'))).inode.ino, inner.ino);
  const outer = await fs.lookup(root, b('outer'));
  assert.equal((await fs.lookup(inner.ino, b('..'))).inode.ino, outer.inode.ino);
  assert.equal((await fs.lookup(root, b('..'))).inode.ino, root);
  await failsWith(ENOENT, () => fs.lookup(root, b('...')));
});

test('names differ by bytes, not by what they look like', async () => {
  const { fs, file } = fixture();
  await file('\u00e9');
  await failsWith(ENOENT, () => fs.lookup(root, b('e\u0301')));
  await failsWith(ENOENT, () => fs.lookup(root, Buffer.from([0xe9])));
});

test('setattr sets exactly what it is given, and ctime', async () => {
  const { fs, file } = fixture();
  const before = await file('a', 'text');
  const atime = { sec: -5, nsec: 999_999_999 };
  const after = await fs.setattr(rootCaller, before.ino, { mode: 0o100600, atime });
  assert.equal(after.mode, 0o100600);
  assert.deepEqual(after.atime, atime);
  assert.deepEqual(after.mtime, before.mtime);
  assert.ok(after.ctime.nsec > before.ctime.nsec);
  assert.equal(after.uid, alice.uid);
});

test("'now' is the volume's time, the same for all three", async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  const { atime, mtime, ctime } = await fs.setattr(rootCaller, ino, { atime: 'now', mtime: 'now' });
  assert.deepEqual(atime, mtime);
  assert.deepEqual(atime, ctime);
});

test('a ctime that the kernel kept itself is taken over', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  const after = await fs.setattr(rootCaller, ino, { ctime: { sec: 7, nsec: 8 } });
  assert.deepEqual(after.ctime, { sec: 7, nsec: 8 });
});

test('chown takes setuid, and setgid where the group may execute; a directory keeps its bits', async () => {
  const { fs, file, directory } = fixture();
  const { ino } = await file('a');
  await fs.setattr(rootCaller, ino, { mode: 0o6755 });
  assert.equal((await fs.setattr(rootCaller, ino, { uid: 5 })).mode, 0o100755);
  await fs.setattr(rootCaller, ino, { mode: 0o6745 });
  assert.equal((await fs.setattr(rootCaller, ino, { gid: 5 })).mode, 0o102745, 'setgid without group execute stays');
  const folder = await directory('d');
  await fs.setattr(rootCaller, folder.ino, { mode: 0o6755 });
  assert.equal((await fs.setattr(rootCaller, folder.ino, { uid: 5 })).mode, 0o046755);
});

test('chown removes file capabilities', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a');
  await fs.setxattr(rootCaller, ino, b('security.capability'), b('x'), 0);
  await fs.setattr(rootCaller, ino, { uid: 5 });
  assert.equal(volume.tree.xattr(ino, b('security.capability')), null);
});

test('truncate shortens, grows with zeros, and sets mtime even where the size stays', async () => {
  const { fs, file, content } = fixture();
  const before = await file('a', 'abcdef');
  assert.equal((await fs.setattr(rootCaller, before.ino, { size: 3 })).size, 3);
  assert.equal((await fs.setattr(rootCaller, before.ino, { size: 5 })).size, 5);
  assert.equal(await content(before.ino), 'abc\0\0');
  const again = await fs.setattr(rootCaller, before.ino, { size: 5 });
  assert.ok(again.mtime.nsec > before.mtime.nsec);
});

test('truncate by one who may not keep privileges takes them', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a', 'abc');
  await fs.setattr(rootCaller, ino, { mode: 0o4711 });
  assert.equal((await fs.setattr(alice, ino, { size: 1 })).mode, 0o104711);
  assert.equal((await fs.setattr(alice, ino, { size: 0, killPriv: true })).mode, 0o100711);
});

test('sizes of directories and symlinks are refused, of files those past 2^63 - 1', async () => {
  const { fs, file, directory } = fixture();
  const { ino } = await file('a');
  await failsWith(EISDIR, async () => fs.setattr(rootCaller, (await directory('d')).ino, { size: 0 }));
  await failsWith(EINVAL, async () => fs.setattr(rootCaller, (await fs.symlink(alice, root, b('l'), b('t'))).inode.ino, { size: 0 }));
  await failsWith(EFBIG, () => fs.setattr(rootCaller, ino, { size: 2n ** 63n }));
  for (const size of [2 ** 53 - 1, 2n ** 53n, 2n ** 63n - 1n]) assert.equal((await fs.setattr(rootCaller, ino, { size })).size, size);
  await failsWith(EINVAL, () => fs.setattr(rootCaller, ino, { size: -1 }));
});

test('readlink gives the target; EINVAL for anything else', async () => {
  const { fs, file } = fixture();
  const link = await fs.symlink(alice, root, b('l'), Buffer.from([0xff, 0x2f, 0x01]));
  assert.deepEqual(await fs.readlink(link.inode.ino), Buffer.from([0xff, 0x2f, 0x01]));
  await failsWith(EINVAL, async () => fs.readlink((await file('a')).ino));
});

test('a read-only volume admits changes and answers them with EROFS', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  volume.readOnly = true;
  volume.holdBack();
  assert.equal(fs.admit(1), null);
  await failsWith(EROFS, () => fs.setattr(rootCaller, ino, { mode: 0 }));
  await failsWith(EROFS, () => fs.open(ino, 1, false));
  await failsWith(EROFS, () => fs.mkdir(alice, root, b('d'), 0o755, 0));
  await failsWith(EROFS, () => fs.unlink(root, b('a')));
  await failsWith(EROFS, () => fs.rename(root, b('a'), root, b('b'), 0));
  await failsWith(EROFS, () => fs.fallocate(ino, 0, 1, 0));
  await failsWith(EROFS, () => fs.setxattr(alice, ino, b('user.a'), b(''), 0));
  const { handle } = await fs.open(ino, 0, false);
  assert.equal((await fs.read(ino, handle, 0, 10)).toString(), 'text');
  // What was answered before the volume failed or was made read-only is not durable by that.
  await fs.fsync(ino, false);
  await fs.fsyncdir(root);
  assert.equal(volume.syncs, 2);
});

test('an inode that is gone is ESTALE', async () => {
  const { fs } = fixture();
  await failsWith(ESTALE, () => fs.getattr(asIno(999)));
  await failsWith(ESTALE, () => fs.setattr(rootCaller, asIno(999), { mode: 0 }));
});
