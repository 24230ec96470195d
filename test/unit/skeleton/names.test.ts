import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { asIno, ROOT_INO } from '../../../src/base/ids.js';
import { nameCookie } from '../../../src/skeleton/name-hash.js';
import type { SqliteSkeleton } from '../../../src/skeleton/skeleton.js';
import { b, findings, freshSkeleton, Hand, scratch } from './fixture.js';
import { entriesOf } from '../../../src/skeleton/name-list.js';

const folder = scratch();
let count = 0;
let skeleton: SqliteSkeleton;
let hand: Hand;
beforeEach(() => {
  skeleton = freshSkeleton(`${folder.dir}/${++count}.db`);
  hand = new Hand(skeleton);
});
after(() => folder.remove());

async function assertSound(): Promise<void> {
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
}

test('HalfSipHash of the reference key and messages gives the reference values', () => {
  // vectors_hsip64 of the reference implementation: key 00 01 .. 07, message 00 01 .. (n - 1), output as 8 bytes (low word first).
  const key = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]);
  const expected = ['218d1f59b9b83cc8', 'be552412f8387315', '064f39ef7c50eb57', 'ce0f1a45f7060679'];
  expected.forEach((hex, length) => {
    const out = Buffer.from(hex, 'hex');
    const cookie = (out.readUInt32LE(4) & 0xfffff) * 2 ** 32 + out.readUInt32LE(0) + 8;
    assert.equal(nameCookie(key, Buffer.from([...Array(length).keys()])), cookie, `message of ${length} bytes`);
  });
});

test('a created file is found by name, with its attributes and times', async () => {
  const ino = hand.create('file');
  const inode = skeleton.lookup(ROOT_INO, b('file'));
  assert.ok(inode);
  assert.equal(inode.ino, ino);
  assert.equal(inode.content, ino);
  assert.deepEqual([inode.mode, inode.nlink, inode.uid, inode.gid, inode.size], [0o100644, 1, 10, 20, 0]);
  assert.deepEqual([inode.atime, inode.mtime, inode.ctime, inode.btime], Array.from({ length: 4 }, () => ({ sec: 1001, nsec: 0 })));
  assert.deepEqual(skeleton.inode(ROOT_INO)?.mtime, { sec: 1001, nsec: 0 });
  assert.equal(skeleton.lookup(ROOT_INO, b('File')), null);
  assert.equal(skeleton.pathOf(ino), '/file');
  await assertSound();
});

test('directories count their subdirectories and know their parent', async () => {
  const a = hand.mkdir('a');
  const deep = hand.mkdir('deep', a);
  assert.equal(skeleton.inode(ROOT_INO)?.nlink, 3);
  assert.equal(skeleton.inode(a)?.nlink, 3);
  assert.equal(skeleton.parentOf(deep), a);
  assert.equal(skeleton.parentOf(ROOT_INO), ROOT_INO);
  hand.rename('deep', 'up', a, ROOT_INO);
  assert.equal(skeleton.parentOf(deep), ROOT_INO);
  assert.equal(skeleton.inode(a)?.nlink, 2);
  assert.equal(skeleton.inode(ROOT_INO)?.nlink, 4);
  assert.equal(skeleton.pathOf(deep), '/up');
  hand.unlink('up');
  assert.equal(skeleton.inode(ROOT_INO)?.nlink, 3);
  assert.equal(skeleton.inode(deep)?.nlink, 0);
  await assertSound();
});

test('a hard link survives the removal of the name that was first', async () => {
  const ino = hand.create('one');
  hand.link(ino, 'two');
  hand.link(ino, 'three');
  assert.equal(skeleton.inode(ino)?.nlink, 3);
  hand.unlink('one');
  hand.rename('two', 'second');
  assert.ok(['/second', '/three'].includes(skeleton.pathOf(ino)));
  hand.unlink('three');
  assert.equal(skeleton.pathOf(ino), '/second');
  hand.unlink('second');
  assert.equal(skeleton.pathOf(ino), '(unlinked)');
  assert.deepEqual(skeleton.orphans(asIno(0), 10), [ino]);
  hand.reap(ino);
  assert.equal(skeleton.inode(ino), null);
  assert.deepEqual(skeleton.orphans(asIno(0), 10), []);
  await assertSound();
});

test('rename over a file makes the replaced one an orphan', async () => {
  const from = hand.create('from');
  const to = hand.create('to');
  hand.rename('from', 'to');
  assert.equal(skeleton.lookup(ROOT_INO, b('to'))?.ino, from);
  assert.equal(skeleton.lookup(ROOT_INO, b('from')), null);
  assert.deepEqual(skeleton.orphans(asIno(0), 10), [to]);
  await assertSound();
});

