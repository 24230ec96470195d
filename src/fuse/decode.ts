// Turns a request into a Call. Every length is checked before a field is read, every name for its end and its bytes; what the
// kernel would not send becomes `refuse` with an errno, never a throw. Field offsets are those of <linux/fuse.h>.
import { constants } from 'node:os';
import type { Timespec } from '../base/clock.js';
import { add, pastLargestFile } from '../base/file-offset.js';
import { asIno, type Ino } from '../base/ids.js';
import { nameBytesMax, pathBytesMax, requestBytesMax, xattrValueBytesMax } from '../base/limits.js';
import type { Caller, SetAttributes } from '../filesystem/contract.js';
import type { Call, Forgotten } from './call.js';
import { fsyncDataOnly, getattrForFile, Opcode, openKillPriv, SetattrValid, setxattrKillsGroup, writeKillPriv } from './protocol.js';
import type { RequestReader } from './request-reader.js';

const { EFBIG, EINVAL, ENAMETOOLONG, ENOSYS, E2BIG } = constants.errno;
const tooLarge = Number.POSITIVE_INFINITY;
const silence: Call = { op: 'silence' };
const malformed: Call = refuse(EINVAL);

/** The request that `r` is attached to (as 'whole'). */
export function decode(r: RequestReader): Call {
  if (r.nodeId === tooLarge) return expectsAnswer(r.opcode) ? malformed : silence;
  const ino = asIno(r.nodeId);
  switch (r.opcode) {
    case Opcode.lookup:
      // An exported mount asks for '.' and '..' of an inode that it knows by a file handle.
      return r.isDots(0) ? { op: 'lookup', pid: r.pid, parent: ino, name: r.copy(0, r.bodyBytes - 1) } : named(r, 0, (name) => ({ op: 'lookup', pid: r.pid, parent: ino, name }));
    case Opcode.getattr:
      return r.bodyBytes < 16 ? malformed : { op: 'getattr', ino, forOpenFile: (r.u32(0) & getattrForFile) !== 0 };
    case Opcode.statx:
      return r.bodyBytes < 24 ? malformed : { op: 'statx', ino };
    case Opcode.open:
      return r.bodyBytes < 8 ? malformed : { op: 'open', caller: callerOf(r), ino, flags: r.u32(0), killPriv: (r.u32(4) & openKillPriv) !== 0 };
    case Opcode.read:
      return decodeRead(r, ino);
    case Opcode.write:
      return decodeWrite(r, ino);
    case Opcode.flush:
      return withHandle(r, 24, (handle) => ({ op: 'flush', ino, handle }));
    case Opcode.release:
      return withHandle(r, 24, (handle) => ({ op: 'release', ino, handle }));
    case Opcode.opendir:
      return r.bodyBytes < 8 ? malformed : { op: 'opendir', ino };
    case Opcode.readdir:
    case Opcode.readdirplus:
      return decodeReaddir(r, ino);
    case Opcode.releasedir:
      return withHandle(r, 24, (handle) => ({ op: 'releasedir', ino, handle }));
    case Opcode.readlink:
      return { op: 'readlink', ino };
    case Opcode.statfs:
      return { op: 'statfs' };
    case Opcode.access:
      return r.bodyBytes < 8 ? malformed : { op: 'access', caller: callerOf(r), ino, mask: r.u32(0) };
    case Opcode.fsync:
      return r.bodyBytes < 16 ? malformed : { op: 'fsync', ino, dataOnly: (r.u32(8) & fsyncDataOnly) !== 0 };
    case Opcode.fsyncdir:
      return r.bodyBytes < 16 ? malformed : { op: 'fsyncdir', ino };
    case Opcode.fallocate:
      return decodeFallocate(r, ino);
    case Opcode.lseek:
      return decodeLseek(r, ino);
    case Opcode.copyFileRange:
    case Opcode.copyFileRange64:
      return decodeCopy(r, ino);
    case Opcode.setattr:
      return decodeSetattr(r, ino);
    case Opcode.getxattr:
      return xattrNamed(r, 8, (name) => ({ op: 'getxattr', ino, name, room: r.u32(0) }));
    case Opcode.listxattr:
      return r.bodyBytes < 8 ? malformed : { op: 'listxattr', caller: callerOf(r), ino, room: r.u32(0) };
    case Opcode.setxattr:
      return decodeSetxattr(r, ino);
    case Opcode.removexattr:
      return xattrNamed(r, 0, (name) => ({ op: 'removexattr', ino, name }));
    case Opcode.forget:
      return decodeForget(r, ino);
    case Opcode.batchForget:
      return decodeBatchForget(r);
    case Opcode.interrupt:
      return r.bodyBytes < 8 ? silence : { op: 'interrupt', unique: r.u64(0) };
    case Opcode.notifyReply:
      return silence;
    case Opcode.init:
      return r.bodyBytes < 16 ? malformed : { op: 'init', major: r.u32(0), minor: r.u32(4), readAheadBytesMax: r.u32(8), flags: r.u32(12) };
    case Opcode.destroy:
      return { op: 'destroy' };
    default:
      return decodeNameChange(r, ino);
  }
}

