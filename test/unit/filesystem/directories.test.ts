// Lists of directories: dots, cookies that stay true while names come and go, references, removed directories.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENOSYS, ENOTDIR, ESTALE } from '../../../src/filesystem/errno.js';
import { b, failsWith, fixture, root } from './fixture.js';

test('a list begins with dot and dot-dot and resumes after any cookie', async () => {
  const { fs, file, directory } = fixture();
  const folder = await directory('d');
  for (const name of ['a', 'b', 'c']) await file(name, '', folder.ino);
  const all = await fs.list(folder.ino, 0, 100, false);
  assert.deepEqual(all.map((entry) => entry.name.toString()), ['.', '..', 'a', 'b', 'c']);
  assert.deepEqual(all.slice(0, 2).map((entry) => [entry.ino, entry.cookie]), [[folder.ino, 1], [root, 2]]);
  for (const [at, entry] of all.entries()) {
    const rest = await fs.list(folder.ino, entry.cookie, 100, false);
    assert.deepEqual(rest.map((next) => next.name), all.slice(at + 1).map((next) => next.name));
  }
  assert.deepEqual((await fs.list(folder.ino, 0, 1, false)).map((entry) => entry.cookie), [1]);
  assert.deepEqual((await fs.list(folder.ino, 1, 2, false)).map((entry) => entry.name.toString()), ['..', 'a']);
});

test('every name is listed exactly once while others are removed', async () => {
  const { fs, file, directory } = fixture();
  const { ino } = await directory('d');
  for (let n = 0; n < 50; n++) await file(`f${n}`, '', ino);
  const seen: string[] = [];
  let cookie = 0;
  for (;;) {
    const some = await fs.list(ino, cookie, 7, false);
    const last = some.at(-1);
    if (last === undefined) break;
    cookie = last.cookie;
    for (const entry of some) {
      if (entry.cookie <= 2) continue;
      seen.push(entry.name.toString());
      await fs.unlink(ino, entry.name);
    }
  }
  assert.equal(new Set(seen).size, 50);
  assert.equal(seen.length, 50);
});

test('listing with attributes holds nothing until an entry is sent', async () => {
  const { fs, file, volume } = fixture();
  const { ino } = await file('a', 'text');
  fs.forget(ino, 1);
  const plus = await fs.list(root, 0, 10, true);
  assert.deepEqual(plus.map((entry) => entry.inode?.size ?? null), [null, null, 4]);
  assert.equal(volume.holdsOf(ino), 0);
  fs.listedPlus(ino);
  assert.equal(volume.holdsOf(ino), 1);
});

test('directories are opened by the kernel alone; one that is removed while open is empty and then gone', async () => {
  const { fs, directory, volume } = fixture();
  const { ino } = await directory('d');
  await failsWith(ENOSYS, () => fs.opendir(ino));
  await fs.rmdir(root, b('d'));
  assert.deepEqual(await fs.list(ino, 0, 10, false), []);
  await fs.fsyncdir(ino);
  fs.forget(ino, 1);
  assert.equal(volume.tree.inode(ino), null);
  await failsWith(ESTALE, () => fs.opendir(ino));
});

test('files are no directories', async () => {
  const { fs, file } = fixture();
  const { ino } = await file('a');
  await failsWith(ENOTDIR, () => fs.opendir(ino));
  await failsWith(ENOTDIR, () => fs.list(ino, 0, 10, false));
  await failsWith(ENOTDIR, () => fs.fsyncdir(ino));
});