test('exchange swaps a directory and a file in different directories', async () => {
  const a = hand.mkdir('a');
  const directory = hand.mkdir('directory', a);
  const file = hand.create('file');
  hand.rename('directory', 'file', a, ROOT_INO, true);
  assert.equal(skeleton.lookup(a, b('directory'))?.ino, file);
  assert.equal(skeleton.lookup(ROOT_INO, b('file'))?.ino, directory);
  assert.equal(skeleton.inode(a)?.nlink, 2);
  assert.equal(skeleton.inode(ROOT_INO)?.nlink, 4);
  assert.equal(skeleton.pathOf(file), '/a/directory');
  await assertSound();
});

test('listing goes on after a cookie whatever comes and goes meanwhile', async () => {
  for (let i = 0; i < 500; i++) hand.create(`n${i}`);
  const first = entriesOf(skeleton.childNames(ROOT_INO, 0, 200));
  assert.equal(first.length, 200);
  const seen = new Set(first.map((entry) => entry.name.toString()));
  for (let i = 0; i < 500; i += 5) hand.unlink(`n${i}`);
  let cookie = first.at(-1)?.cookie ?? 0;
  for (;;) {
    const page = entriesOf(skeleton.childNames(ROOT_INO, cookie, 64));
    if (page.length === 0) break;
    for (const entry of page) {
      assert.ok(!seen.has(entry.name.toString()), 'no entry comes twice');
      assert.equal(entry.mode, 0o100000);
      seen.add(entry.name.toString());
    }
    cookie = page.at(-1)?.cookie ?? 0;
  }
  for (let i = 0; i < 500; i++) if (i % 5 !== 0) assert.ok(seen.has(`n${i}`));
  assert.ok(first.every((entry) => entry.cookie > 2));
  await assertSound();
});

test('names are bytes: not UTF-8, 255 long, case and normal form apart', async () => {
  const names = [Buffer.from([0xff, 0xfe]), Buffer.alloc(255, 0x61), b('é'), b('e\u0301'), b('A'), b('a')];
  for (const name of names) {
    hand.do({ type: 'create', ino: skeleton.nextIno(), content: 0 as never, parent: ROOT_INO, name, mode: 0o010644, uid: 0, gid: 0, rdev: 0, target: null, time: hand.time() });
  }
  for (const name of names) assert.ok(skeleton.lookup(ROOT_INO, name));
  assert.equal(new Set(entriesOf(skeleton.childNames(ROOT_INO, 0, 100)).map((entry) => entry.name.toString('hex'))).size, names.length);
  await assertSound();
});

test('attributes: only those given change, and never the file type', async () => {
  const ino = hand.create('file');
  hand.do({ type: 'attribute', ino, mode: 0o4600, mtime: { sec: -5, nsec: 999_999_999 }, ctime: { sec: 9, nsec: 9 } });
  const inode = skeleton.inode(ino);
  assert.deepEqual([inode?.mode, inode?.uid, inode?.mtime, inode?.ctime], [0o104600, 10, { sec: -5, nsec: 999_999_999 }, { sec: 9, nsec: 9 }]);
  hand.do({ type: 'attribute', ino, uid: 0, gid: 4_294_967_294, ctime: { sec: 10, nsec: 0 } });
  assert.deepEqual([skeleton.inode(ino)?.mode, skeleton.inode(ino)?.uid, skeleton.inode(ino)?.gid], [0o104600, 0, 4_294_967_294]);
  await assertSound();
});

test('extended attributes and symbolic links keep their bytes; reap takes attributes in slices', async () => {
  const link = hand.create('link', ROOT_INO, 0o120777);
  assert.deepEqual(skeleton.symlinkTarget(link), b('target'));
  assert.equal(skeleton.inode(link)?.size, 6);
  for (let i = 0; i < 5; i++) hand.do({ type: 'xattr', ino: link, name: b(`user.${i}`), value: Buffer.alloc(i * 9000, i), time: hand.time() });
  assert.deepEqual(skeleton.xattr(link, b('user.4')), Buffer.alloc(36_000, 4));
  hand.do({ type: 'xattr', ino: link, name: b('user.4'), value: null, time: hand.time() });
  assert.equal(skeleton.xattr(link, b('user.4')), null);
  assert.equal(skeleton.xattrNames(link).length, 4);
  hand.unlink('link');
  hand.reap(link, 3);
  assert.equal(skeleton.xattrNames(link).length, 1);
  hand.reap(link, 1);
  assert.equal(skeleton.inode(link), null);
  await assertSound();
});

test('broken preconditions are assertions', () => {
  hand.create('file');
  const directory = hand.mkdir('directory');
  hand.create('inside', directory);
  const time = hand.time();
  const attempts: (() => void)[] = [
    () => hand.create('file'),
    () => hand.create('x', asIno(99)),
    () => hand.unlink('missing'),
    () => hand.unlink('directory'),
    () => hand.link(directory, 'again'),
    () => hand.rename('missing', 'y'),
    () => hand.do({ type: 'attribute', ino: asIno(99), ctime: time }),
  ];
  for (const attempt of attempts) assert.throws(attempt, /assertion failed/);
  skeleton.close();
});
