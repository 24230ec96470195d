// Who writes to, truncates or gives away a file takes its privileges: setuid, setgid (where the group may not execute, only
// from outside of it) and file capabilities. Rule: fs/attr.c setattr_should_drop_sgid, fs/inode.c file_remove_privs.
import type { Timespec } from '../base/clock.js';
import type { Ino } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import type { Caller } from './contract.js';
import type { Handle } from './handles.js';
import { isDirectory, permissionBits, S_ISGID, S_ISUID, S_IXGRP } from './posix.js';
import type { FileSystemState } from './state.js';

export const capabilityName = Buffer.from('security.capability');

/** The permission bits that the caller leaves. Directories keep theirs. */
export function unprivilegedMode(state: FileSystemState, { mode, gid }: Inode, caller: Caller): number {
  const bits = mode & permissionBits;
  if (isDirectory(mode)) return bits;
  // Asked last, and hardly ever: the request does not say in which groups the caller is.
  const losesGroup = (mode & S_ISGID) !== 0 && ((mode & S_IXGRP) !== 0 || (caller.uid !== 0 && !state.options.inGroup(caller, gid)));
  return bits & ~(S_ISUID | (losesGroup ? S_ISGID : 0));
}

/** Removes file capabilities. The caller is admitted. */
export function dropCapability(state: FileSystemState, inode: Inode, time: Timespec): void {
  if (state.view.xattr(inode.ino, capabilityName) === null) return;
  state.apply({ type: 'xattr', ino: inode.ino, name: capabilityName, value: null, time });
}

/** Takes the bits that the caller does not leave. The caller is admitted. */
export function dropModeBits(state: FileSystemState, inode: Inode, caller: Caller, time: Timespec): void {
  const mode = unprivilegedMode(state, inode, caller);
  if (mode !== (inode.mode & permissionBits)) state.apply({ type: 'attribute', ino: inode.ino, mode, ctime: time });
}

/** After a change of data that no handle's write made: without privileges the caller leaves none in the file. The caller is admitted. */
export function dropPrivilegesOfCaller(state: FileSystemState, caller: Caller, ino: Ino): void {
  const inode = state.inode(ino);
  const now = state.now();
  dropCapability(state, inode, now);
  if (caller.uid !== 0) dropModeBits(state, inode, caller, now);
}

/** Before a write through a handle. Capabilities go always, the mode bits where the request says so. The caller is admitted. */
export function dropPrivilegesOfWrite(state: FileSystemState, handle: Handle, killPriv: boolean, caller: Caller): void {
  if (!killPriv && handle.capabilityAbsent) return;
  const inode = state.inode(handle.ino);
  if (!handle.capabilityAbsent) {
    dropCapability(state, inode, state.now());
    handle.capabilityAbsent = true;
  }
  if (killPriv) dropModeBits(state, inode, caller, state.now());
}
