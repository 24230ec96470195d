// A small file system in Maps behind the FileSystem contract: something for the kernel protocol to talk to in tests, with POSIX
// meaning only as far as these need it. `hold` makes admission or reads wait, so that waiting requests can be tested.
import { constants } from 'node:os';
import type { Timespec } from '../../src/base/clock.js';
import { asContentId, asIno, type Ino, ROOT_INO } from '../../src/base/ids.js';
import { type Answer, type Caller, type Entry, type FileSystem, type ListedEntry, type Opened, PosixError, type SetAttributes } from '../../src/filesystem/contract.js';
import type { Inode } from '../../src/skeleton/contract.js';
import type { NameList } from '../../src/skeleton/name-list.js';
import { nameListOf } from './name-lists.js';

const { E2BIG, EEXIST, EINVAL, EISDIR, ENODATA, ENOENT, ENOTDIR, ENOTEMPTY, ENXIO, EOPNOTSUPP } = constants.errno;
const pageBytes = 4096;
const typeBits = 0o170000;
const directoryType = 0o040000;
const linkType = 0o120000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Node {
  readonly inode: Mutable<Inode>;
  /** Pages that were written; a missing one is a hole. */
  readonly pages: Map<number, Buffer>;
  readonly names: Map<string, { readonly name: Buffer; readonly ino: Ino; readonly cookie: number }>;
  readonly xattrs: Map<string, Buffer>;
  parent: Ino;
  target: Buffer;
}

function fail(errno: number): never {
  throw new PosixError(errno, `errno ${errno}`);
}

export class MemoryFileSystem implements FileSystem {
  readonly nodes = new Map<Ino, Node>();
  /** References that the kernel holds, by inode. */
  readonly references = new Map<Ino, number>();
  destroyed = 0;
  openHandles = 0;
  fallocations = 0;
  /** While set, changes are not admitted. */
  admission: Promise<void> | null = null;
  /** While set, reads answer only after it. */
  readGate: Promise<void> | null = null;
  #next = 2;
  #cookie = 3;
  #clock = 1_700_000_000;

  constructor() {
    this.#add(ROOT_INO, directoryType | 0o755, 0, 0, 0, ROOT_INO);
  }

  admit(): Promise<void> | null {
    return this.admission;
  }

  lookup(parent: Ino, name: Buffer): Answer<Entry> {
    const found = this.#directory(parent).names.get(key(name)) ?? fail(ENOENT);
    return this.#hold(this.#node(found.ino));
  }

  forget(ino: Ino, count: number): void {
    const left = (this.references.get(ino) ?? 0) - count;
    if (left < 0) throw new Error(`inode ${ino} was forgotten more often than it was given`);
    if (left === 0) this.references.delete(ino);
    else this.references.set(ino, left);
  }

  getattr(ino: Ino): Answer<Inode> {
    return this.#node(ino).inode;
  }

  setattr(_caller: Caller, ino: Ino, set: SetAttributes): Answer<Inode> {
    const { inode } = this.#node(ino);
    if (set.size !== undefined) this.#resize(ino, Number(set.size));
    if (set.mode !== undefined) inode.mode = (inode.mode & typeBits) | set.mode;
    if (set.uid !== undefined) inode.uid = set.uid;
    if (set.gid !== undefined) inode.gid = set.gid;
    if (set.killPriv === true || set.uid !== undefined) this.#killPriv(inode);
    if (set.atime !== undefined) inode.atime = set.atime === 'now' ? this.#now() : set.atime;
    if (set.mtime !== undefined) inode.mtime = set.mtime === 'now' ? this.#now() : set.mtime;
    inode.ctime = this.#now();
    return inode;
  }

  readlink(ino: Ino): Answer<Buffer> {
    return this.#node(ino).target;
  }

  mknod(caller: Caller, parent: Ino, name: Buffer, mode: number, rdev: number): Answer<Entry> {
    return this.#hold(this.#make(caller, parent, name, mode, rdev));
  }

