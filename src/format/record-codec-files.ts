// Bytes of the records that change names, attributes and file data. Tags 1..31. Layout: docs/format/journal.md.
import { assert } from '../base/assert.js';
import type { Timespec } from '../base/clock.js';
import type { ContentId, Ino } from '../base/ids.js';
import { asContentId, asIno } from '../base/ids.js';
import { pathBytesMax, xattrValueBytesMax } from '../base/limits.js';
import type { ByteReader, ByteWriter } from './bytes.js';
import { type RecordCodec, type RecordOf, readName, readSegment, writeName } from './record-codec-common.js';
import type { AttributeRecord, FileRecord } from './records.js';

const readIno = (from: ByteReader): Ino => asIno(from.u64());
const readContent = (from: ByteReader): ContentId => asContentId(from.u64());

const create: RecordCodec<RecordOf<'create'>> = {
  tag: 1,
  write(to, r) {
    to.u64(r.ino);
    to.u64(r.content);
    to.u64(r.parent);
    writeName(to, r.name);
    to.u32(r.mode);
    to.u32(r.uid);
    to.u32(r.gid);
    to.u32(r.rdev);
    to.bool(r.target !== null);
    if (r.target !== null) {
      assert(r.target.length <= pathBytesMax, `symlink target of ${r.target.length} bytes`);
      to.bytes16(r.target);
    }
    to.time(r.time);
  },
  read(from) {
    const ino = readIno(from);
    const content = readContent(from);
    const parent = readIno(from);
    const name = readName(from);
    const mode = from.u32();
    const uid = from.u32();
    const gid = from.u32();
    const rdev = from.u32();
    const target = from.bool() ? from.bytes16() : null;
    if (target !== null && target.length > pathBytesMax) throw from.malformed('symlink target too long');
    return { type: 'create', ino, content, parent, name, mode, uid, gid, rdev, target, time: from.time() };
  },
};

const link: RecordCodec<RecordOf<'link'>> = {
  tag: 2,
  write(to, r) {
    to.u64(r.ino);
    to.u64(r.parent);
    writeName(to, r.name);
    to.time(r.time);
  },
  read: (from) => ({ type: 'link', ino: readIno(from), parent: readIno(from), name: readName(from), time: from.time() }),
};

const unlink: RecordCodec<RecordOf<'unlink'>> = {
  tag: 3,
  write(to, r) {
    to.u64(r.ino);
    to.u64(r.parent);
    writeName(to, r.name);
    to.time(r.time);
  },
  read: (from) => ({ type: 'unlink', ino: readIno(from), parent: readIno(from), name: readName(from), time: from.time() }),
};

const rename: RecordCodec<RecordOf<'rename'>> = {
  tag: 4,
  write(to, r) {
    to.u64(r.fromParent);
    writeName(to, r.fromName);
    to.u64(r.toParent);
    writeName(to, r.toName);
    to.bool(r.exchange);
    to.time(r.time);
  },
  read: (from) => ({
    type: 'rename',
    fromParent: readIno(from),
    fromName: readName(from),
    toParent: readIno(from),
    toName: readName(from),
    exchange: from.bool(),
    time: from.time(),
  }),
};

// Which of the optional attributes follow, in this order.
const HAS_MODE = 1;
const HAS_UID = 2;
const HAS_GID = 4;
const HAS_ATIME = 8;
const HAS_MTIME = 16;
const HAS_ALL = 31;

const attribute: RecordCodec<AttributeRecord> = {
  tag: 5,
  write(to, r) {
    to.u64(r.ino);
    const bit = (value: unknown, flag: number): number => (value === undefined ? 0 : flag);
    to.u8(bit(r.mode, HAS_MODE) | bit(r.uid, HAS_UID) | bit(r.gid, HAS_GID) | bit(r.atime, HAS_ATIME) | bit(r.mtime, HAS_MTIME));
    if (r.mode !== undefined) to.u32(r.mode);
    if (r.uid !== undefined) to.u32(r.uid);
    if (r.gid !== undefined) to.u32(r.gid);
    if (r.atime !== undefined) to.time(r.atime);
    if (r.mtime !== undefined) to.time(r.mtime);
    to.time(r.ctime);
  },
  read(from) {
    const ino = readIno(from);
    const flags = from.u8();
    if ((flags & ~HAS_ALL) !== 0) throw from.malformed(`attribute flags ${flags}`);
    const set: { mode?: number; uid?: number; gid?: number; atime?: Timespec; mtime?: Timespec } = {};
    if ((flags & HAS_MODE) !== 0) set.mode = from.u32();
    if ((flags & HAS_UID) !== 0) set.uid = from.u32();
    if ((flags & HAS_GID) !== 0) set.gid = from.u32();
    if ((flags & HAS_ATIME) !== 0) set.atime = from.time();
    if ((flags & HAS_MTIME) !== 0) set.mtime = from.time();
    return { type: 'attribute', ino, ...set, ctime: from.time() };
  },
};

