// The filesystem that src/fuse calls: one line per operation, handed to its family. What this file adds is that nothing
// but a PosixError (or a bug) leaves, whether an operation answers at once or later. Operations that have no answer
// (forget, release, ...) have no errno either.
import type { FileOffset } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import type { NameList } from '../skeleton/name-list.js';
import type { Volume } from '../volume/contract.js';
import { AttributeOperations } from './attributes.js';
import type { Answer, Caller, Entry, FileSystem, ListedEntry, Opened, SetAttributes } from './contract.js';
import { CreationOperations } from './creation.js';
import { DataOperations } from './data.js';
import { DirectoryOperations } from './directories.js';
import { ENOSYS, fail, settled, settledLater, translated } from './errno.js';
import { NameOperations } from './names.js';
import type { FileSystemOptions } from './options.js';
import { RangeOperations } from './ranges.js';
import { RenameOperation } from './rename.js';
import { type FileSystemSpace, spaceOf } from './space.js';
import { FileSystemState } from './state.js';
import { XattrOperations } from './xattrs.js';

/** Whoever calls where nobody is named. */
const root: Caller = { uid: 0, gid: 0, pid: 0 };

/** The volume stays the caller's: destroy() gives back handles, it does not close it. */
export function createFileSystem(volume: Volume, options: FileSystemOptions): FileSystem {
  return new VolumeFileSystem(volume, options);
}

class VolumeFileSystem implements FileSystem {
  readonly #state: FileSystemState;
  readonly #attributes: AttributeOperations;
  readonly #creation: CreationOperations;
  readonly #names: NameOperations;
  readonly #renames: RenameOperation;
  readonly #data: DataOperations;
  readonly #ranges: RangeOperations;
  readonly #directories: DirectoryOperations;
  readonly #xattrs: XattrOperations;

  constructor(volume: Volume, options: FileSystemOptions) {
    const state = new FileSystemState(volume, options);
    this.#state = state;
    this.#attributes = new AttributeOperations(state);
    this.#creation = new CreationOperations(state);
    this.#names = new NameOperations(state);
    this.#renames = new RenameOperation(state);
    this.#data = new DataOperations(state);
    this.#ranges = new RangeOperations(state);
    this.#directories = new DirectoryOperations(state);
    this.#xattrs = new XattrOperations(state);
  }

