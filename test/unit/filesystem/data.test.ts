// Open files: creation, reading and writing, what an unlinked file needs to live, access times, failures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/base/errors.js';
import { asIno } from '../../../src/base/ids.js';
import { noHandle, PosixError } from '../../../src/filesystem/contract.js';
import { EBADF, EEXIST, EFBIG, EINVAL, EIO, EISDIR, ENOENT, ENOSPC, ENOSYS, ENXIO, ESTALE } from '../../../src/filesystem/errno.js';
import { alice, b, failsWith, fixture, root, rootCaller } from './fixture.js';

const O_RDWR = 2;
const O_EXCL = 0o200;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const O_TMPFILE = 0o20200000;
const O_NOATIME = 0o1000000;

test('create makes and opens; with O_EXCL only what is new, with O_TRUNC emptied', async () => {
  const { fs, volume, content, file } = fixture();
  const made = await fs.create(alice, root, b('a'), 0o640, O_RDWR | O_EXCL, 0);
  assert.equal(made.inode.mode, 0o100640);
  assert.equal(volume.holdsOf(made.inode.ino), 2, 'the name and the handle');
  assert.equal(await fs.write(made.inode.ino, made.handle, 0, b('text'), false), 4);
  await failsWith(EEXIST, () => fs.create(alice, root, b('a'), 0o640, O_RDWR | O_EXCL, 0));
  const again = await fs.create(alice, root, b('a'), 0o600, O_RDWR, 0);
  assert.equal(again.inode.mode, 0o100640);
  assert.equal(await content(again.inode.ino), 'text');
  assert.equal((await fs.create(alice, root, b('a'), 0o600, O_RDWR | O_TRUNC, 0)).inode.size, 0);
  await fs.mkdir(alice, root, b('d'), 0o755, 0);
  await failsWith(EISDIR, () => fs.create(alice, root, b('d'), 0o600, O_RDWR, 0));
  assert.ok(await file('z'));
});

test('bytes come back from where they were written, holes as zeros, nothing past the end', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  const { handle } = await fs.open(ino, O_RDWR, false);
  await fs.write(ino, handle, 6, b('world'), false);
  await fs.write(ino, handle, 0, b('hel'), false);
  assert.equal((await fs.read(ino, handle, 0, 100)).toString(), 'hel\0\0\0world');
  assert.equal((await fs.read(ino, handle, 7, 2)).toString(), 'or');
  assert.equal((await fs.read(ino, handle, 11, 100)).length, 0);
  assert.equal((await fs.read(ino, handle, 5000, 100)).length, 0);
});

test('a page written back through an append handle lands at its own offset', async () => {
  const { fs, file, content } = fixture();
  const { ino } = await file('a', 'abcdef');
  const { handle } = await fs.open(ino, O_RDWR | O_APPEND, false);
  await fs.write(ino, handle, 0, b('X'), false);
  assert.equal(await content(ino), 'Xbcdef');
});

test("a write does not keep the caller's buffer", async () => {
  const { fs, file, content } = fixture();
  const { ino } = await file('a');
  const { handle } = await fs.open(ino, O_RDWR, false);
  const slot = b('text');
  await fs.write(ino, handle, 0, slot, false);
  slot.fill(0);
  assert.equal(await content(ino), 'text');
});

test('O_TRUNC empties, sets mtime even of an empty file, and takes privileges where asked', async () => {
  const { fs, file, inode } = fixture();
  const before = await file('a');
  await fs.setattr(rootCaller, before.ino, { mode: 0o4755 });
  await fs.open(before.ino, O_RDWR | O_TRUNC, false);
  assert.equal((await inode(before.ino)).mode, 0o104755);
  assert.ok((await inode(before.ino)).mtime.nsec > before.mtime.nsec);
  await fs.open(before.ino, O_RDWR | O_TRUNC, true);
  assert.equal((await inode(before.ino)).mode, 0o100755);
});

test('only regular files are opened here', async () => {
  const { fs, directory } = fixture();
  await failsWith(EISDIR, async () => fs.open((await directory('d')).ino, 0, false));
  await failsWith(ENXIO, async () => fs.open((await fs.mknod(alice, root, b('p'), 0o010600, 0, 0)).inode.ino, 0, false));
});

test('a handle is good for its own inode until it is released', async () => {
  const { fs, file } = fixture();
  const [one, two] = [await file('a', 'one'), await file('b', 'two')];
  const { handle } = await fs.open(one.ino, O_RDWR, false);
  await failsWith(EBADF, () => fs.read(two.ino, handle, 0, 1));
  await failsWith(EBADF, () => fs.write(one.ino, 12345, 0, b('x'), false));
  fs.release(one.ino, handle);
  await failsWith(EBADF, () => fs.read(one.ino, handle, 0, 1));
  fs.release(one.ino, handle);
  await failsWith(EBADF, () => fs.read(root, noHandle, 0, 1));
  await failsWith(EBADF, () => fs.read(asIno(4711), noHandle, 0, 1));
});

