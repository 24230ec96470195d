// Lookup and attributes: lookup, forget, getattr, setattr, readlink. Ownership and permission checks are the
// kernel's (default_permissions); what a change of owner or size does to privileges is decided here.
import type { Timespec } from '../base/clock.js';
import { type FileOffset, pastLargestFile } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import { accessAclName, aclAfterChmod } from './acl.js';
import { touchAccessTime, touchByAttributes } from './access-time.js';
import type { Caller, Entry, SetAttributes } from './contract.js';
import { EFBIG, EINVAL, EISDIR, ENOENT, fail } from './errno.js';
import { checkName, dots } from './name-rules.js';
import { isDirectory, isRegular, isSymlink, permissionBits } from './posix.js';
import { dropCapability, unprivilegedMode } from './privileges.js';
import type { FileSystemState } from './state.js';

export class AttributeOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  lookup(parent: Ino, name: Buffer): Entry {
    const inode = this.#find(parent, name);
    this.#state.volume.hold(inode.ino);
    return { inode };
  }

  forget(ino: Ino, count: number): void {
    // The kernel lets go once, of everything: nobody can name it any more.
    this.#state.linkable.delete(ino);
    this.#state.awaitedReads.delete(ino);
    this.#state.handles.forget(ino);
    this.#state.volume.unhold(ino, count);
  }

  getattr(ino: Ino, forOpenFile: boolean): Inode {
    const inode = this.#state.inode(ino);
    if (!forOpenFile || !this.#state.awaitedReads.has(ino)) return inode;
    touchByAttributes(this.#state, inode);
    return this.#state.inode(ino);
  }

  setattr(caller: Caller, ino: Ino, set: SetAttributes): Inode {
    const state = this.#state;
    state.checkWritable();
    const inode = state.inode(ino);
    const now = state.now();
    if (set.size !== undefined) resize(state, inode, set.size, now);
    const record = attributeRecord(state, caller, inode, set, now);
    if (record !== null) state.apply(record);
    if (set.mode !== undefined) this.#chmodAcl(inode, set.mode, now);
    if (set.killPriv === true || set.uid !== undefined || set.gid !== undefined) dropCapability(state, inode, now);
    if (isRegular(inode.mode)) state.changed(ino);
    return state.inode(ino);
  }

  readlink(ino: Ino): Buffer {
    const inode = this.#state.inode(ino);
    if (!isSymlink(inode.mode)) fail(EINVAL);
    const target = this.#state.view.symlinkTarget(ino) ?? fail(EINVAL);
    touchAccessTime(this.#state, inode);
    return target;
  }

  /** The list and the mode say the same after a chmod. */
  #chmodAcl(inode: Inode, mode: number, time: Timespec): void {
    const acl = isSymlink(inode.mode) ? null : this.#state.view.xattr(inode.ino, accessAclName);
    if (acl === null) return;
    const value = aclAfterChmod(acl, mode);
    if (!value.equals(acl)) this.#state.apply({ type: 'xattr', ino: inode.ino, name: accessAclName, value, time });
  }

  #find(parent: Ino, name: Buffer): Inode {
    const view = this.#state.view;
    checkName(name);
    const dotCount = dots(name);
    // Only a file server that exports the mount asks for these.
    if (dotCount !== 0) return this.#state.inode(dotCount === 1 ? parent : view.parentOf(this.#state.directory(parent).ino));
    const inode = view.lookup(parent, name);
    if (inode !== null) return inode;
    this.#state.directory(parent);
    return fail(ENOENT);
  }
}

/** Sets the size, with the times that go with it even when it stays the same (ftruncate, O_TRUNC). The caller is admitted. */
export function resize(state: FileSystemState, inode: Inode, size: FileOffset, time: Timespec): void {
  if (isDirectory(inode.mode)) fail(EISDIR);
  if (!isRegular(inode.mode) || size < 0) fail(EINVAL);
  if (pastLargestFile(size)) fail(EFBIG);
  state.apply({ type: 'truncate', ino: inode.ino, size, time });
  state.changed(inode.ino);
}

function attributeRecord(state: FileSystemState, caller: Caller, inode: Inode, set: SetAttributes, now: Timespec) {
  const mode = newMode(state, caller, inode, set);
  const untouched = mode === undefined && set.uid === undefined && set.gid === undefined && set.atime === undefined && set.mtime === undefined && set.ctime === undefined;
  if (untouched) return null;
  return {
    type: 'attribute',
    ino: inode.ino,
    mode,
    uid: set.uid,
    gid: set.gid,
    atime: set.atime === 'now' ? now : set.atime,
    mtime: set.mtime === 'now' ? now : set.mtime,
    ctime: set.ctime ?? now,
  } as const;
}

function newMode(state: FileSystemState, caller: Caller, inode: Inode, set: SetAttributes): number | undefined {
  if (set.mode !== undefined) return set.mode & permissionBits;
  const takesPrivileges = set.uid !== undefined || set.gid !== undefined || set.killPriv === true;
  if (!takesPrivileges) return undefined;
  const left = unprivilegedMode(state, inode, caller);
  return left === (inode.mode & permissionBits) ? undefined : left;
}
