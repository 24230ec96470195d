// Changes whose next read has to be noticed, though the kernel answers it: which files are awaited, and what ends that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIno, type Ino } from '../../../src/base/ids.js';
import { awaitedReadsMax } from '../../../src/base/limits.js';
import { AwaitedReads } from '../../../src/filesystem/awaited-reads.js';
import { alice, b, type Fixture, fixture, root, rootCaller } from './fixture.js';

test('only the latest are awaited', () => {
  const reads = new AwaitedReads();
  for (let ino = 1; ino <= awaitedReadsMax; ino++) reads.add(asIno(ino));
  reads.add(asIno(1));
  reads.add(asIno(1_000));
  assert.deepEqual([1, 2, 3, 1_000].map((ino) => reads.has(asIno(ino))), [true, false, true, true]);
  reads.delete(asIno(1_000));
  assert.equal(reads.has(asIno(1_000)), false);
  reads.add(asIno(1_000));
  assert.equal(reads.has(asIno(1_000)), true);
});

/** Makes a file, reads it, and changes it so. */
async function changedBy(change: (f: Fixture, ino: Ino) => unknown, options: Parameters<typeof fixture>[0] = {}): Promise<{ readonly f: Fixture; readonly ino: Ino }> {
  const f = fixture(options);
  const { ino } = await f.file('a', 'text');
  await f.content(ino);
  assert.equal(f.fs.awaitsRead(ino), options.atime === 'strictatime');
  await change(f, ino);
  return { f, ino };
}

const overwrite = async ({ fs }: Fixture, ino: Ino): Promise<unknown> => fs.write(ino, (await fs.open(ino, 2, false)).handle, 0, b('T'), false);

test('whatever changes content or attributes of a file makes its read awaited', async () => {
  const changes = [
    overwrite,
    ({ fs }: Fixture, ino: Ino) => fs.open(ino, 0o1002, false),
    ({ fs }: Fixture, ino: Ino) => fs.setattr(rootCaller, ino, { mode: 0o600 }),
    ({ fs }: Fixture, ino: Ino) => fs.setattr(rootCaller, ino, { size: 2 }),
    ({ fs }: Fixture, ino: Ino) => fs.fallocate(ino, 0, 100, 0),
  ];
  for (const change of changes) {
    const { f, ino } = await changedBy(change);
    assert.equal(f.fs.awaitsRead(ino), true, String(change));
    const quiet = await changedBy(change, { atime: 'noatime' });
    assert.equal(quiet.f.fs.awaitsRead(quiet.ino), false, String(change));
  }
});

test('attributes asked for on behalf of an open file are the awaited read, those of stat are not', async () => {
  const { f, ino } = await changedBy(overwrite);
  const before = (await f.fs.getattr(ino)).atime;
  assert.deepEqual((await f.fs.getattr(ino, false)).atime, before);
  assert.equal(f.fs.awaitsRead(ino), true);
  const after = (await f.fs.getattr(ino, true)).atime;
  assert.ok(after.nsec > before.nsec);
  assert.equal(f.fs.awaitsRead(ino), false);
  assert.deepEqual((await f.fs.getattr(ino, true)).atime, after, 'nothing is awaited any more');
});

test('a read that gets here ends it, and so does the kernel by forgetting the file', async () => {
  const read = await changedBy(overwrite);
  await read.f.content(read.ino);
  assert.equal(read.f.fs.awaitsRead(read.ino), false);
  const forgotten = await changedBy(overwrite);
  forgotten.f.fs.forget(forgotten.ino, 1);
  assert.equal(forgotten.f.fs.awaitsRead(forgotten.ino), false);
});

test('a volume that takes no changes keeps the access time, and the read is awaited on', async () => {
  const { f, ino } = await changedBy(overwrite);
  const { atime } = await f.inode(ino);
  f.volume.holdBack();
  assert.deepEqual((await f.fs.getattr(ino, true)).atime, atime);
  assert.equal(f.fs.awaitsRead(ino), true);
});

test('where the kernel keeps the times of files, attributes say nothing of reads', async () => {
  const { f, ino } = await changedBy(overwrite, { kernelTimes: true });
  const { atime } = await f.inode(ino);
  assert.deepEqual((await f.fs.getattr(ino, true)).atime, atime);
});

test('strictatime: every read is an access, and the next one is awaited; nodiratime leaves directories alone', async () => {
  const { fs, file, inode, content } = fixture({ atime: 'strictatime', nodiratime: true });
  const made = await file('x', 'text');
  let last = made.atime;
  for (let i = 0; i < 3; i++) {
    await content(made.ino);
    const { atime } = await inode(made.ino);
    assert.ok(atime.nsec > last.nsec);
    last = (await fs.getattr(made.ino, true)).atime;
    assert.ok(last.nsec > atime.nsec);
  }
  const before = (await fs.mkdir(alice, root, b('d'), 0o755, 0)).inode;
  await fs.list(before.ino, 0, 10, false);
  assert.deepEqual((await inode(before.ino)).atime, before.atime);
});
