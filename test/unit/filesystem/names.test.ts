// Names: what is made with which owner and mode, links and their bounds, and the rename matrix.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ino } from '../../../src/base/ids.js';
import { EBUSY, EEXIST, EINVAL, EISDIR, EMLINK, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from '../../../src/filesystem/errno.js';
import { linksMax } from '../../../src/filesystem/names.js';
import { alice, b, failsWith, fixture, root, rootCaller } from './fixture.js';

const NOREPLACE = 1;
const EXCHANGE = 2;
const WHITEOUT = 4;

test('a new inode belongs to its maker and is held once', async () => {
  const { fs, volume } = fixture();
  const { inode } = await fs.mknod(alice, root, b('f'), 0o100640, 0, 0o077);
  assert.deepEqual([inode.uid, inode.gid, inode.mode, inode.nlink, inode.size], [alice.uid, alice.gid, 0o100640, 1, 0]);
  assert.equal(volume.holdsOf(inode.ino), 1);
});

test('the umask is applied only where the kernel has not done it', async () => {
  const { fs } = fixture({ applyUmask: true });
  assert.equal((await fs.mknod(alice, root, b('f'), 0o100666, 0, 0o027)).inode.mode, 0o100640);
  assert.equal((await fs.mkdir(alice, root, b('d'), 0o777, 0o027)).inode.mode, 0o040750);
  assert.equal((await fs.create(alice, root, b('c'), 0o666, 0o102, 0o027)).inode.mode, 0o100640);
  const masked = fixture();
  assert.equal((await masked.fs.mkdir(alice, root, b('d'), 0o777, 0o027)).inode.mode, 0o040777);
});

test('a setgid directory gives its group to everything and the bit to directories', async () => {
  const { fs, directory } = fixture();
  const parent = await directory('d');
  await fs.setattr(rootCaller, parent.ino, { gid: 77 });
  await fs.setattr(rootCaller, parent.ino, { mode: 0o2775 });
  const file = await fs.mknod(alice, parent.ino, b('f'), 0o100644, 0, 0);
  const folder = await fs.mkdir(alice, parent.ino, b('d'), 0o755, 0);
  const link = await fs.symlink(alice, parent.ino, b('l'), b('t'));
  assert.deepEqual([file.inode.gid, file.inode.mode], [77, 0o100644]);
  assert.deepEqual([folder.inode.gid, folder.inode.mode], [77, 0o042755]);
  assert.equal(link.inode.gid, 77);
});

test('special files keep their type and device; other types are EINVAL', async () => {
  const { fs } = fixture();
  const device = await fs.mknod(rootCaller, root, b('c'), 0o020600, 0x103, 0);
  assert.deepEqual([device.inode.mode, device.inode.rdev], [0o020600, 0x103]);
  assert.equal((await fs.mknod(alice, root, b('p'), 0o010600, 9, 0)).inode.rdev, 0);
  assert.equal((await fs.mknod(alice, root, b('s'), 0o140600, 0, 0)).inode.mode, 0o140600);
  assert.equal((await fs.mknod(alice, root, b('f'), 0o600, 0, 0)).inode.mode, 0o100600);
  await failsWith(EINVAL, () => fs.mknod(alice, root, b('x'), 0o040600, 0, 0));
  await failsWith(EINVAL, () => fs.mknod(alice, root, b('y'), 0o120600, 0, 0));
});

test('new names are refused where they exist, are too long, or cannot be', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  for (const make of [
    (name: Buffer, parent: Ino) => fs.mknod(alice, parent, name, 0o100644, 0, 0),
    (name: Buffer, parent: Ino) => fs.mkdir(alice, parent, name, 0o755, 0),
    (name: Buffer, parent: Ino) => fs.symlink(alice, parent, name, b('t')),
    (name: Buffer, parent: Ino) => fs.create(alice, parent, name, 0o644, 0o302, 0),
    (name: Buffer, parent: Ino) => fs.link(ino, parent, name),
  ]) {
    await failsWith(EEXIST, () => make(b('a'), root));
    await failsWith(EEXIST, () => make(b('..'), root));
    await failsWith(ENAMETOOLONG, () => make(Buffer.alloc(256, 97), root));
    await failsWith(EINVAL, () => make(b('a/b'), root));
    await failsWith(EINVAL, () => make(b('a\0b'), root));
    await failsWith(ENOENT, () => make(b(''), root));
    await failsWith(ENOTDIR, () => make(b('b'), ino));
  }
});