function decodeNameChange(r: RequestReader, ino: Ino): Call {
  switch (r.opcode) {
    case Opcode.create:
      return named(r, 16, (name) => ({ op: 'create', caller: callerOf(r), parent: ino, name, flags: r.u32(0), mode: r.u32(4), umask: r.u32(8) }));
    case Opcode.tmpfile:
      // The name that comes along means nothing.
      return r.bodyBytes < 17 || r.bodyBytes !== 17 + r.stringLength(16) ? malformed : { op: 'temporary', caller: callerOf(r), parent: ino, flags: r.u32(0), mode: r.u32(4), umask: r.u32(8) };
    case Opcode.mknod:
      return named(r, 16, (name) => ({ op: 'mknod', caller: callerOf(r), parent: ino, name, mode: r.u32(0), rdev: r.u32(4), umask: r.u32(8) }));
    case Opcode.mkdir:
      return named(r, 8, (name) => ({ op: 'mkdir', caller: callerOf(r), parent: ino, name, mode: r.u32(0), umask: r.u32(4) }));
    case Opcode.unlink:
      return named(r, 0, (name) => ({ op: 'unlink', parent: ino, name }));
    case Opcode.rmdir:
      return named(r, 0, (name) => ({ op: 'rmdir', parent: ino, name }));
    case Opcode.link:
      return r.u64(0) === tooLarge ? malformed : named(r, 8, (name) => ({ op: 'link', ino: asIno(r.u64(0)), parent: ino, name }));
    case Opcode.symlink:
      return decodeSymlink(r, ino);
    case Opcode.rename:
      return decodeRename(r, ino, 8, 0);
    case Opcode.rename2:
      return decodeRename(r, ino, 16, r.u32(8));
    default:
      // Locks, ioctl, poll, bmap, ...: the kernel does them itself or tells the caller.
      return refuse(ENOSYS);
  }
}

/** The kernel takes no answer to these. */
function expectsAnswer(opcode: number): boolean {
  return opcode !== Opcode.forget && opcode !== Opcode.batchForget && opcode !== Opcode.interrupt && opcode !== Opcode.notifyReply;
}

function refuse(errno: number): Call {
  return { op: 'refuse', errno };
}

function callerOf(r: RequestReader): Caller {
  return { uid: r.uid, gid: r.gid, pid: r.pid };
}

/** A body of `fixed` bytes and exactly one file name. */
function named(r: RequestReader, fixed: number, make: (name: Buffer) => Call): Call {
  const length = r.bodyBytes - fixed - 1;
  if (length < 1 || r.stringLength(fixed) !== length) return malformed;
  if (length > nameBytesMax) return refuse(ENAMETOOLONG);
  return r.isName(fixed, length) ? make(r.copy(fixed, length)) : malformed;
}

/** Names of extended attributes may hold '/'; the value, if any, comes behind. */
function xattrNamed(r: RequestReader, fixed: number, make: (name: Buffer) => Call): Call {
  const length = r.stringLength(fixed);
  if (length < 1 || r.bodyBytes !== fixed + length + 1) return malformed;
  return length > nameBytesMax ? refuse(ENAMETOOLONG) : make(r.copy(fixed, length));
}

