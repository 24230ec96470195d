// What the kernel accepts as an answer to a request: fuse_dev_do_write(), fuse_copy_out_args(), fuse_invalid_attr() and
// parse_dirfile() of Linux 6.x. An answer that fails here would be EINVAL to us and EIO, or a marked inode, to a program.
import assert from 'node:assert/strict';
import { attrOutBytes, direntBytes, entryOutBytes, initOutBytes, kstatfsBytes, Opcode, openOutBytes, statxOutBytes, writeOutBytes } from '../../../src/fuse/protocol.js';

const inHeader = 40;
const outHeader = 16;
const errnoMax = 511;
const pathBytesMax = 4096;
const nameBytesMax = 1024;
const fileTypes = [1, 2, 4, 6, 8, 10, 12].map((type) => type << 12);
const silent: readonly number[] = [Opcode.forget, Opcode.batchForget, Opcode.interrupt, Opcode.notifyReply];

/** Bytes too short for a header, or with a number the kernel never counts to, cannot be answered; some operations have no answer. */
export function expectsAnswer(request: Buffer): 'yes' | 'no' | 'unusable' {
  if (request.length < 16 || request.readUInt32LE(12) >= 2 ** 21) return 'unusable';
  if (!silent.includes(request.readUInt32LE(4))) return 'yes';
  // Of a request that is cut nothing but its number is believed: an answer is then allowed.
  return 'no';
}

/** Asserts that `answer` is well-formed and belongs to `request`. Gives the errno, 0 for success. */
export function judge(request: Buffer, answer: Buffer): number {
  assert.ok(answer.length >= outHeader, `an answer of ${answer.length} bytes`);
  assert.equal(answer.readUInt32LE(0), answer.length, 'the header tells the length');
  assert.equal(answer.readBigUInt64LE(8), request.readBigUInt64LE(8), 'the answer belongs to the request');
  const error = answer.readInt32LE(4);
  assert.ok(error <= 0 && error >= -errnoMax, `error ${error}`);
  if (error !== 0) assert.equal(answer.length, outHeader, 'an error has no body');
  else judgeBody(request, answer.subarray(outHeader));
  return -error;
}

function judgeBody(request: Buffer, body: Buffer): void {
  const opcode = request.readUInt32LE(4);
  const asked = (at: number): number => request.readUInt32LE(inHeader + at);
  switch (opcode) {
    case Opcode.lookup:
    case Opcode.mknod:
    case Opcode.mkdir:
    case Opcode.symlink:
    case Opcode.link:
      assert.equal(body.length, entryOutBytes);
      return judgeEntry(body, opcode === Opcode.lookup);
    case Opcode.create:
    case Opcode.tmpfile:
      assert.equal(body.length, entryOutBytes + openOutBytes);
      return judgeEntry(body, false);
    case Opcode.getattr:
    case Opcode.setattr:
      assert.equal(body.length, attrOutBytes);
      return judgeAttributes(body.subarray(16));
    case Opcode.readdir:
    case Opcode.readdirplus:
      assert.ok(body.length <= asked(16), 'no more than asked');
      return judgeListing(body, opcode === Opcode.readdirplus);
    case Opcode.read:
      return assert.ok(body.length <= asked(16), 'no more than asked');
    case Opcode.readlink:
      return assert.ok(body.length < pathBytesMax, 'a target');
    case Opcode.getxattr:
    case Opcode.listxattr:
      return assert.ok(asked(0) === 0 ? body.length === 8 : body.length <= asked(0), 'no more than asked');
    case Opcode.init:
      return assert.ok(body.length <= initOutBytes, 'a kernel takes less, never more');
    default:
      assert.equal(body.length, exactBytes(opcode), `operation ${opcode}`);
  }
}

function exactBytes(opcode: number): number {
  switch (opcode) {
    case Opcode.statx:
      return statxOutBytes;
    case Opcode.open:
    case Opcode.opendir:
      return openOutBytes;
    case Opcode.write:
    case Opcode.lseek:
    case Opcode.copyFileRange:
    case Opcode.copyFileRange64:
      return writeOutBytes;
    case Opcode.statfs:
      return kstatfsBytes;
    default:
      return 0;
  }
}

function judgeEntry(entry: Buffer, mayBeAbsent: boolean): void {
  const node = entry.readBigUInt64LE(0);
  if (node === 0n) return assert.ok(mayBeAbsent, 'what was made has a number');
  assert.equal(entry.readBigUInt64LE(40), node, 'one number');
  judgeAttributes(entry.subarray(40));
}

function judgeAttributes(attributes: Buffer): void {
  assert.ok(attributes.readBigUInt64LE(8) < 2n ** 63n, 'a size');
  for (const at of [48, 52, 56]) assert.ok(attributes.readUInt32LE(at) < 1_000_000_000, 'nanoseconds');
  const mode = attributes.readUInt32LE(60);
  assert.ok(fileTypes.includes(mode & 0o170000), `mode ${mode.toString(8)} is of a file type`);
}

function judgeListing(body: Buffer, plus: boolean): void {
  for (let at = 0; at < body.length; ) {
    if (plus) judgeEntry(body.subarray(at, at + entryOutBytes), true);
    const entry = at + (plus ? entryOutBytes : 0);
    assert.ok(entry + direntBytes < body.length, 'an entry is whole');
    const length = body.readUInt32LE(entry + 16);
    assert.ok(length > 0 && length <= nameBytesMax, `a name of ${length} bytes`);
    const name = body.subarray(entry + direntBytes, entry + direntBytes + length);
    assert.ok(!name.includes(0x2f) && !name.includes(0), `the name ${name.toString('latin1')}`);
    at = entry + Math.ceil((direntBytes + length) / 8) * 8;
    assert.ok(at <= body.length, 'the last entry is whole');
  }
}
