// Answers are laid out as the kernel's header says, byte by byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asContentId, asIno } from '../../../src/base/ids.js';
import { entryInvalidation, inodeInvalidation } from '../../../src/fuse/notifications.js';
import type { FileSystem } from '../../../src/filesystem/contract.js';
import type { Inode } from '../../../src/skeleton/contract.js';
import { Opcode } from '../../../src/fuse/protocol.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';
import { bench, errno, request } from './fake-port.js';
import { goldenAnswers, goldenNode, goldenRequests } from './golden-messages.js';

const inode: Inode = {
  ino: asIno(goldenNode),
  content: asContentId(1),
  mode: 0o100644,
  nlink: 2,
  uid: 1000,
  gid: 100,
  rdev: 0x10203,
  size: 0x100000005,
  allocated: 9 * 512 - 1,
  atime: { sec: -2, nsec: 999_999_999 },
  mtime: { sec: 1_700_000_000, nsec: 1 },
  ctime: { sec: 3, nsec: 4 },
  btime: { sec: 5, nsec: 6 },
};

/** Answers everything with the golden values. */
class GoldenFileSystem extends MemoryFileSystem {
  override lookup = () => ({ inode });
  override getattr = () => inode;
  override setattr = () => inode;
  override open = () => ({ handle: 7, keepCache: true });
  override opendir = () => ({ handle: 7, keepCache: true });
  override write = () => 5;
  override getxattr = () => Buffer.from('xyz');
  override listxattr = () => Buffer.from('xyz');
  override copyRange = (...[, , , , , , , length]: Parameters<FileSystem['copyRange']>) => length;
  override lseek = () => 5000;
  override readlink = () => Buffer.from('../t');
  override read = () => Buffer.from('hello');
  override listedPlus = () => {};
  override list = () => [{ name: Buffer.from('abc'), ino: inode.ino, mode: 0o100644, cookie: 3, inode }];
  override listNames = () => ({ names: Buffer.from('abc/'), inos: [inode.ino], cookies: [3], types: [0o100000] });
}

const settings = { entryTimeoutMs: 3_600_000, attributeTimeoutMs: 60_500, negativeTimeoutMs: 1000, tellsOpens: true };

const pairs: readonly (readonly [keyof typeof goldenRequests, keyof typeof goldenAnswers])[] = [
  ['lookup', 'entry'],
  ['getattr', 'attr'],
  ['setattr', 'attr'],
  ['statx', 'statx'],
  ['copyFileRange', 'copied'],
  ['copyFileRange64', 'copied64'],
  ['open', 'open'],
  ['opendir', 'opendir'],
  ['write', 'write'],
  ['statfs', 'statfs'],
  ['listxattr', 'xattrSize'],
  ['lseek', 'lseek'],
  ['readdir', 'dirent'],
  ['readdirplus', 'direntplus'],
  ['init', 'init'],
];

for (const [asked, answered] of pairs) {
  test(`${asked} is answered as the kernel's header lays it out`, () => {
    const { send, answer } = bench(new GoldenFileSystem(), settings);
    send(Buffer.from(goldenRequests[asked], 'hex'));
    assert.equal(answer().whole.toString('hex'), goldenAnswers[answered]);
  });
}

test('data comes right behind the header', () => {
  for (const [asked, data] of [
    ['read', 'hello'],
    ['readlink', '../t'],
    ['getxattr', 'xyz'],
  ] as const) {
    const { send, answer } = bench(new GoldenFileSystem());
    send(Buffer.from(goldenRequests[asked], 'hex'));
    assert.equal(answer().body.toString(), data);
  }
});

test('a name that does not exist is answered with node 0, which the kernel remembers', () => {
  const { send, answer } = bench(new MemoryFileSystem(), settings);
  const asked = Buffer.from(goldenRequests.lookup, 'hex');
  asked.writeBigUInt64LE(1n, 16);
  send(asked);
  assert.equal(answer().whole.toString('hex'), goldenAnswers.negative);
});

test('notifications are laid out as the kernel takes them', () => {
  assert.equal(inodeInvalidation(asIno(5), -1, -1).toString('hex'), goldenAnswers.invalInode);
  assert.equal(entryInvalidation(asIno(1), Buffer.from('abc')).toString('hex'), goldenAnswers.invalEntry);
});