function withHandle(r: RequestReader, fixed: number, make: (handle: number) => Call): Call {
  const handle = r.u64(0);
  return r.bodyBytes < fixed || handle === tooLarge ? malformed : make(handle);
}

function decodeRead(r: RequestReader, ino: Ino): Call {
  const length = r.u32(16);
  if (r.bodyBytes < 40 || r.u64(0) === tooLarge || length > requestBytesMax) return malformed;
  return { op: 'read', ino, handle: r.u64(0), offset: r.fileOffset(8), length, flags: r.u32(32) };
}

function decodeWrite(r: RequestReader, ino: Ino): Call {
  const length = r.u32(16);
  if (r.bodyBytes < 40 || r.u64(0) === tooLarge || length > requestBytesMax || r.bodyBytes !== 40 + length) return malformed;
  const offset = r.fileOffset(8);
  if (pastLargestFile(add(offset, length))) return refuse(EFBIG);
  return { op: 'write', caller: callerOf(r), ino, handle: r.u64(0), offset, data: r.view(40, length), killPriv: (r.u32(20) & writeKillPriv) !== 0 };
}

function decodeReaddir(r: RequestReader, ino: Ino): Call {
  const cookie = r.u64(8);
  if (r.bodyBytes < 40 || cookie === tooLarge) return malformed;
  return { op: 'readdir', pid: r.pid, ino, cookie, room: Math.min(r.u32(16), requestBytesMax), plus: r.opcode === Opcode.readdirplus };
}

function decodeFallocate(r: RequestReader, ino: Ino): Call {
  const offset = r.fileOffset(8);
  const length = r.fileOffset(16);
  if (r.bodyBytes < 32 || length === 0) return malformed;
  if (pastLargestFile(add(offset, length))) return refuse(EFBIG);
  return { op: 'fallocate', caller: callerOf(r), ino, offset, length, mode: r.u32(24) };
}

function decodeCopy(r: RequestReader, ino: Ino): Call {
  const [handle, toNode, toHandle, length] = [r.u64(0), r.u64(16), r.u64(24), r.u64(40)];
  const [offset, toOffset] = [r.fileOffset(8), r.fileOffset(32)];
  if (r.bodyBytes < 56 || handle === tooLarge || toNode === tooLarge || toHandle === tooLarge || r.u64(48) !== 0) return malformed;
  if (pastLargestFile(offset) || pastLargestFile(toOffset)) return refuse(EFBIG);
  const wide = r.opcode === Opcode.copyFileRange64;
  // One answer tells of at most this much; the kernel asks again for the rest.
  const most = Math.min(length, wide ? Number.MAX_SAFE_INTEGER : 0x7fff_f000);
  return { op: 'copy', caller: callerOf(r), ino, handle, offset, toIno: asIno(toNode), toHandle, toOffset, length: most, wide };
}

function decodeLseek(r: RequestReader, ino: Ino): Call {
  if (r.bodyBytes < 24) return malformed;
  // Negative offsets look huge here: outside of every file.
  return { op: 'lseek', ino, offset: r.fileOffset(8), whence: r.u32(16) };
}

function decodeSetattr(r: RequestReader, ino: Ino): Call {
  if (r.bodyBytes < 88) return malformed;
  const valid = r.u32(0);
  const has = (bit: number): boolean => (valid & bit) !== 0;
  const size = has(SetattrValid.size) ? r.fileOffset(16) : undefined;
  if (size !== undefined && pastLargestFile(size)) return refuse(EFBIG);
  const atime = has(SetattrValid.atime) ? timeAt(r, 32, 56) : undefined;
  const mtime = has(SetattrValid.mtime) ? timeAt(r, 40, 60) : undefined;
  const ctime = has(SetattrValid.ctime) ? timeAt(r, 48, 64) : undefined;
  if (atime === null || mtime === null || ctime === null) return malformed;
  const set: SetAttributes = {
    mode: has(SetattrValid.mode) ? r.u32(68) & 0o7777 : undefined,
    uid: has(SetattrValid.uid) ? r.u32(76) : undefined,
    gid: has(SetattrValid.gid) ? r.u32(80) : undefined,
    size,
    atime: has(SetattrValid.atimeNow) ? 'now' : atime,
    mtime: has(SetattrValid.mtimeNow) ? 'now' : mtime,
    ctime,
    killPriv: has(SetattrValid.killPriv),
  };
  return { op: 'setattr', caller: callerOf(r), ino, set };
}