test('nothing is made in a directory that was removed', async () => {
  const { fs, directory } = fixture();
  const { ino } = await directory('d');
  await fs.rmdir(root, b('d'));
  await failsWith(ENOENT, () => fs.mkdir(alice, ino, b('x'), 0o755, 0));
  await failsWith(ENOENT, () => fs.create(alice, ino, b('x'), 0o644, 0o102, 0));
});

test('symlink targets are 1 to 4095 bytes', async () => {
  const { fs } = fixture();
  assert.equal((await fs.symlink(alice, root, b('l'), Buffer.alloc(4095, 97))).inode.size, 4095);
  await failsWith(ENAMETOOLONG, () => fs.symlink(alice, root, b('m'), Buffer.alloc(4096, 97)));
  await failsWith(ENOENT, () => fs.symlink(alice, root, b('n'), b('')));
});

test('link counts names, up to the bound', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a');
  const linked = await fs.link(ino, root, b('b'));
  assert.equal(linked.inode.nlink, 2);
  assert.equal(volume.holdsOf(ino), 2);
  for (let n = 2; n < linksMax; n++) fs.link(ino, root, b(`l${n}`));
  await failsWith(EMLINK, () => fs.link(ino, root, b('one too many')));
});

test('directories cannot be linked, and an inode without names gets none back', async () => {
  const { fs, file, directory } = fixture();
  await failsWith(EPERM, async () => fs.link((await directory('d')).ino, root, b('e')));
  const { ino } = await file('a');
  await fs.unlink(root, b('a'));
  await failsWith(ENOENT, () => fs.link(ino, root, b('b')));
});

test('unlink is for files, rmdir for empty directories', async () => {
  const { fs, file, directory } = fixture();
  await file('f');
  const { ino } = await directory('d');
  await file('x', '', ino);
  await failsWith(EISDIR, () => fs.unlink(root, b('d')));
  await failsWith(ENOTDIR, () => fs.rmdir(root, b('f')));
  await failsWith(ENOTEMPTY, () => fs.rmdir(root, b('d')));
  await failsWith(ENOENT, () => fs.unlink(root, b('nothing')));
  await failsWith(ENOENT, () => fs.rmdir(root, b('nothing')));
  await failsWith(EINVAL, () => fs.rmdir(root, b('.')));
  await failsWith(ENOTEMPTY, () => fs.rmdir(ino, b('..')));
  await fs.unlink(ino, b('x'));
  await fs.rmdir(root, b('d'));
  await fs.unlink(root, b('f'));
});

test('rename moves, replaces, and keeps link counts of directories right', async () => {
  const { fs, file, directory, inode, content } = fixture();
  const [one, two] = [await directory('one'), await directory('two')];
  await directory('child', one.ino);
  assert.equal((await inode(one.ino)).nlink, 3);
  await fs.rename(one.ino, b('child'), two.ino, b('moved'), 0);
  assert.equal((await inode(one.ino)).nlink, 2);
  assert.equal((await inode(two.ino)).nlink, 3);
  const kept = await file('a', 'kept');
  await file('b', 'lost');
  await fs.rename(root, b('a'), root, b('b'), 0);
  assert.equal((await fs.lookup(root, b('b'))).inode.ino, kept.ino);
  assert.equal(await content(kept.ino), 'kept');
  await failsWith(ENOENT, () => fs.lookup(root, b('a')));
});

