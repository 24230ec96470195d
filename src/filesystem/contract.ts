// What src/fuse calls: POSIX operations in plain data. Every method either answers at once or gives a promise;
// failures are thrown (or rejected) as PosixError with the errno. Admission: before each changing method the caller asks
// admit(); while that gives a promise the request is parked there (with a copy of its bytes, and it can be interrupted), and
// the method is called in the turn in which admit() gave null. So a method never acts on what it saw before a wait.
// Buffers: names, targets and xattr values are the callee's to keep; `data` of write is valid only until write returns.
import type { Timespec } from '../base/clock.js';
import type { FileOffset } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import type { NameList } from '../skeleton/name-list.js';

export type Answer<T> = T | Promise<T>;

export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

export interface SetAttributes {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly size?: FileOffset | undefined;
  /** 'now': the server's clock. */
  readonly atime?: Timespec | 'now' | undefined;
  readonly mtime?: Timespec | 'now' | undefined;
  readonly ctime?: Timespec | undefined;
  /** With `size`: the caller may not keep setuid/setgid on a truncated file (as `killPriv` of write). */
  readonly killPriv?: boolean | undefined;
}

/** A name and its inode: the kernel now counts one more reference (FORGET gives it back). */
export interface Entry {
  readonly inode: Inode;
}

/** In the place of a handle where the kernel opens and closes files alone: the file is known by its inode. */
export const noHandle = 0;

export interface Opened {
  readonly handle: number;
  /** FOPEN_KEEP_CACHE may be set. */
  readonly keepCache: boolean;
}

export interface ListedEntry {
  readonly name: Buffer;
  readonly ino: Ino;
  readonly mode: number;
  /** Pass as `cookie` to go on after it. 1 and 2 are '.' and '..'. */
  readonly cookie: number;
  /** Only from listPlus, and not for '.' and '..': counts as a reference once it is really sent. */
  readonly inode: Inode | null;
}

export interface FileSystem {
  /**
   * May a change that adds `bytes` of data (0: none) go ahead in this turn? null: yes. A promise: ask again when it resolves. PosixError ENOSPC where
   * no room is left for any change; never for one that `frees` room, soon or late.
   */
  admit(bytes: number, frees?: boolean): Promise<void> | null;

  lookup(parent: Ino, name: Buffer): Answer<Entry>;
  forget(ino: Ino, count: number): void;
  /** forOpenFile: asked on behalf of one, not by stat(2): a read from the page cache that has reached the end of the file, or lseek(2) to it. */
  getattr(ino: Ino, forOpenFile?: boolean): Answer<Inode>;
  /** May the kernel not keep the attributes of this file, so that it asks at the next read? */
  awaitsRead(ino: Ino): boolean;
  /** Changing the owner of anything but a directory always clears setuid, and setgid where the group may execute or the caller is not in it (the kernel leaves it to us: FUSE_HANDLE_KILLPRIV_V2). */
  setattr(caller: Caller, ino: Ino, set: SetAttributes): Answer<Inode>;
  readlink(ino: Ino): Answer<Buffer>;
  mknod(caller: Caller, parent: Ino, name: Buffer, mode: number, rdev: number, umask: number): Answer<Entry>;
  mkdir(caller: Caller, parent: Ino, name: Buffer, mode: number, umask: number): Answer<Entry>;
  symlink(caller: Caller, parent: Ino, name: Buffer, target: Buffer): Answer<Entry>;
  link(ino: Ino, parent: Ino, name: Buffer): Answer<Entry>;
  unlink(parent: Ino, name: Buffer): Answer<void>;
  rmdir(parent: Ino, name: Buffer): Answer<void>;
  /** flags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4 (also with 1; others EINVAL). A whiteout left behind is the caller's; without one, root's. */
  rename(fromParent: Ino, fromName: Buffer, toParent: Ino, toName: Buffer, flags: number, caller?: Caller): Answer<void>;