test('an unlinked file lives until its last handle and its last reference are gone', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  const { handle } = await fs.open(ino, O_RDWR, false);
  await fs.unlink(root, b('a'));
  fs.forget(ino, 1);
  await fs.write(ino, handle, 4, b('+more'), false);
  assert.equal((await fs.read(ino, handle, 0, 100)).toString(), 'text+more');
  assert.equal((await fs.getattr(ino)).nlink, 0);
  fs.release(ino, handle);
  assert.equal(volume.tree.inode(ino), null);
});

test('a replaced file lives on in its handles', async () => {
  const { fs, file, content } = fixture();
  const old = await file('a', 'old');
  await file('b', 'new');
  const { handle } = await fs.open(old.ino, 0, false);
  await fs.rename(root, b('b'), root, b('a'), 0);
  assert.equal((await fs.read(old.ino, handle, 0, 10)).toString(), 'old');
  assert.equal(await content((await fs.lookup(root, b('a'))).inode.ino), 'new');
});

test('destroy gives all handles back', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a');
  await fs.open(ino, 0, false);
  await fs.open(ino, 0, false);
  fs.destroy();
  assert.equal(volume.holdsOf(ino), 1, 'the name that the test looked up');
});

test('relatime: a read counts once after a change, and again after a day', async () => {
  const { file, inode, content, volume } = fixture();
  const { ino } = await file('a', 'text');
  await content(ino);
  const first = await inode(ino);
  assert.ok(first.atime.nsec > first.mtime.nsec, 'read after the write');
  await content(ino);
  assert.deepEqual((await inode(ino)).atime, first.atime);
  volume.clock.advance(86_401);
  await content(ino);
  const next = await inode(ino);
  assert.ok(next.atime.sec > first.atime.sec);
  assert.deepEqual(next.ctime, first.ctime, 'reading changes no ctime');
});

test('one handle sees changes in between', async () => {
  const { fs, file, inode } = fixture();
  const { ino } = await file('a', 'text');
  const { handle } = await fs.open(ino, O_RDWR, false);
  await fs.read(ino, handle, 0, 1);
  await fs.write(ino, handle, 0, b('T'), false);
  const written = await inode(ino);
  await fs.read(ino, handle, 0, 1);
  assert.ok((await inode(ino)).atime.nsec > written.mtime.nsec);
});

test('noatime, O_NOATIME and held-back changes leave the access time alone', async () => {
  const quiet = fixture({ atime: 'noatime' });
  const one = await quiet.file('a', 'text');
  await quiet.content(one.ino);
  assert.deepEqual((await quiet.inode(one.ino)).atime, one.atime);

  const { fs, file, inode, content, volume } = fixture();
  const two = await file('a', 'text');
  const { handle } = await fs.open(two.ino, O_NOATIME, false);
  await fs.read(two.ino, handle, 0, 1);
  volume.holdBack();
  assert.equal(await content(two.ino), 'text');
  assert.deepEqual((await inode(two.ino)).atime, two.atime);
});

test('a volume that takes no changes any more is still read', async () => {
  const { file, content, volume } = fixture();
  const { ino } = await file('a', 'text');
  const failure = new HoldfastError('closed', 'the volume is being closed', { code: 'volume-closed' });
  volume.admit = () => Promise.reject(failure);
  assert.equal(await content(ino), 'text');
  volume.admit = () => {
    throw failure;
  };
  assert.equal(await content(ino), 'text');
});

test('offsets beyond the bounds are EFBIG and EINVAL, an empty write nothing', async () => {
  const { fs, file, inode } = fixture();
  const before = await file('a');
  const { handle } = await fs.open(before.ino, O_RDWR, false);
  await failsWith(EFBIG, () => fs.write(before.ino, handle, 2n ** 63n - 1n, b('x'), false));
  await failsWith(EFBIG, () => fs.write(before.ino, handle, 2n ** 63n - 4n, b('past'), false));
  await failsWith(EINVAL, () => fs.write(before.ino, handle, -1, b('x'), false));
  await failsWith(EINVAL, () => fs.read(before.ino, handle, -1, 1));
  assert.equal(await fs.write(before.ino, handle, 10, b(''), false), 0);
  assert.deepEqual(await inode(before.ino), before);
});