/** A time beyond what can be kept (285 million years) becomes the last that can, as on every filesystem (timestamp_truncate in fs/inode.c). */
function timeAt(r: RequestReader, secAt: number, nsecAt: number): Timespec | null {
  const sec = r.i64(secAt);
  const nsec = r.u32(nsecAt);
  if (nsec > 999_999_999) return null;
  if (!Number.isNaN(sec)) return { sec, nsec };
  return { sec: (r.u32(secAt + 4) & 0x8000_0000) === 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER, nsec: 0 };
}

function decodeSymlink(r: RequestReader, ino: Ino): Call {
  const nameLength = r.stringLength(0);
  const targetAt = nameLength + 1;
  const targetLength = nameLength < 0 ? -1 : r.stringLength(targetAt);
  if (targetLength < 1 || r.bodyBytes !== targetAt + targetLength + 1) return malformed;
  if (nameLength > nameBytesMax || targetLength > pathBytesMax) return refuse(ENAMETOOLONG);
  if (!r.isName(0, nameLength)) return malformed;
  return { op: 'symlink', caller: callerOf(r), parent: ino, name: r.copy(0, nameLength), target: r.copy(targetAt, targetLength) };
}

function decodeRename(r: RequestReader, fromParent: Ino, fixed: number, flags: number): Call {
  const toParent = r.u64(0);
  const fromLength = r.stringLength(fixed);
  const toAt = fixed + fromLength + 1;
  const toLength = fromLength < 0 ? -1 : r.stringLength(toAt);
  if (toLength < 0 || r.bodyBytes !== toAt + toLength + 1 || toParent === tooLarge) return malformed;
  if (fromLength > nameBytesMax || toLength > nameBytesMax) return refuse(ENAMETOOLONG);
  if (!r.isName(fixed, fromLength) || !r.isName(toAt, toLength)) return malformed;
  return { op: 'rename', fromParent, fromName: r.copy(fixed, fromLength), toParent: asIno(toParent), toName: r.copy(toAt, toLength), flags, caller: callerOf(r) };
}

function decodeSetxattr(r: RequestReader, ino: Ino): Call {
  const valueLength = r.u32(0);
  const nameAt = r.setxattrBytes;
  const nameLength = r.stringLength(nameAt);
  if (nameLength < 1 || r.bodyBytes !== nameAt + nameLength + 1 + valueLength) return malformed;
  if (nameLength > nameBytesMax) return refuse(ENAMETOOLONG);
  if (valueLength > xattrValueBytesMax) return refuse(E2BIG);
  const killsGroup = nameAt > 8 && (r.u32(8) & setxattrKillsGroup) !== 0;
  const value = r.copy(nameAt + nameLength + 1, valueLength);
  return { op: 'setxattr', caller: callerOf(r), ino, name: r.copy(nameAt, nameLength), value, flags: r.u32(4), killsGroup };
}

function decodeForget(r: RequestReader, ino: Ino): Call {
  const count = r.u64(0);
  return r.bodyBytes < 8 || count === tooLarge ? silence : { op: 'forget', forgotten: [{ ino, count }] };
}

function decodeBatchForget(r: RequestReader): Call {
  const count = r.u32(0);
  if (r.bodyBytes < 8 || r.bodyBytes < 8 + count * 16) return silence;
  const forgotten: Forgotten[] = [];
  for (let i = 0; i < count; i++) {
    const node = r.u64(8 + i * 16);
    const times = r.u64(16 + i * 16);
    if (node !== tooLarge && times !== tooLarge) forgotten.push({ ino: asIno(node), count: times });
  }
  return { op: 'forget', forgotten };
}