  create(caller: Caller, parent: Ino, name: Buffer, mode: number, flags: number, umask: number): Answer<Entry & Opened>;
  /** O_TMPFILE: a regular file without a name. */
  temporary(caller: Caller, parent: Ino, mode: number, flags: number, umask: number): Answer<Entry & Opened>;
  /** flags: O_*; with O_TRUNC the file is emptied first, then with `killPriv` setuid/setgid are cleared, as by a write. */
  open(ino: Ino, flags: number, killPriv: boolean, caller?: Caller): Answer<Opened>;
  /** flags: O_* of the open file. With O_NOATIME the access time stays. */
  read(ino: Ino, handle: number, offset: FileOffset, length: number, flags?: number): Answer<Buffer>;
  /** At exactly `offset`, also for O_APPEND: the kernel has put the end of the file there under its inode lock.
   * `data` is only valid until write returns (its promise, too): what is needed later is copied. Gives bytes taken. `killPriv`: clear setuid, and setgid where the group may execute or the caller is not in it. */
  write(ino: Ino, handle: number, offset: FileOffset, data: Buffer, killPriv: boolean, caller?: Caller): Answer<number>;
  /** ENOSYS: close has nothing to do, and the kernel does not ask again. The same for opendir: directories need no handle (0 is passed then). */
  flush(ino: Ino, handle: number): Answer<void>;
  release(ino: Ino, handle: number): void;
  fsync(ino: Ino, dataOnly: boolean): Answer<void>;
  /** mode: FALLOC_FL_*; supported here: 0, KEEP_SIZE, PUNCH_HOLE|KEEP_SIZE, ZERO_RANGE(|KEEP_SIZE); others EOPNOTSUPP. */
  fallocate(ino: Ino, offset: FileOffset, length: FileOffset, mode: number, caller?: Caller): Answer<void>;
  /** Both handles are open. The target shares the source's bytes where they lie; gives how many of `length` were done, from the left (0: the source ends there). */
  copyRange(caller: Caller, fromIno: Ino, fromHandle: number, fromOffset: FileOffset, toIno: Ino, toHandle: number, toOffset: FileOffset, length: number): Answer<number>;
  /** whence: SEEK_DATA 3, SEEK_HOLE 4. */
  lseek(ino: Ino, offset: FileOffset, whence: number): Answer<FileOffset>;

  opendir(ino: Ino): Answer<Opened>;
  /** Up to `limit` entries after `cookie`, '.' and '..' first. */
  list(ino: Ino, cookie: number, limit: number, plus: boolean): Answer<readonly ListedEntry[]>;
  /** The same without attributes, in columns. */
  listNames(ino: Ino, cookie: number, limit: number): Answer<NameList>;
  /** A listed entry was sent with its attributes: the kernel holds one more reference. */
  listedPlus(ino: Ino): void;
  releasedir(ino: Ino, handle: number): void;
  fsyncdir(ino: Ino): Answer<void>;

  /** flags: XATTR_CREATE 1, XATTR_REPLACE 2. `system.posix_acl_access` sets the mode too; `killsGroup`: clear setgid then (the caller is not in the group). */
  setxattr(caller: Caller, ino: Ino, name: Buffer, value: Buffer, flags: number, killsGroup?: boolean): Answer<void>;
  getxattr(ino: Ino, name: Buffer): Answer<Buffer>;
  /** NUL-terminated names, one after another; `trusted.` ones only where the caller is root or not given. */
  listxattr(ino: Ino, caller?: Caller): Answer<Buffer>;
  removexattr(ino: Ino, name: Buffer): Answer<void>;
  access(caller: Caller, ino: Ino, mask: number): Answer<void>;
  statfs(): Answer<{ readonly blockBytes: number; readonly blocks: number; readonly blocksFree: number; readonly files: number; readonly filesFree: number; readonly nameMax: number }>;
  /** Ends everything; the mount is gone. */
  destroy(): void;
}

/** The only error that reaches the kernel protocol; `errno` is positive. */
export class PosixError extends Error {
  readonly errno: number;

  constructor(errno: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PosixError';
    this.errno = errno;
  }
}