test('what the volume fails with becomes errno, with the failure as cause', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  const { handle } = await fs.open(ino, O_RDWR, false);
  volume.totalBytes = 5;
  await failsWith(ENOSPC, () => fs.write(ino, handle, 4, b('too much'), false));
  for (const lateReads of [false, true]) {
    volume.lateReads = lateReads;
    const failure = new HoldfastError('unavailable', 'no source has it', { code: 'segment-unreadable' });
    volume.nextFailure = failure;
    await assert.rejects(
      async () => fs.read(ino, handle, 0, 4),
      (error: unknown) => error instanceof PosixError && error.errno === EIO && error.cause === failure,
    );
  }
  volume.nextFailure = new HoldfastError('corrupt', 'bytes', { code: 'x' });
  await failsWith(EIO, () => fs.mkdir(alice, root, b('d'), 0o755, 0));
});

test('reads that need a disk answer later, the others at once', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  const { handle } = await fs.open(ino, O_RDWR, false);
  assert.ok(Buffer.isBuffer(fs.read(ino, handle, 0, 4)));
  volume.lateReads = true;
  const later = fs.read(ino, handle, 0, 4);
  assert.ok(later instanceof Promise);
  assert.equal((await later).toString(), 'text');
});

test("fsync is the volume's sync; close promises nothing, and the kernel need not ask", async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  const { handle } = await fs.open(ino, O_RDWR, false);
  await failsWith(ENOSYS, () => fs.flush(ino, handle));
  assert.equal(volume.syncs, 0);
  await fs.fsync(ino, true);
  await fs.fsyncdir(root);
  assert.equal(volume.syncs, 2);
});

test("admit hands on the volume's wait, and its failure as errno", async () => {
  const { fs, volume } = fixture();
  assert.equal(fs.admit(10), null);
  volume.holdBack();
  const wait = fs.admit(10);
  assert.ok(wait instanceof Promise);
  volume.letIn();
  await wait;
  assert.equal(fs.admit(10), null);
});

test('a file without a name lives until it is closed, or gets one by link', async () => {
  const { fs, volume, content } = fixture();
  const made = await fs.temporary(alice, root, 0o640, O_RDWR | O_TMPFILE, 0);
  assert.deepEqual([made.inode.mode, made.inode.nlink, made.inode.uid, made.inode.gid], [0o100640, 0, alice.uid, alice.gid]);
  assert.equal(volume.holdsOf(made.inode.ino), 2, 'the kernel and the handle');
  await fs.write(made.inode.ino, made.handle, 0, b('text'), false);
  assert.equal((await fs.link(made.inode.ino, root, b('named'))).inode.nlink, 1);
  fs.release(made.inode.ino, made.handle);
  fs.forget(made.inode.ino, 2);
  assert.equal(await content(made.inode.ino), 'text');
  const other = await fs.temporary(alice, root, 0o640, O_RDWR | O_TMPFILE, 0);
  fs.release(other.inode.ino, other.handle);
  fs.forget(other.inode.ino, 1);
  await failsWith(ESTALE, () => fs.getattr(other.inode.ino));
});

test('neither an unlinked file nor a temporary one with O_EXCL gets a name', async () => {
  const { fs } = fixture();
  const hidden = await fs.temporary(alice, root, 0o600, O_RDWR | O_TMPFILE | O_EXCL, 0);
  await failsWith(ENOENT, () => fs.link(hidden.inode.ino, root, b('x')));
  const made = await fs.create(alice, root, b('a'), 0o600, O_RDWR, 0);
  await fs.unlink(root, b('a'));
  await failsWith(ENOENT, () => fs.link(made.inode.ino, root, b('x')));
  const once = await fs.temporary(alice, root, 0o600, O_RDWR | O_TMPFILE, 0);
  await fs.link(once.inode.ino, root, b('x'));
  await fs.unlink(root, b('x'));
  await failsWith(ENOENT, () => fs.link(once.inode.ino, root, b('x')));
});

test('a copied range is the source up to its end, from handles that are open', async () => {
  const { fs, file, content } = fixture();
  const from = await file('from', 'source text');
  const to = await file('to', 'target');
  const source = (await fs.open(from.ino, 0, false)).handle;
  const target = (await fs.open(to.ino, O_RDWR, false)).handle;
  assert.equal(await fs.copyRange(alice, from.ino, source, 7, to.ino, target, 3, 100), 4);
  assert.equal(await content(to.ino), 'tartext');
  assert.equal(await fs.copyRange(alice, from.ino, source, 11, to.ino, target, 0, 5), 0);
  await failsWith(EINVAL, () => fs.copyRange(alice, from.ino, source, 0, from.ino, source, 3, 5));
  await failsWith(EBADF, () => fs.copyRange(alice, from.ino, target, 0, to.ino, target, 0, 5));
  await failsWith(EFBIG, () => fs.copyRange(alice, from.ino, source, 0, to.ino, target, 2n ** 63n - 3n, 5));
});