  mkdir(caller: Caller, parent: Ino, name: Buffer, mode: number): Answer<Entry> {
    return this.#hold(this.#make(caller, parent, name, (mode & 0o7777) | directoryType, 0));
  }

  symlink(caller: Caller, parent: Ino, name: Buffer, target: Buffer): Answer<Entry> {
    const node = this.#make(caller, parent, name, linkType | 0o777, 0);
    node.target = target;
    node.inode.size = target.length;
    return this.#hold(node);
  }

  link(ino: Ino, parent: Ino, name: Buffer): Answer<Entry> {
    const directory = this.#directory(parent);
    if (directory.names.has(key(name))) fail(EEXIST);
    const node = this.#node(ino);
    directory.names.set(key(name), { name, ino, cookie: this.#cookie++ });
    node.inode.nlink++;
    return this.#hold(node);
  }

  unlink(parent: Ino, name: Buffer): Answer<void> {
    this.#drop(parent, name, false);
  }

  rmdir(parent: Ino, name: Buffer): Answer<void> {
    this.#drop(parent, name, true);
  }

  rename(fromParent: Ino, fromName: Buffer, toParent: Ino, toName: Buffer, flags: number): Answer<void> {
    const from = this.#directory(fromParent).names;
    const to = this.#directory(toParent).names;
    const source = from.get(key(fromName)) ?? fail(ENOENT);
    const target = to.get(key(toName));
    if (flags === 2) {
      if (target === undefined) fail(ENOENT);
      from.set(key(fromName), { ...target, name: fromName });
      to.set(key(toName), { ...source, name: toName });
      return;
    }
    if (flags > 2) fail(EINVAL);
    if (flags === 1 && target !== undefined) fail(EEXIST);
    if (target !== undefined && target.ino !== source.ino) this.#drop(toParent, toName, this.#isDirectory(target.ino));
    from.delete(key(fromName));
    to.set(key(toName), { name: toName, ino: source.ino, cookie: this.#cookie++ });
    this.#node(source.ino).parent = toParent;
  }

  create(caller: Caller, parent: Ino, name: Buffer, mode: number): Answer<Entry & Opened> {
    const node = this.#make(caller, parent, name, (mode & 0o7777) | 0o100000, 0);
    this.openHandles++;
    return { ...this.#hold(node), handle: 7, keepCache: false };
  }

  open(ino: Ino, flags: number, killPriv: boolean): Answer<Opened> {
    if ((flags & 0o1000) !== 0) this.#resize(ino, 0);
    if (killPriv) this.#killPriv(this.#node(ino).inode);
    this.openHandles++;
    return { handle: 7, keepCache: true };
  }

  read(ino: Ino, _handle: number, offset: number, length: number): Answer<Buffer> {
    if (this.readGate !== null) return this.readGate.then(() => this.#read(ino, offset, length));
    return this.#read(ino, offset, length);
  }

  write(ino: Ino, _handle: number, offset: number, data: Buffer, killPriv: boolean): Answer<number> {
    const { inode, pages } = this.#node(ino);
    for (let done = 0; done < data.length; ) {
      const at = offset + done;
      const number = Math.floor(at / pageBytes);
      let page = pages.get(number);
      if (page === undefined) pages.set(number, (page = Buffer.alloc(pageBytes)));
      done += data.copy(page, at % pageBytes, done);
    }
    if (killPriv) this.#killPriv(inode);
    inode.size = Math.max(Number(inode.size), offset + data.length);
    this.#changed(ino);
    return data.length;
  }

  flush(): Answer<void> {}

  release(): void {
    this.openHandles--;
  }

  fsync(): Answer<void> {}

  fallocate(ino: Ino, offset: number, length: number, mode: number): Answer<void> {
    this.fallocations++;
    const { inode, pages } = this.#node(ino);
    const keepSize = (mode & 1) !== 0;
    if (mode === 3) {
      for (const number of pages.keys()) {
        const from = Math.max(offset - number * pageBytes, 0);
        const to = Math.min(offset + length - number * pageBytes, pageBytes);
        if (from === 0 && to === pageBytes) pages.delete(number);
        else if (from < to) pages.get(number)?.fill(0, from, to);
      }
    } else if (mode > 1) fail(EOPNOTSUPP);
    if (!keepSize) inode.size = Math.max(Number(inode.size), offset + length);
    this.#changed(ino);
  }

  temporary(): Answer<Entry & Opened> {
    return fail(constants.errno.ENOSYS);
  }

  /** The kernel then copies by reading and writing. */
  copyRange(..._range: Parameters<FileSystem['copyRange']>): Answer<number> {
    return fail(constants.errno.ENOSYS);
  }

  lseek(ino: Ino, offset: number, whence: number): Answer<number> {
    const { inode, pages } = this.#node(ino);
    if (offset >= inode.size) fail(ENXIO);
    for (let at = offset; at < inode.size; at = (Math.floor(at / pageBytes) + 1) * pageBytes) {
      if (pages.has(Math.floor(at / pageBytes)) === (whence === 3)) return at;
    }
    return whence === 4 ? Number(inode.size) : fail(ENXIO);
  }

  opendir(ino: Ino): Answer<Opened> {
    this.#directory(ino);
    this.openHandles++;
    return { handle: 9, keepCache: false };
  }

  list(ino: Ino, cookie: number, limit: number, plus: boolean): Answer<readonly ListedEntry[]> {
    return this.#listed(ino, cookie, limit).map((entry) => (plus && entry.cookie > 2 ? { ...entry, inode: this.#node(entry.ino).inode } : entry));
  }

  #listed(ino: Ino, cookie: number, limit: number): readonly ListedEntry[] {
    const directory = this.#directory(ino);
    const dots: readonly ListedEntry[] = [
      { name: Buffer.from('.'), ino, mode: directoryType, cookie: 1, inode: null },
      { name: Buffer.from('..'), ino: directory.parent, mode: directoryType, cookie: 2, inode: null },
    ];
    const listed = dots.filter((entry) => entry.cookie > cookie);
    // Maps keep the order in which names came, and cookies grow with it.
    for (const entry of directory.names.values()) {
      if (listed.length >= limit) break;
      if (entry.cookie > cookie) listed.push({ ...entry, mode: this.#node(entry.ino).inode.mode, inode: null });
    }
    return listed.slice(0, limit);
  }

  listNames(ino: Ino, cookie: number, limit: number): Answer<NameList> {
    return nameListOf(this.#listed(ino, cookie, limit));
  }

  listedPlus(ino: Ino): void {
    this.#hold(this.#node(ino));
  }

  releasedir(): void {
    this.openHandles--;
  }

  fsyncdir(): Answer<void> {}

  setxattr(_caller: Caller, ino: Ino, name: Buffer, value: Buffer, flags: number): Answer<void> {
    const { xattrs } = this.#node(ino);
    const there = xattrs.has(key(name));
    if (flags === 1 && there) fail(EEXIST);
    if (flags === 2 && !there) fail(ENODATA);
    if (value.length > 65_536) fail(E2BIG);
    xattrs.set(key(name), value);
  }

  getxattr(ino: Ino, name: Buffer): Answer<Buffer> {
    return this.#node(ino).xattrs.get(key(name)) ?? fail(ENODATA);
  }

  listxattr(ino: Ino): Answer<Buffer> {
    return Buffer.concat([...this.#node(ino).xattrs.keys()].map((name) => Buffer.from(`${name}\0`, 'latin1')));
  }

  removexattr(ino: Ino, name: Buffer): Answer<void> {
    if (!this.#node(ino).xattrs.delete(key(name))) fail(ENODATA);
  }

  access(): Answer<void> {}

  statfs(): ReturnType<FileSystem['statfs']> {
    return { blockBytes: pageBytes, blocks: 1_000_000, blocksFree: 600_000, files: 5_000, filesFree: 4_000, nameMax: 255 };
  }

  awaitsRead(): boolean {
    return false;
  }

  destroy(): void {
    this.destroyed++;
  }

  #read(ino: Ino, offset: number, length: number): Buffer {
    const { inode, pages } = this.#node(ino);
    const out = Buffer.alloc(Math.max(0, Math.min(length, Number(inode.size) - offset)));
    for (let done = 0; done < out.length; ) {
      const at = offset + done;
      const left = Math.min(pageBytes - (at % pageBytes), out.length - done);
      pages.get(Math.floor(at / pageBytes))?.copy(out, done, at % pageBytes, (at % pageBytes) + left);
      done += left;
    }
    return out;
  }

  #resize(ino: Ino, size: number): void {
    const { inode, pages } = this.#node(ino);
    for (const number of pages.keys()) if (number * pageBytes >= size) pages.delete(number);
    pages.get(Math.floor(size / pageBytes))?.fill(0, size % pageBytes);
    inode.size = size;
    this.#changed(ino);
  }

  #changed(ino: Ino): void {
    const { inode, pages } = this.#node(ino);
    inode.allocated = pages.size * pageBytes;
    inode.mtime = this.#now();
    inode.ctime = inode.mtime;
  }

  #killPriv(inode: Mutable<Inode>): void {
    if ((inode.mode & typeBits) !== directoryType) inode.mode &= (inode.mode & 0o010) !== 0 ? ~0o6000 : ~0o4000;
  }

  #make(caller: Caller, parent: Ino, name: Buffer, mode: number, rdev: number): Node {
    const directory = this.#directory(parent);
    if (directory.names.has(key(name))) fail(EEXIST);
    const ino = asIno(this.#next++);
    directory.names.set(key(name), { name, ino, cookie: this.#cookie++ });
    if ((mode & typeBits) === directoryType) directory.inode.nlink++;
    return this.#add(ino, mode, caller.uid, caller.gid, rdev, parent);
  }

  #drop(parent: Ino, name: Buffer, directory: boolean): void {
    const { names, inode } = this.#directory(parent);
    const found = names.get(key(name)) ?? fail(ENOENT);
    const node = this.#node(found.ino);
    if (this.#isDirectory(found.ino) !== directory) fail(directory ? ENOTDIR : EISDIR);
    if (directory && node.names.size > 0) fail(ENOTEMPTY);
    names.delete(key(name));
    node.inode.nlink -= directory ? 2 : 1;
    if (directory) inode.nlink--;
  }

  #add(ino: Ino, mode: number, uid: number, gid: number, rdev: number, parent: Ino): Node {
    const time = this.#now();
    const nlink = (mode & typeBits) === directoryType ? 2 : 1;
    const inode: Mutable<Inode> = { ino, content: asContentId(ino), mode, nlink, uid, gid, rdev, size: 0, allocated: 0, atime: time, mtime: time, ctime: time, btime: time };
    const node: Node = { inode, pages: new Map(), names: new Map(), xattrs: new Map(), parent, target: Buffer.alloc(0) };
    this.nodes.set(ino, node);
    return node;
  }

  #hold(node: Node): Entry {
    this.references.set(node.inode.ino, (this.references.get(node.inode.ino) ?? 0) + 1);
    return { inode: node.inode };
  }

  #node(ino: Ino): Node {
    return this.nodes.get(ino) ?? fail(ENOENT);
  }

  #directory(ino: Ino): Node {
    return this.#isDirectory(ino) ? this.#node(ino) : fail(ENOTDIR);
  }

  #isDirectory(ino: Ino): boolean {
    return (this.#node(ino).inode.mode & typeBits) === directoryType;
  }

  /** Grows by a nanosecond a call: later is later. */
  #now(): Timespec {
    this.#nanoseconds++;
    return { sec: this.#clock, nsec: this.#nanoseconds };
  }

  #nanoseconds = 0;
}

/** Bytes as a Map key: latin1 keeps each byte apart. */
function key(name: Buffer): string {
  return name.toString('latin1');
}