const xattr: RecordCodec<RecordOf<'xattr'>> = {
  tag: 6,
  write(to, r) {
    to.u64(r.ino);
    writeName(to, r.name);
    to.bool(r.value !== null);
    if (r.value !== null) {
      assert(r.value.length <= xattrValueBytesMax, `extended attribute of ${r.value.length} bytes`);
      to.bytes32(r.value);
    }
    to.time(r.time);
  },
  read(from) {
    const ino = readIno(from);
    const name = readName(from);
    const value = from.bool() ? from.bytes32() : null;
    if (value !== null && value.length > xattrValueBytesMax) throw from.malformed('extended attribute too long');
    return { type: 'xattr', ino, name, value, time: from.time() };
  },
};

/** Of `write` and `share`. */
function writePlaced(to: ByteWriter, r: RecordOf<'write' | 'share'>): void {
  to.u64(r.ino);
  to.fileOffset(r.offset);
  to.u32(r.length);
  to.u64(r.segment);
  to.u32(r.segmentOffset);
  to.time(r.time);
}

const write: RecordCodec<RecordOf<'write'>> = {
  tag: 7,
  write: writePlaced,
  read: (from) => ({
    type: 'write',
    ino: readIno(from),
    offset: from.fileOffset(),
    length: from.u32(),
    segment: readSegment(from),
    segmentOffset: from.u32(),
    time: from.time(),
  }),
};

const truncate: RecordCodec<RecordOf<'truncate'>> = {
  tag: 8,
  write(to, r) {
    to.u64(r.ino);
    to.fileOffset(r.size);
    to.time(r.time);
  },
  read: (from) => ({ type: 'truncate', ino: readIno(from), size: from.fileOffset(), time: from.time() }),
};

/** Of `punch` and `preallocate`. */
function writeRange(to: ByteWriter, r: RecordOf<'punch' | 'preallocate'>): void {
  to.u64(r.ino);
  to.fileOffset(r.offset);
  to.fileOffset(r.length);
  to.time(r.time);
}

const punch: RecordCodec<RecordOf<'punch'>> = {
  tag: 9,
  write: writeRange,
  read: (from) => ({ type: 'punch', ino: readIno(from), offset: from.fileOffset(), length: from.fileOffset(), time: from.time() }),
};

const trim: RecordCodec<RecordOf<'trim'>> = {
  tag: 10,
  write(to, r) {
    to.u64(r.content);
    to.u32(r.limit);
  },
  read: (from) => ({ type: 'trim', content: readContent(from), limit: from.u32() }),
};

const reap: RecordCodec<RecordOf<'reap'>> = {
  tag: 11,
  write(to, r) {
    to.u64(r.ino);
    to.u32(r.limit);
  },
  read: (from) => ({ type: 'reap', ino: readIno(from), limit: from.u32() }),
};

const share: RecordCodec<RecordOf<'share'>> = {
  tag: 12,
  write: writePlaced,
  read: (from) => ({ ...write.read(from), type: 'share' }),
};

const temporary: RecordCodec<RecordOf<'temporary'>> = {
  tag: 13,
  write(to, r) {
    to.u64(r.ino);
    to.u64(r.content);
    to.u32(r.mode);
    to.u32(r.uid);
    to.u32(r.gid);
    to.time(r.time);
  },
  read: (from) => ({ type: 'temporary', ino: readIno(from), content: readContent(from), mode: from.u32(), uid: from.u32(), gid: from.u32(), time: from.time() }),
};

const preallocate: RecordCodec<RecordOf<'preallocate'>> = {
  tag: 14,
  write: writeRange,
  read: (from) => ({ ...punch.read(from), type: 'preallocate' }),
};

export const fileRecordCodecs: { readonly [Type in FileRecord['type']]: RecordCodec<RecordOf<Type>> } = {
  create,
  link,
  unlink,
  rename,
  attribute,
  xattr,
  write,
  truncate,
  punch,
  trim,
  reap,
  share,
  temporary,
  preallocate,
};
