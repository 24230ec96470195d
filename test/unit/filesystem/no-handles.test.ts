// Files that the kernel opens and closes alone: used by their inodes, held as long as the kernel remembers them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ino } from '../../../src/base/ids.js';
import { noHandle } from '../../../src/filesystem/contract.js';
import { EBADF } from '../../../src/filesystem/errno.js';
import { alice, b, failsWith, fixture, root } from './fixture.js';

const O_NOATIME = 0o1000000;

test('without handles a file is read and written by its inode, and lives until its last reference is gone', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  await fs.unlink(root, b('a'));
  await fs.write(ino, noHandle, 4, b('+more'), false);
  assert.equal((await fs.read(ino, noHandle, 0, 100)).toString(), 'text+more');
  assert.notEqual(volume.view.inode(ino), null);
  fs.forget(ino, 1);
  assert.equal(volume.view.inode(ino), null);
  await failsWith(EBADF, () => fs.write(ino, noHandle, 0, b('x'), false));
});

test('more files than are remembered can be used without handles, and none of them stays held', async () => {
  const { fs, volume } = fixture();
  const inos: Ino[] = [];
  for (let i = 0; i < 4200; i++) {
    const { inode } = await fs.mknod(alice, root, b(`f${i}`), 0o100644, 0, 0);
    await fs.write(inode.ino, noHandle, 0, b(`${i}`), false);
    inos.push(inode.ino);
  }
  for (const [i, ino] of inos.entries()) assert.equal((await fs.read(ino, noHandle, 0, 10)).toString(), `${i}`);
  for (const [i, ino] of inos.entries()) {
    await fs.unlink(root, b(`f${i}`));
    fs.forget(ino, 1);
    assert.equal(volume.view.inode(ino), null);
  }
});

test('O_NOATIME comes with the read where there is no handle to remember it', async () => {
  const { fs, file, inode } = fixture();
  const { ino, atime } = await file('a', 'text');
  await fs.read(ino, noHandle, 0, 4, O_NOATIME);
  assert.deepEqual((await inode(ino)).atime, atime);
  await fs.read(ino, noHandle, 0, 4, 0);
  assert.notDeepEqual((await inode(ino)).atime, atime);
});

test('a write removes file capabilities that were set after an earlier write', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  const name = b('security.capability');
  await fs.write(ino, noHandle, 0, b('x'), false);
  await fs.setxattr(alice, ino, name, b('all'), 0);
  await fs.write(ino, noHandle, 0, b('y'), false);
  assert.equal(volume.view.xattr(ino, name), null);
});
