// Requests as the kernel lays them out are decoded field by field, and requests that it would never send are refused.
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { asIno } from '../../../src/base/ids.js';
import type { Call } from '../../../src/fuse/call.js';
import { decode } from '../../../src/fuse/decode.js';
import { RequestReader } from '../../../src/fuse/request-reader.js';
import { exactMax, largest, place } from '../../support/wide.js';
import { goldenNode, goldenRequests, goldenUnique } from './golden-messages.js';

const { EFBIG, EINVAL, ENAMETOOLONG, ENOSYS } = constants.errno;
const ino = asIno(goldenNode);
const parent = ino;
const caller = { uid: 1000, gid: 100, pid: 4242 };
const name = (text: string): Buffer => Buffer.from(text, 'latin1');

const expected: Readonly<Record<keyof typeof goldenRequests, Call>> = {
  lookup: { op: 'lookup', pid: caller.pid, parent, name: Buffer.from('636166c3a9ff', 'hex') },
  forget: { op: 'forget', forgotten: [{ ino, count: 3 }] },
  batchForget: {
    op: 'forget',
    forgotten: [
      { ino: asIno(7), count: 1 },
      { ino: asIno(9), count: 4 },
    ],
  },
  getattr: { op: 'getattr', ino, forOpenFile: true },
  setattr: {
    op: 'setattr',
    caller,
    ino,
    set: {
      mode: 0o4644,
      uid: 1,
      gid: 2,
      size: 0x100000005,
      atime: { sec: -2, nsec: 999_999_999 },
      mtime: { sec: 1_700_000_000, nsec: 1 },
      ctime: { sec: 3, nsec: 4 },
      killPriv: true,
    },
  },
  setattrNow: {
    op: 'setattr',
    caller,
    ino,
    set: { mode: undefined, uid: undefined, gid: undefined, size: undefined, atime: 'now', mtime: 'now', ctime: undefined, killPriv: false },
  },
  readlink: { op: 'readlink', ino },
  symlink: { op: 'symlink', caller, parent, name: name('l'), target: name('../t') },
  mknod: { op: 'mknod', caller, parent, name: name('dev'), mode: 0o020600, rdev: 0x10203, umask: 0o022 },
  mkdir: { op: 'mkdir', caller, parent, name: name('d'), mode: 0o755, umask: 0o022 },
  unlink: { op: 'unlink', parent, name: name('u') },
  rmdir: { op: 'rmdir', parent, name: name('r') },
  rename: { op: 'rename', fromParent: ino, fromName: name('a'), toParent: asIno(77), toName: name('bb'), flags: 0, caller },
  rename2: { op: 'rename', fromParent: ino, fromName: name('a'), toParent: asIno(77), toName: name('bb'), flags: 2, caller },
  link: { op: 'link', ino: asIno(55), parent, name: name('n') },
  open: { op: 'open', caller, ino, flags: 0o1002, killPriv: true },
  create: { op: 'create', caller, parent, name: name('c'), mode: 0o100640, flags: 0o102, umask: 0o027 },
  tmpfile: { op: 'temporary', caller, parent, mode: 0o100640, flags: 0o20200002, umask: 0o027 },
  read: { op: 'read', ino, handle: 7, offset: 0x100000001, length: 131_072, flags: 3 },
  write: { op: 'write', caller, ino, handle: 7, offset: 0x100000001, data: name('hello'), killPriv: true },
  statfs: { op: 'statfs' },
  flush: { op: 'flush', ino, handle: 7 },
  release: { op: 'release', ino, handle: 7 },
  fsync: { op: 'fsync', ino, dataOnly: true },
  fsyncdir: { op: 'fsyncdir', ino },
  setxattr: { op: 'setxattr', caller, ino, name: name('user.a/b'), value: name('xyz'), flags: 1, killsGroup: false },
  getxattr: { op: 'getxattr', ino, name: name('user.a'), room: 64 },
  listxattr: { op: 'listxattr', caller, ino, room: 0 },
  removexattr: { op: 'removexattr', ino, name: name('user.a') },
  opendir: { op: 'opendir', ino },
  readdir: { op: 'readdir', pid: caller.pid, ino, cookie: 17, room: 4096, plus: false },
  readdirplus: { op: 'readdir', pid: caller.pid, ino, cookie: 17, room: 4096, plus: true },
  releasedir: { op: 'releasedir', ino, handle: 9 },
  access: { op: 'access', caller, ino, mask: 4 },
  fallocate: { op: 'fallocate', caller, ino, offset: 4096, length: 8192, mode: 3 },
  lseek: { op: 'lseek', ino, offset: 5000, whence: 4 },
  setxattrExtended: { op: 'setxattr', caller, ino, name: name('system.a'), value: name('xyz'), flags: 1, killsGroup: true },
  copyFileRange: { op: 'copy', caller, ino, handle: 7, offset: 0x100000001, toIno: asIno(0x66), toHandle: 9, toOffset: 0x200000002, length: 0x7ffff000, wide: false },
  copyFileRange64: { op: 'copy', caller, ino, handle: 7, offset: 0x100000001, toIno: asIno(0x66), toHandle: 9, toOffset: 0x200000002, length: 0x1000000000, wide: true },
  statx: { op: 'statx', ino },
  interrupt: { op: 'interrupt', unique: goldenUnique },
  init: { op: 'init', major: 7, minor: 38, readAheadBytesMax: 131_072, flags: 0x73fffffb },
  destroy: { op: 'destroy' },
};

