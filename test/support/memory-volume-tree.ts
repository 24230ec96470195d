// The tree of a MemoryVolume: names, attributes, xattrs and bytes in plain Maps, changed by the records of
// src/format/records.ts with the meaning that file gives them. Slow and obvious on purpose: all places in files are bigints in here.
import { assert, unreachable } from '../../src/base/assert.js';
import type { Timespec } from '../../src/base/clock.js';
import type { FileOffset } from '../../src/base/file-offset.js';
import { asContentId, asIno, asSegmentNumber, type ContentId, type Ino, ROOT_INO } from '../../src/base/ids.js';
import type { CreateRecord, FileRecord, RenameRecord } from '../../src/format/records.js';
import { nameListOf } from './name-lists.js';
import type { NameList } from '../../src/skeleton/name-list.js';
import { type DirectoryEntry, type Extent, type Inode, type ListedChild, unwritten } from '../../src/skeleton/contract.js';
import { largest, place } from './wide.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Node {
  readonly inode: Mutable<Inode>;
  readonly entries: Map<string, { readonly ino: Ino; readonly cookie: number }>;
  readonly xattrs: Map<string, Buffer>;
  readonly target: Buffer | null;
  parent: Ino;
}

/** Bytes of one write that are still visible; `serial` 0: room that is only kept. */
interface Piece {
  offset: bigint;
  bytes: Buffer;
  serial: number;
}

const typeMask = 0o170000;
const directoryType = 0o040000;
const endOf = (piece: Piece): bigint => piece.offset + BigInt(piece.bytes.length);
const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const byOffset = (a: Piece, b: Piece): number => (a.offset < b.offset ? -1 : 1);
const key = (name: Buffer): string => name.toString('latin1');

export class MemoryTree {
  readonly #nodes = new Map<Ino, Node>();
  readonly #pieces = new Map<ContentId, Piece[]>();
  #lastIno: number = ROOT_INO;
  #lastCookie = 2;
  #lastSerial = 0;

  constructor(time: Timespec) {
    this.#nodes.set(ROOT_INO, newNode(ROOT_INO, asContentId(0), directoryType | 0o755, { uid: 0, gid: 0, rdev: 0 }, null, time));
    this.#node(ROOT_INO).inode.nlink = 2;
  }