test('the rename matrix: which may replace which', async () => {
  const { fs, file, directory } = fixture();
  await file('file');
  await directory('empty');
  const full = await directory('full');
  await file('x', '', full.ino);
  await directory('moving');
  await failsWith(ENOTDIR, () => fs.rename(root, b('moving'), root, b('file'), 0));
  await failsWith(EISDIR, () => fs.rename(root, b('file'), root, b('empty'), 0));
  await failsWith(ENOTEMPTY, () => fs.rename(root, b('moving'), root, b('full'), 0));
  await failsWith(ENOENT, () => fs.rename(root, b('nothing'), root, b('file'), 0));
  await failsWith(EBUSY, () => fs.rename(root, b('.'), root, b('z'), 0));
  await failsWith(ENAMETOOLONG, () => fs.rename(root, b('file'), root, Buffer.alloc(256, 97), 0));
  await fs.rename(root, b('moving'), root, b('empty'), 0);
});

test('a directory moves neither into itself nor over what contains it', async () => {
  const { fs, directory, file } = fixture();
  const a = await directory('a');
  const inside = await directory('b', a.ino);
  const deep = await directory('c', inside.ino);
  await failsWith(EINVAL, () => fs.rename(root, b('a'), deep.ino, b('x'), 0));
  await failsWith(EINVAL, () => fs.rename(root, b('a'), a.ino, b('x'), 0));
  await failsWith(ENOTEMPTY, () => fs.rename(inside.ino, b('c'), root, b('a'), 0));
  await failsWith(EINVAL, () => fs.rename(inside.ino, b('c'), root, b('a'), EXCHANGE));
  await file('f', '', deep.ino);
  await failsWith(ENOTEMPTY, () => fs.rename(deep.ino, b('f'), root, b('a'), 0));
});

test('WHITEOUT leaves a device of numbers 0, 0 that belongs to the caller, in the same turn', async () => {
  const { fs, file, volume } = fixture();
  const a = await file('a');
  await fs.rename(root, b('a'), root, b('b'), WHITEOUT, alice);
  assert.equal((await fs.lookup(root, b('b'))).inode.ino, a.ino);
  const { inode } = await fs.lookup(root, b('a'));
  assert.deepEqual([inode.mode, inode.rdev, inode.uid, inode.gid], [0o020000, 0, alice.uid, alice.gid]);
  assert.deepEqual(volume.applied.slice(-2).map((record) => record.type), ['rename', 'create']);
  await failsWith(EEXIST, () => fs.rename(root, b('a'), root, b('b'), WHITEOUT | NOREPLACE, alice));
});

test('two names of one file stay as they are', async () => {
  const { fs, file, volume, inode } = fixture();
  const { ino } = await file('a');
  await fs.link(ino, root, b('b'));
  const records = volume.applied.length;
  await fs.rename(root, b('a'), root, b('b'), 0);
  assert.equal(volume.applied.length, records);
  assert.equal((await inode(ino)).nlink, 2);
});

test('NOREPLACE never replaces, EXCHANGE swaps anything, other flags are EINVAL', async () => {
  const { fs, file, directory } = fixture();
  const a = await file('a');
  const d = await directory('d');
  await failsWith(EEXIST, () => fs.rename(root, b('a'), root, b('d'), NOREPLACE));
  await failsWith(ENOENT, () => fs.rename(root, b('a'), root, b('nothing'), EXCHANGE));
  await failsWith(EINVAL, () => fs.rename(root, b('a'), root, b('b'), NOREPLACE | EXCHANGE));
  await failsWith(EINVAL, () => fs.rename(root, b('a'), root, b('b'), EXCHANGE | WHITEOUT));
  await failsWith(EINVAL, () => fs.rename(root, b('a'), root, b('b'), 8));
  await fs.rename(root, b('a'), root, b('d'), EXCHANGE);
  assert.equal((await fs.lookup(root, b('a'))).inode.ino, d.ino);
  assert.equal((await fs.lookup(root, b('d'))).inode.ino, a.ino);
  await fs.rename(root, b('a'), root, b('e'), NOREPLACE);
  assert.equal((await fs.lookup(root, b('e'))).inode.ino, d.ino);
});