/** Decodes in the middle of other bytes, none of them zero, so that reading past the request shows. */
function decoded(request: Buffer, setxattrBytes: 8 | 16 = 8): Call | 'answerable' | 'unusable' {
  const slots = Buffer.alloc(80 + request.length + 400, 0xee);
  request.copy(slots, 80);
  const reader = new RequestReader(slots);
  reader.setxattrBytes = setxattrBytes;
  const found = reader.attach(80, request.length);
  if (found !== 'whole') return found;
  assert.equal(reader.unique, goldenUnique);
  return decode(reader);
}

/** The golden request with a body of its own. */
function withBody(request: keyof typeof goldenRequests, body: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.from(goldenRequests[request].slice(0, 80), 'hex'), body]);
  bytes.writeUInt32LE(bytes.length, 0);
  return bytes;
}

function withU64(request: keyof typeof goldenRequests, at: number, value: bigint): Buffer {
  const bytes = Buffer.from(goldenRequests[request], 'hex');
  bytes.writeBigUInt64LE(value, at);
  return bytes;
}

const refused = (errno: number): Call => ({ op: 'refuse', errno });

const setxattrBytesOf = (request: string): 8 | 16 => (request === 'setxattrExtended' ? 16 : 8);

for (const request of Object.keys(expected) as (keyof typeof goldenRequests)[]) {
  test(`${request} is decoded as the kernel's header lays it out`, () => {
    assert.deepEqual(decoded(Buffer.from(goldenRequests[request], 'hex'), setxattrBytesOf(request)), expected[request]);
  });

  test(`${request} cut short anywhere is refused, ignored, or still complete, and never read past its end`, () => {
    const whole = Buffer.from(goldenRequests[request], 'hex');
    for (let length = 40; length < whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      cut.writeUInt32LE(length, 0);
      const call = decoded(cut, setxattrBytesOf(request));
      if (typeof call === 'string') assert.fail(`${length}: ${call}`);
      if (call.op === 'refuse') assert.equal(call.errno, EINVAL);
      // FORGET and INTERRUPT have no answer to be refused with.
      else if (call.op !== 'silence') assert.ok(request === 'init' && length >= 56, `${length} bytes gave ${call.op}`);
    }
  });
}

test('names keep every byte except NUL and slash', () => {
  const bytes = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1).filter((byte) => byte !== 0x2f));
  const call = decoded(withBody('lookup', Buffer.concat([bytes, Buffer.from([0])])));
  assert.deepEqual(call, { op: 'lookup', pid: caller.pid, parent, name: bytes });
});

test('a name of 255 bytes is taken and one of 256 bytes is too long', () => {
  const of = (length: number) => decoded(withBody('unlink', Buffer.concat([Buffer.alloc(length, 0x61), Buffer.from([0])])));
  assert.deepEqual(of(255), { op: 'unlink', parent, name: Buffer.alloc(255, 0x61) });
  assert.deepEqual(of(256), refused(ENAMETOOLONG));
});

test('names that are empty, dot, dot-dot, hold a slash, or do not end are refused', () => {
  for (const wrong of ['\0', '.\0', '..\0', 'a/b\0', '/\0', 'abc', 'a\0b\0', '\0a\0']) {
    assert.deepEqual(decoded(withBody('unlink', name(wrong))), refused(EINVAL), JSON.stringify(wrong));
  }
  for (const fine of ['...\0', '.a\0', '..a\0']) assert.notDeepEqual(decoded(withBody('unlink', name(fine))), refused(EINVAL));
});

