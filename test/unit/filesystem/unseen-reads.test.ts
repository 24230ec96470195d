// Changes whose next read has to be noticed: what is told to whom, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIno, type Ino } from '../../../src/base/ids.js';
import { unseenReadsMax } from '../../../src/base/limits.js';
import { O_NOATIME } from '../../../src/filesystem/posix.js';
import { UnseenReads } from '../../../src/filesystem/unseen-reads.js';
import { QuickClock } from '../../support/quick-clock.js';
import { alice, b, fixture, root, rootCaller } from './fixture.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function unseen(): { readonly reads: UnseenReads; readonly told: Ino[][]; readonly clock: QuickClock } {
  const clock = new QuickClock();
  const reads = new UnseenReads(clock);
  const told: Ino[][] = [];
  reads.listen((inos) => void told.push([...inos]));
  return { reads, told, clock };
}

test('what has changed is told once, when it has rested for a round, and then no timer is left', async () => {
  const { reads, told, clock } = unseen();
  reads.changed(asIno(5));
  reads.changed(asIno(6));
  reads.changed(asIno(5));
  await turn();
  assert.equal(told.length, 0);
  await turn();
  assert.deepEqual(told, [[5, 6]]);
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(told.length, 1);
  assert.equal(clock.delays.length, 2);
});

test('what changes in every round is not told until it rests', async () => {
  const { reads, told } = unseen();
  for (let i = 0; i < 5; i++) {
    reads.changed(asIno(5));
    await turn();
  }
  assert.deepEqual(told.flat(), []);
  await turn();
  assert.deepEqual(told.flat(), [5]);
});

test('where more change at once than the limit none of them is told, and the next few are', async () => {
  const { reads, told } = unseen();
  for (let ino = 1; ino <= unseenReadsMax + 1; ino++) reads.changed(asIno(ino));
  await turn();
  reads.changed(asIno(7));
  for (let i = 0; i < 3; i++) await turn();
  assert.deepEqual(told, [[7]]);
});

test('what has been seen and what comes after the end is not told', async () => {
  const { reads, told } = unseen();
  for (let ino = 1; ino <= unseenReadsMax; ino++) reads.changed(asIno(ino));
  reads.seen(asIno(1));
  await turn();
  reads.seen(asIno(2));
  await turn();
  assert.equal(told.flat().length, unseenReadsMax - 2);
  reads.changed(asIno(3));
  reads.end();
  await turn();
  await turn();
  assert.equal(told.length, 1);
});

test('without a listener no timer is set', () => {
  const clock = new QuickClock();
  new UnseenReads(clock).changed(asIno(5));
  assert.deepEqual(clock.delays, []);
});

/** Inodes that are told after this, in the order of their numbers. */
async function toldBy(options: Parameters<typeof fixture>[0], action: (f: ReturnType<typeof fixture>) => Promise<unknown>): Promise<number[]> {
  const f = fixture(options);
  const told = new Set<number>();
  await f.file('a', 'text');
  await f.file('b', 'text');
  for (let i = 0; i < 3; i++) await turn();
  f.fs.onUnseenReads((inos) => {
    for (const ino of inos) told.add(ino);
  });
  await action(f);
  for (let i = 0; i < 3; i++) await turn();
  f.fs.destroy();
  return [...told].sort((x, y) => x - y);
}

test('every change of an inode’s times is told: writes, attributes, names, xattrs; a read takes it back', async () => {
  const { ino: a } = (await fixture().file('a')) as { ino: Ino };
  const changes: readonly ((f: ReturnType<typeof fixture>) => unknown)[] = [
    async ({ fs }) => fs.write(a, (await fs.open(a, 2, false)).handle, 0, b('T'), false),
    async ({ fs }) => fs.open(a, 0o1002, false),
    ({ fs }) => fs.setattr(rootCaller, a, { mode: 0o600 }),
    ({ fs }) => fs.setxattr(rootCaller, a, b('user.x'), b('v'), 0),
    ({ fs }) => fs.fallocate(a, 0, 100, 0),
    ({ fs }) => fs.rename(root, b('a'), root, b('c'), 0),
    ({ fs }) => fs.link(a, root, b('c')),
  ];
  for (const change of changes) assert.deepEqual(await toldBy({}, async (f) => change(f)), [a], String(change));
  for (const change of changes) assert.deepEqual(await toldBy({ atime: 'noatime' }, async (f) => change(f)), [], String(change));
  assert.deepEqual(
    await toldBy({}, async ({ fs, content }) => {
      await fs.setattr(rootCaller, a, { mode: 0o600 });
      await content(a);
    }),
    [],
  );
});

test('the last name that goes is not told, one of several is', async () => {
  const twice = await toldBy({}, async ({ fs }) => fs.unlink(root, b('a')));
  assert.deepEqual(twice, []);
  const { ino } = await fixture().file('a');
  assert.deepEqual(
    await toldBy({}, async ({ fs }) => {
      await fs.link(ino, root, b('c'));
      for (let i = 0; i < 3; i++) await turn();
      await fs.unlink(root, b('a'));
    }),
    [ino],
  );
});

test('a read that leaves the access time alone is told, so that it hides no later one', async () => {
  const { ino } = await fixture().file('a');
  const told = await toldBy({}, async ({ fs }) => fs.read(ino, (await fs.open(ino, O_NOATIME, false)).handle, 0, 4));
  assert.deepEqual(told, [ino]);
});

test('strictatime: every read is an access, and told; nodiratime leaves directories alone', async () => {
  const { ino } = await fixture().file('a');
  assert.deepEqual(await toldBy({ atime: 'strictatime' }, async ({ content }) => content(ino)), [ino]);
  const { fs, file, inode, content } = fixture({ atime: 'strictatime', nodiratime: true });
  const made = await file('x', 'text');
  let last = made.atime;
  for (let i = 0; i < 3; i++) {
    await content(made.ino);
    const { atime } = await inode(made.ino);
    assert.ok(atime.nsec > last.nsec);
    last = atime;
  }
  const before = (await fs.mkdir(alice, root, b('d'), 0o755, 0)).inode;
  await fs.list(before.ino, 0, 10, false);
  assert.deepEqual((await inode(before.ino)).atime, before.atime);
});