  nextIno(): Ino {
    return asIno(this.#lastIno + 1);
  }

  inode(ino: Ino): Inode | null {
    const node = this.#nodes.get(ino);
    return node === undefined ? null : { ...node.inode };
  }

  lookup(parent: Ino, name: Buffer): Inode | null {
    const entry = this.#nodes.get(parent)?.entries.get(key(name));
    return entry === undefined ? null : this.inode(entry.ino);
  }

  children(parent: Ino, cookie: number, limit: number): readonly DirectoryEntry[] {
    const entries = [...(this.#nodes.get(parent)?.entries ?? [])];
    return entries
      .map(([name, entry]) => ({ name: Buffer.from(name, 'latin1'), ino: entry.ino, mode: this.#node(entry.ino).inode.mode, cookie: entry.cookie }))
      .filter((entry) => entry.cookie > cookie)
      .sort((a, b) => a.cookie - b.cookie)
      .slice(0, limit);
  }

  childNames(parent: Ino, cookie: number, limit: number): NameList {
    return nameListOf(this.children(parent, cookie, limit));
  }

  childrenWithInodes(parent: Ino, cookie: number, limit: number): readonly ListedChild[] {
    return this.children(parent, cookie, limit).map((child) => ({ name: child.name, cookie: child.cookie, inode: this.#node(child.ino).inode }));
  }

  hasChildren(parent: Ino): boolean {
    return this.#node(parent).entries.size > 0;
  }

  parentOf(directory: Ino): Ino {
    return this.#node(directory).parent;
  }

  symlinkTarget(ino: Ino): Buffer | null {
    return this.#nodes.get(ino)?.target ?? null;
  }

  xattr(ino: Ino, name: Buffer): Buffer | null {
    return this.#nodes.get(ino)?.xattrs.get(key(name)) ?? null;
  }

  xattrNames(ino: Ino): readonly Buffer[] {
    return [...(this.#nodes.get(ino)?.xattrs.keys() ?? [])].map((name) => Buffer.from(name, 'latin1'));
  }

  extents(content: ContentId, offset: FileOffset, length: FileOffset, limit: number): readonly Extent[] {
    return this.#overlapping(content, BigInt(offset), BigInt(offset) + BigInt(length))
      .slice(0, limit)
      .map((piece) => ({ offset: place(piece.offset), length: piece.bytes.length, segment: piece.serial === 0 ? unwritten : asSegmentNumber(1), segmentOffset: piece.serial }));
  }

  extentCount(content: ContentId, offset: FileOffset, length: FileOffset, limit: number): number {
    return Math.min(limit, this.#overlapping(content, BigInt(offset), BigInt(offset) + BigInt(length)).length);
  }

  get files(): number {
    return this.#nodes.size;
  }

  get unwrittenBytes(): number {
    let bytes = 0;
    for (const pieces of this.#pieces.values()) for (const piece of pieces) if (piece.serial === 0) bytes += piece.bytes.length;
    return bytes;
  }

  get liveBytes(): number {
    let bytes = 0;
    for (const node of this.#nodes.values()) bytes += node.inode.allocated;
    return bytes;
  }

  bytes(ino: Ino, offset: FileOffset, length: number): Buffer {
    const { inode } = this.#node(ino);
    const start = BigInt(offset);
    const end = lesser(start + BigInt(length), BigInt(inode.size));
    const out = Buffer.alloc(Number(greater(end - start, 0n)));
    for (const piece of this.#overlapping(inode.content, start, end)) {
      const from = greater(piece.offset, start);
      piece.bytes.copy(out, Number(from - start), Number(from - piece.offset));
    }
    return out;
  }

  write(ino: Ino, offset: FileOffset, data: Buffer, time: Timespec): void {
    const { inode } = this.#node(ino);
    const piece = { offset: BigInt(offset), bytes: Buffer.from(data), serial: ++this.#lastSerial };
    this.#cut(inode, piece.offset, endOf(piece));
    this.#list(inode.content).push(piece);
    this.#list(inode.content).sort(byOffset);
    inode.allocated += data.length;
    inode.size = place(greater(BigInt(inode.size), endOf(piece)));
    inode.mtime = inode.ctime = time;
  }

  /** Pieces of the source come into the target, holes as holes. */
  share(from: Ino, fromOffset: FileOffset, to: Ino, toOffset: FileOffset, length: number, time: Timespec): void {
    const { inode } = this.#node(to);
    const [source, target, bytesMax] = [BigInt(fromOffset), BigInt(toOffset), BigInt(length)];
    const found = this.#overlapping(this.#node(from).inode.content, source, source + bytesMax);
    this.#cut(inode, target, target + bytesMax);
    for (const piece of found) {
      if (piece.serial === 0) continue;
      const start = greater(piece.offset, source);
      const bytes = piece.bytes.subarray(Number(start - piece.offset), Number(lesser(endOf(piece), source + bytesMax) - piece.offset));
      this.#list(inode.content).push({ offset: target + start - source, bytes, serial: ++this.#lastSerial });
      inode.allocated += bytes.length;
    }
    this.#list(inode.content).sort(byOffset);
    inode.size = place(greater(BigInt(inode.size), target + bytesMax));
    inode.mtime = inode.ctime = time;
  }

  apply(record: FileRecord): void {
    switch (record.type) {
      case 'create':
        this.#create(record);
        return;
      case 'link': {
        const { inode } = this.#node(record.ino);
        this.#add(record.parent, record.name, record.ino, record.time);
        inode.nlink++;
        inode.ctime = record.time;
        return;
      }
      case 'unlink':
        assert(this.lookup(record.parent, record.name)?.ino === record.ino, 'the name is there');
        this.#remove(record.parent, record.name, record.time);
        return;
      case 'rename':
        this.#rename(record);
        return;
      case 'attribute': {
        const { inode } = this.#node(record.ino);
        if (record.mode !== undefined) inode.mode = (inode.mode & typeMask) | record.mode;
        inode.uid = record.uid ?? inode.uid;
        inode.gid = record.gid ?? inode.gid;
        inode.atime = record.atime ?? inode.atime;
        inode.mtime = record.mtime ?? inode.mtime;
        inode.ctime = record.ctime;
        return;
      }
      case 'xattr': {
        const node = this.#node(record.ino);
        if (record.value === null) assert(node.xattrs.delete(key(record.name)), 'the attribute is there');
        else node.xattrs.set(key(record.name), Buffer.from(record.value));
        node.inode.ctime = record.time;
        return;
      }
      case 'truncate': {
        const { inode } = this.#node(record.ino);
        if (record.size <= inode.size) this.#cut(inode, BigInt(record.size), largest);
        inode.size = record.size;
        inode.mtime = inode.ctime = record.time;
        return;
      }
      case 'punch': {
        const { inode } = this.#node(record.ino);
        this.#cut(inode, BigInt(record.offset), BigInt(record.offset) + BigInt(record.length));
        inode.mtime = inode.ctime = record.time;
        return;
      }
      case 'preallocate': {
        const { inode } = this.#node(record.ino);
        const end = BigInt(record.offset) + BigInt(record.length);
        let from = BigInt(record.offset);
        for (const piece of [...this.#overlapping(inode.content, from, end)]) {
          this.#keep(inode, from, piece.offset);
          from = endOf(piece);
        }
        this.#keep(inode, from, end);
        this.#list(inode.content).sort(byOffset);
        inode.ctime = record.time;
        return;
      }
      case 'reap':
        assert(this.#node(record.ino).inode.nlink === 0, 'only orphans are reaped');
        this.#nodes.delete(record.ino);
        return;
      case 'temporary':
        assert(record.ino === this.#lastIno + 1, 'the number came from nextIno');
        this.#lastIno = record.ino;
        this.#nodes.set(record.ino, newNode(record.ino, record.content, record.mode, { ...record, rdev: 0 }, null, record.time));
        return;
      case 'write':
      case 'share':
      case 'trim':
        throw new Error(`${record.type} records do not come from outside the volume`);
      default:
        unreachable(record);
    }
  }

  #create(record: CreateRecord): void {
    assert(record.ino === this.#lastIno + 1, 'the number came from nextIno');
    this.#lastIno = record.ino;
    const target = record.target === null ? null : Buffer.from(record.target);
    const node = newNode(record.ino, record.content, record.mode, record, target, record.time);
    node.inode.nlink = isDirectory(node) ? 2 : 1;
    node.inode.size = target?.length ?? 0;
    this.#nodes.set(record.ino, node);
    this.#add(record.parent, record.name, record.ino, record.time);
  }

  #rename(record: RenameRecord): void {
    const { fromParent, fromName, toParent, toName, time } = record;
    const source = this.lookup(fromParent, fromName);
    const target = this.lookup(toParent, toName);
    assert(source !== null, 'the source is there');
    this.#detach(fromParent, fromName, time);
    if (target !== null && record.exchange) this.#detach(toParent, toName, time);
    else if (target !== null) this.#remove(toParent, toName, time);
    this.#add(toParent, toName, source.ino, time);
    this.#node(source.ino).inode.ctime = time;
    if (target === null || !record.exchange) return;
    this.#add(fromParent, fromName, target.ino, time);
    this.#node(target.ino).inode.ctime = time;
  }

  /** A name appears: parent's times, and its link count where a directory moves in. */
  #add(parent: Ino, name: Buffer, ino: Ino, time: Timespec): void {
    const directory = this.#node(parent);
    assert(!directory.entries.has(key(name)), 'the name is free');
    assert(directory.inode.nlink > 0, 'the parent was not removed');
    directory.entries.set(key(name), { ino, cookie: ++this.#lastCookie });
    const node = this.#node(ino);
    if (isDirectory(node)) {
      node.parent = parent;
      directory.inode.nlink++;
    }
    directory.inode.mtime = directory.inode.ctime = time;
  }

  /** A name disappears; its inode keeps its link count. */
  #detach(parent: Ino, name: Buffer, time: Timespec): Node {
    const directory = this.#node(parent);
    const entry = directory.entries.get(key(name));
    assert(entry !== undefined, 'the name is there');
    directory.entries.delete(key(name));
    const node = this.#node(entry.ino);
    if (isDirectory(node)) directory.inode.nlink--;
    directory.inode.mtime = directory.inode.ctime = time;
    return node;
  }

  #remove(parent: Ino, name: Buffer, time: Timespec): void {
    const node = this.#detach(parent, name, time);
    if (isDirectory(node)) assert(node.entries.size === 0, 'the directory is empty');
    node.inode.nlink = isDirectory(node) ? 0 : node.inode.nlink - 1;
    node.inode.ctime = time;
  }

  #list(content: ContentId): Piece[] {
    const list = this.#pieces.get(content) ?? [];
    this.#pieces.set(content, list);
    return list;
  }

  #overlapping(content: ContentId, start: bigint, end: bigint): readonly Piece[] {
    return this.#list(content).filter((piece) => piece.offset < end && start < endOf(piece));
  }

  #keep(inode: Mutable<Inode>, from: bigint, to: bigint): void {
    if (from >= to) return;
    this.#list(inode.content).push({ offset: from, bytes: Buffer.alloc(Number(to - from)), serial: 0 });
    inode.allocated += Number(to - from);
  }

  #cut(inode: Mutable<Inode>, start: bigint, end: bigint): void {
    const kept: Piece[] = [];
    inode.allocated = 0;
    for (const piece of this.#list(inode.content)) {
      const pieceEnd = endOf(piece);
      const outside = pieceEnd <= start || piece.offset >= end;
      if (outside) kept.push(piece);
      if (!outside && piece.offset < start) kept.push({ ...piece, bytes: piece.bytes.subarray(0, Number(start - piece.offset)) });
      if (!outside && pieceEnd > end) kept.push({ ...piece, offset: end, bytes: piece.bytes.subarray(Number(end - piece.offset)) });
    }
    for (const piece of kept) inode.allocated += piece.bytes.length;
    this.#pieces.set(inode.content, kept);
  }

  #node(ino: Ino): Node {
    const node = this.#nodes.get(ino);
    assert(node !== undefined, `inode ${ino} is there`);
    return node;
  }
}

const isDirectory = (node: Node): boolean => (node.inode.mode & typeMask) === directoryType;

function newNode(ino: Ino, content: ContentId, mode: number, owner: { uid: number; gid: number; rdev: number }, target: Buffer | null, time: Timespec): Node {
  const { uid, gid, rdev } = owner;
  const inode = { ino, content, mode, nlink: 0, uid, gid, rdev, size: 0, allocated: 0, atime: time, mtime: time, ctime: time, btime: time };
  return { inode, entries: new Map(), xattrs: new Map(), target, parent: ROOT_INO };
}