test('an older kernel gets only the flags that it offered, and one before 7.31 is refused', () => {
  const init = (major: number, minor: number, flags: number) => {
    const body = Buffer.alloc(64);
    body.writeUInt32LE(major, 0);
    body.writeUInt32LE(minor, 4);
    body.writeUInt32LE(131_072, 8);
    body.writeUInt32LE(flags, 12);
    const { send, answer, negotiations } = bench(new MemoryFileSystem());
    send(request({ opcode: 26, body }));
    return { answer: answer(), negotiation: negotiations.pop() };
  };
  const maxPages = 1 << 22;
  const old = init(7, 31, maxPages | 1);
  assert.equal(old.negotiation, 'agreed');
  assert.equal(old.answer.body.readUInt32LE(12), maxPages | 1);
  const tooOld = init(7, 30, maxPages);
  assert.equal(tooOld.negotiation, 'too-old');
  assert.equal(tooOld.answer.errno, errno.EPROTO);
  const newer = init(8, 0, maxPages);
  assert.equal(newer.negotiation, 'ask-again');
  assert.equal(newer.answer.body.readUInt32LE(0), 7);
});

test('a kernel that can opens files alone: OPEN and CREATE are refused, truncation is not ours, an O_TMPFILE has no handle', () => {
  const offered = (1 << 22) | (1 << 17) | (1 << 3);
  const init = Buffer.alloc(64);
  for (const [at, value] of [
    [0, 7],
    [4, 40],
    [8, 131_072],
    [12, offered],
  ] as const)
    init.writeUInt32LE(value, at);
  const fileSystem = new MemoryFileSystem();
  fileSystem.temporary = () => fileSystem.create({ uid: 0, gid: 0, pid: 1 }, asIno(1), Buffer.from('unnamed'), 0o600);
  const { send, answer } = bench(fileSystem);
  send(request({ opcode: Opcode.init, body: init }));
  assert.equal(answer().body.readUInt32LE(12), (1 << 22) | (1 << 17));
  send(request({ opcode: Opcode.open, body: Buffer.alloc(8) }));
  assert.equal(answer().errno, errno.ENOSYS);
  send(request({ opcode: Opcode.create, body: Buffer.concat([Buffer.alloc(16), Buffer.from('a\0')]) }));
  assert.equal(answer().errno, errno.ENOSYS);
  send(request({ opcode: Opcode.tmpfile, body: Buffer.concat([Buffer.alloc(16), Buffer.from('a\0')]) }));
  assert.equal(answer().body.readBigUInt64LE(128), 0n, 'the handle after the entry');
  assert.equal(fileSystem.openHandles, 0);
});

test('listing sends what fits, counts references for that only, and says EINVAL when not even one entry fits', () => {
  const fileSystem = new MemoryFileSystem();
  const caller = { uid: 0, gid: 0, pid: 1 };
  for (let i = 0; i < 50; i++) fileSystem.mknod(caller, asIno(1), Buffer.from(`name-${i}`), 0o100644, 0);
  fileSystem.references.clear();
  const list = (opcode: number, room: number, cookie = 0n) => {
    const body = Buffer.alloc(40);
    body.writeBigUInt64LE(cookie, 8);
    body.writeUInt32LE(room, 16);
    const { send, answer } = bench(fileSystem);
    send(request({ opcode, body }));
    return answer();
  };
  // '.' and '..' take 152 + 8 each without a reference, 'name-0' the same with one: after the first part attributes are wanted.
  assert.equal(list(44, 500).body.length, 480);
  assert.equal(fileSystem.references.size, 0);
  assert.equal(list(44, 500, 1n).body.length, 480);
  assert.equal(fileSystem.references.size, 2);
  assert.equal(list(28, 100).body.length, 96);
  assert.equal(list(44, 160).body.length, 160);
  assert.equal(list(28, 0).body.length, 0);
  const long = new MemoryFileSystem();
  long.mknod(caller, asIno(1), Buffer.alloc(255, 0x61), 0o100644, 0);
  const body = Buffer.alloc(40);
  body.writeUInt32LE(100, 16);
  body.writeBigUInt64LE(2n, 8);
  const { send, answer } = bench(long);
  send(request({ opcode: 28, body }));
  assert.equal(answer().errno, errno.EINVAL);
});

test('an attribute that does not fit the room is ERANGE', () => {
  const { send, answer } = bench(new GoldenFileSystem());
  const asked = Buffer.from(goldenRequests.getxattr, 'hex');
  asked.writeUInt32LE(2, 40);
  send(asked);
  assert.equal(answer().errno, errno.ERANGE);
});