  /** A read-only volume admits everything: the operation itself then answers EROFS. */
  admit(bytes: number, frees = false): Promise<void> | null {
    try {
      if (this.#state.volume.readOnly) return null;
      const wait = this.#state.volume.admit(bytes, frees);
      return wait === null ? null : settledLater(wait);
    } catch (error) {
      throw translated(error);
    }
  }

  lookup(parent: Ino, name: Buffer): Entry {
    try {
      return this.#attributes.lookup(parent, name);
    } catch (error) {
      throw translated(error);
    }
  }

  forget(ino: Ino, count: number): void {
    this.#attributes.forget(ino, count);
  }

  getattr(ino: Ino, forOpenFile = false): Inode {
    try {
      return this.#attributes.getattr(ino, forOpenFile);
    } catch (error) {
      throw translated(error);
    }
  }

  awaitsRead(ino: Ino): boolean {
    return this.#state.awaitedReads.has(ino);
  }

  setattr(caller: Caller, ino: Ino, set: SetAttributes): Inode {
    try {
      return this.#attributes.setattr(caller, ino, set);
    } catch (error) {
      throw translated(error);
    }
  }

  readlink(ino: Ino): Buffer {
    try {
      return this.#attributes.readlink(ino);
    } catch (error) {
      throw translated(error);
    }
  }

  mknod(caller: Caller, parent: Ino, name: Buffer, mode: number, rdev: number, umask: number): Entry {
    try {
      return this.#creation.mknod(caller, parent, name, mode, rdev, umask);
    } catch (error) {
      throw translated(error);
    }
  }

  mkdir(caller: Caller, parent: Ino, name: Buffer, mode: number, umask: number): Entry {
    try {
      return this.#creation.mkdir(caller, parent, name, mode, umask);
    } catch (error) {
      throw translated(error);
    }
  }

  symlink(caller: Caller, parent: Ino, name: Buffer, target: Buffer): Entry {
    try {
      return this.#creation.symlink(caller, parent, name, target);
    } catch (error) {
      throw translated(error);
    }
  }

  link(ino: Ino, parent: Ino, name: Buffer): Entry {
    try {
      return this.#names.link(ino, parent, name);
    } catch (error) {
      throw translated(error);
    }
  }

  unlink(parent: Ino, name: Buffer): void {
    try {
      this.#names.unlink(parent, name);
    } catch (error) {
      throw translated(error);
    }
  }

  rmdir(parent: Ino, name: Buffer): void {
    try {
      this.#names.rmdir(parent, name);
    } catch (error) {
      throw translated(error);
    }
  }

  rename(fromParent: Ino, fromName: Buffer, toParent: Ino, toName: Buffer, flags: number, caller = root): void {
    try {
      this.#renames.rename(fromParent, fromName, toParent, toName, flags, caller);
    } catch (error) {
      throw translated(error);
    }
  }

  create(caller: Caller, parent: Ino, name: Buffer, mode: number, flags: number, umask: number): Entry & Opened {
    try {
      return this.#data.create(caller, parent, name, mode, flags, umask);
    } catch (error) {
      throw translated(error);
    }
  }

  temporary(caller: Caller, parent: Ino, mode: number, flags: number, umask: number): Entry & Opened {
    try {
      return this.#data.temporary(caller, parent, mode, flags, umask);
    } catch (error) {
      throw translated(error);
    }
  }

  open(ino: Ino, flags: number, killPriv: boolean, caller = root): Opened {
    try {
      return this.#data.open(ino, flags, killPriv, caller);
    } catch (error) {
      throw translated(error);
    }
  }

  read(ino: Ino, handle: number, offset: FileOffset, length: number, flags = 0): Answer<Buffer> {
    try {
      return settled(this.#data.read(ino, handle, offset, length, flags));
    } catch (error) {
      throw translated(error);
    }
  }

  write(ino: Ino, handle: number, offset: FileOffset, data: Buffer, killPriv: boolean, caller = root): number {
    try {
      return this.#data.write(ino, handle, offset, data, killPriv, caller);
    } catch (error) {
      throw translated(error);
    }
  }

  /** close(2) promises nothing about disks; durability is fsync's. ENOSYS saves a round trip in every later close. */
  flush(_ino: Ino, _handle: number): void {
    fail(ENOSYS);
  }

  release(ino: Ino, handle: number): void {
    this.#data.release(ino, handle);
  }

  fsync(ino: Ino, _dataOnly: boolean): Answer<void> {
    try {
      return settled(this.#data.fsync(ino));
    } catch (error) {
      throw translated(error);
    }
  }

  fallocate(ino: Ino, offset: FileOffset, length: FileOffset, mode: number, caller = root): Answer<void> {
    try {
      return settled(this.#ranges.fallocate(ino, offset, length, mode, caller));
    } catch (error) {
      throw translated(error);
    }
  }

  copyRange(caller: Caller, fromIno: Ino, fromHandle: number, fromOffset: FileOffset, toIno: Ino, toHandle: number, toOffset: FileOffset, length: number): number {
    try {
      return this.#data.copyRange(caller, fromIno, fromHandle, fromOffset, toIno, toHandle, toOffset, length);
    } catch (error) {
      throw translated(error);
    }
  }

  lseek(ino: Ino, offset: FileOffset, whence: number): Answer<FileOffset> {
    try {
      return settled(this.#ranges.lseek(ino, offset, whence));
    } catch (error) {
      throw translated(error);
    }
  }

  opendir(ino: Ino): Opened {
    try {
      return this.#directories.opendir(ino);
    } catch (error) {
      throw translated(error);
    }
  }

  list(ino: Ino, cookie: number, limit: number, plus: boolean): readonly ListedEntry[] {
    try {
      return this.#directories.list(ino, cookie, limit, plus);
    } catch (error) {
      throw translated(error);
    }
  }

  listNames(ino: Ino, cookie: number, limit: number): NameList {
    try {
      return this.#directories.listNames(ino, cookie, limit);
    } catch (error) {
      throw translated(error);
    }
  }

  listedPlus(ino: Ino): void {
    this.#directories.listedPlus(ino);
  }

  releasedir(ino: Ino, handle: number): void {
    this.#directories.releasedir(ino, handle);
  }

  fsyncdir(ino: Ino): Answer<void> {
    try {
      return settled(this.#directories.fsyncdir(ino));
    } catch (error) {
      throw translated(error);
    }
  }

  setxattr(_caller: Caller, ino: Ino, name: Buffer, value: Buffer, flags: number, killsGroup = false): void {
    try {
      this.#xattrs.setxattr(ino, name, value, flags, killsGroup);
    } catch (error) {
      throw translated(error);
    }
  }

  getxattr(ino: Ino, name: Buffer): Buffer {
    try {
      return this.#xattrs.getxattr(ino, name);
    } catch (error) {
      throw translated(error);
    }
  }

  listxattr(ino: Ino, caller?: Caller): Buffer {
    try {
      return this.#xattrs.listxattr(ino, caller);
    } catch (error) {
      throw translated(error);
    }
  }

  removexattr(ino: Ino, name: Buffer): void {
    try {
      this.#xattrs.removexattr(ino, name);
    } catch (error) {
      throw translated(error);
    }
  }

  /** The kernel checks permissions (default_permissions); it asks here only where it has none to check. */
  access(_caller: Caller, ino: Ino, _mask: number): void {
    this.getattr(ino);
  }

  statfs(): FileSystemSpace {
    try {
      return spaceOf(this.#state.volume);
    } catch (error) {
      throw translated(error);
    }
  }

  destroy(): void {
    this.#state.handles.releaseAll();
  }
}
