// Who writes to a file leaves no privileges in it but those that it may keep.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O_RDWR, O_TRUNC } from '../../../src/filesystem/posix.js';
import { alice, b, fixture, rootCaller } from './fixture.js';

test('a write takes setuid where the request says so, and capabilities always', async () => {
  const { fs, file, inode, volume } = fixture();
  const { ino } = await file('a', 'text');
  await fs.setattr(rootCaller, ino, { mode: 0o6755 });
  const { handle } = await fs.open(ino, O_RDWR, false);
  await fs.write(ino, handle, 0, b('x'), false);
  assert.equal((await inode(ino)).mode, 0o106755);
  await fs.setxattr(rootCaller, ino, b('security.capability'), b('cap'), 0);
  await fs.write(ino, handle, 0, b('x'), true);
  assert.equal((await inode(ino)).mode, 0o100755);
  assert.equal(volume.tree.xattr(ino, b('security.capability')), null);
});

test('setgid without execution by the group goes with a write from outside of it, and stays with one of a member and of root', async () => {
  const { fs, file, inode } = fixture({ inGroup: (caller, gid) => caller.pid === 3 && gid === 77 });
  const { ino } = await file('a', 'text');
  const { handle } = await fs.open(ino, O_RDWR, false);
  await fs.setattr(rootCaller, ino, { gid: 77 });
  await fs.setattr(rootCaller, ino, { mode: 0o6646 });
  await fs.write(ino, handle, 0, b('x'), true, { ...alice, pid: 3 });
  assert.equal((await inode(ino)).mode, 0o102646);
  await fs.fallocate(ino, 0, 1, 0, rootCaller);
  await fs.open(ino, O_RDWR | O_TRUNC, true, { ...alice, pid: 3 });
  assert.equal((await inode(ino)).mode, 0o102646);
  for (const change of [() => fs.write(ino, handle, 0, b('x'), true, alice), () => fs.fallocate(ino, 0, 1, 0, alice), () => fs.open(ino, O_RDWR | O_TRUNC, true, alice), () => fs.setattr(alice, ino, { size: 0, killPriv: true })]) {
    await fs.setattr(rootCaller, ino, { mode: 0o2646 });
    await change();
    assert.equal((await inode(ino)).mode, 0o100646);
  }
});
