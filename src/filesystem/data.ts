// Open files: open, create, read, write, release, fsync. A write lands at exactly the offset the kernel gives:
// for O_APPEND the kernel has put the end of the file there under its inode lock, while pages of a shared mapping are
// written back through any handle of the file, append handles too. Looking at the handle's flags would misplace them.
import { add, bytesBefore, type FileOffset, larger, pastLargestFile, smaller, subtract } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import { touchThroughHandle } from './access-time.js';
import { resize } from './attributes.js';
import type { Answer, Caller, Entry, Opened } from './contract.js';
import { makeInode, makeTemporary } from './creation.js';
import { EEXIST, EFBIG, EINVAL, EISDIR, ENXIO, fail } from './errno.js';
import { checkNewName } from './name-rules.js';
import { isDirectory, isRegular, O_ACCMODE, O_EXCL, O_NOATIME, O_RDONLY, O_TRUNC, permissionBits, S_IFREG } from './posix.js';
import { dropCapability, dropModeBits, dropPrivilegesOfCaller, dropPrivilegesOfWrite } from './privileges.js';
import type { FileSystemState } from './state.js';

export class DataOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  create(caller: Caller, parent: Ino, name: Buffer, mode: number, flags: number, umask: number): Entry & Opened {
    checkNewName(name);
    const state = this.#state;
    state.checkWritable();
    const existing = state.view.lookup(parent, name);
    if (existing !== null) {
      if ((flags & O_EXCL) !== 0) fail(EEXIST);
      checkOpenable(existing.mode);
      if ((flags & O_TRUNC) !== 0) this.#empty(existing.ino, caller.uid !== 0, caller);
    }
    const made = existing ?? makeInode(state, caller, parent, name, { mode: S_IFREG | (mode & permissionBits), rdev: 0, target: null, umask });
    const handle = state.handles.open(made.ino, flags);
    state.volume.hold(made.ino);
    return { inode: existing === null ? made : state.inode(made.ino), handle, keepCache: true };
  }

  /** O_TMPFILE: a file without a name, which linkat(2) may give it one unless it was opened with O_EXCL. */
  temporary(caller: Caller, parent: Ino, mode: number, flags: number, umask: number): Entry & Opened {
    const state = this.#state;
    state.checkWritable();
    const inode = makeTemporary(state, caller, parent, { mode: S_IFREG | (mode & permissionBits), umask });
    if ((flags & O_EXCL) === 0) state.linkable.add(inode.ino);
    return { inode, handle: state.handles.open(inode.ino, flags), keepCache: true };
  }

  open(ino: Ino, flags: number, killPriv: boolean, caller: Caller): Opened {
    const state = this.#state;
    const truncates = (flags & O_TRUNC) !== 0;
    if (truncates || (flags & O_ACCMODE) !== O_RDONLY) state.checkWritable();
    checkOpenable(state.inode(ino).mode);
    if (truncates) this.#empty(ino, killPriv, caller);
    return { handle: state.handles.open(ino, flags), keepCache: true };
  }

  read(ino: Ino, number: number, offset: FileOffset, length: number, flags: number): Answer<Buffer> {
    const handle = this.#state.handles.file(number, ino);
    if (offset < 0) fail(EINVAL);
    touchThroughHandle(this.#state, handle, (flags & O_NOATIME) !== 0);
    return this.#state.volume.read(ino, offset, length);
  }

  write(ino: Ino, number: number, offset: FileOffset, data: Buffer, killPriv: boolean, caller: Caller): number {
    const state = this.#state;
    state.checkWritable();
    const handle = state.handles.file(number, ino);
    if (offset < 0) fail(EINVAL);
    if (pastLargestFile(add(offset, data.length))) fail(EFBIG);
    if (data.length === 0) return 0;
    // Privileges go first: a crash between the two must not leave foreign bytes in a setuid program.
    dropPrivilegesOfWrite(state, handle, killPriv, caller);
    state.changed(ino);
    state.volume.write(ino, offset, data);
    return data.length;
  }

  /** The target's range becomes the source's, by sharing its bytes. A source that ends within gives less. */
  copyRange(caller: Caller, fromIno: Ino, fromNumber: number, fromOffset: FileOffset, toIno: Ino, toNumber: number, toOffset: FileOffset, length: number): number {
    const state = this.#state;
    state.checkWritable();
    const from = state.handles.file(fromNumber, fromIno);
    state.handles.file(toNumber, toIno);
    if (fromOffset < 0 || toOffset < 0 || length < 0) fail(EINVAL);
    const rest = bytesBefore(state.inode(fromIno).size, fromOffset, length);
    if (rest === 0) return 0;
    if (pastLargestFile(add(toOffset, rest))) fail(EFBIG);
    if (fromIno === toIno && subtract(larger(fromOffset, toOffset), smaller(fromOffset, toOffset)) < rest) fail(EINVAL);
    dropPrivilegesOfCaller(state, caller, toIno);
    touchThroughHandle(state, from);
    state.changed(toIno);
    return state.volume.share(fromIno, fromOffset, toIno, toOffset, rest);
  }

  release(ino: Ino, number: number): void {
    this.#state.handles.release(number, ino);
  }

  fsync(ino: Ino): Answer<void> {
    this.#state.inode(ino);
    return this.#state.volume.sync();
  }

  #empty(ino: Ino, killPriv: boolean, caller: Caller): void {
    const state = this.#state;
    const inode = state.inode(ino);
    const now = state.now();
    dropCapability(state, inode, now);
    if (killPriv) dropModeBits(state, inode, caller, now);
    resize(state, inode, 0, now);
  }
}

function checkOpenable(mode: number): void {
  if (isDirectory(mode)) fail(EISDIR);
  // The kernel opens pipes, sockets and devices itself.
  if (!isRegular(mode)) fail(ENXIO);
}