test('dot and dot-dot can be looked up, as exported mounts do, and nothing else that is no name', () => {
  for (const dots of ['.', '..']) assert.deepEqual(decoded(withBody('lookup', name(`${dots}\0`))), { op: 'lookup', pid: caller.pid, parent, name: name(dots) });
  for (const wrong of ['\0', 'a/b\0', '/\0', '.', '.\0.\0', './\0', '../\0', '\0a\0']) assert.deepEqual(decoded(withBody('lookup', name(wrong))), refused(EINVAL), JSON.stringify(wrong));
});

test('offsets and sizes are exact up to the end of the largest file', () => {
  for (const at of [exactMax, exactMax + 1n, largest - 5n]) {
    const exactly = place(at);
    const of = (request: keyof typeof goldenRequests, field: number) => decoded(withU64(request, field, at)) as { readonly offset?: unknown; readonly set?: { readonly size?: unknown } };
    assert.deepEqual([of('write', 48).offset, of('read', 48).offset, of('lseek', 48).offset, of('setattr', 56).set?.size], [exactly, exactly, exactly, exactly]);
  }
});

test('offsets past the largest file are refused where something would be written and lie outside of every file where something is read', () => {
  const huge = 2n ** 63n;
  assert.deepEqual(decoded(withU64('write', 48, huge)), refused(EFBIG));
  assert.deepEqual(decoded(withU64('setattr', 56, huge)), refused(EFBIG));
  assert.deepEqual(decoded(withU64('fallocate', 56, huge)), refused(EFBIG));
  assert.deepEqual(decoded(withU64('write', 48, huge - 5n)), refused(EFBIG));
  assert.deepEqual(decoded(withU64('read', 48, huge)), { op: 'read', ino, handle: 7, offset: huge, length: 131_072, flags: 3 });
});

test('a WRITE whose size and payload differ, or that is larger than agreed, is refused', () => {
  const fixed = Buffer.from(goldenRequests.write, 'hex').subarray(40, 80);
  for (const size of [4, 6, 0xffffffff]) {
    const body = Buffer.concat([fixed, name('hello')]);
    body.writeUInt32LE(size, 16);
    assert.deepEqual(decoded(withBody('write', body)), refused(EINVAL));
  }
  const tooLong = Buffer.concat([fixed, Buffer.alloc((1 << 20) + 1)]);
  tooLong.writeUInt32LE((1 << 20) + 1, 16);
  assert.deepEqual(decoded(withBody('write', tooLong)), refused(EINVAL));
});

test('nanoseconds of a second or more are refused', () => {
  const bytes = Buffer.from(goldenRequests.setattr, 'hex');
  bytes.writeUInt32LE(1_000_000_000, 40 + 56);
  assert.deepEqual(decoded(bytes), refused(EINVAL));
});

test('what is not implemented gets ENOSYS, so that the kernel does it itself or tells the caller', () => {
  for (const opcode of [7, 19, 31, 32, 33, 37, 39, 40, 48, 49, 50, 54, 4096, 0xffffffff]) {
    const bytes = Buffer.from(goldenRequests.statfs, 'hex');
    bytes.writeUInt32LE(opcode, 4);
    assert.deepEqual(decoded(bytes), refused(ENOSYS), String(opcode));
  }
});

test('a header whose length is not the length that was read can still be answered', () => {
  const bytes = Buffer.from(goldenRequests.getattr, 'hex');
  bytes.writeUInt32LE(41, 0);
  assert.equal(decoded(bytes), 'answerable');
  assert.equal(decoded(bytes.subarray(0, 20)), 'answerable');
  assert.equal(decoded(bytes.subarray(0, 12)), 'unusable');
});

test('the data of WRITE is a view of the slot and names are copies', () => {
  const slots = Buffer.from(goldenRequests.write, 'hex');
  const reader = new RequestReader(slots);
  reader.attach(0, slots.length);
  const write = decode(reader);
  assert.ok(write.op === 'write');
  slots.fill(0x7a, 80);
  assert.equal(write.data.toString(), 'zzzzz');

  const other = Buffer.from(goldenRequests.setxattr, 'hex');
  const second = new RequestReader(other);
  second.attach(0, other.length);
  const setxattr = decode(second);
  assert.ok(setxattr.op === 'setxattr');
  other.fill(0x7a);
  assert.equal(setxattr.name.toString(), 'user.a/b');
  assert.equal(setxattr.value.toString(), 'xyz');
});
