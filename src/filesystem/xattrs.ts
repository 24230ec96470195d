// Extended attributes (xattr(7)): which namespaces there are, and the bounds. Who may touch which namespace is the
// kernel's check, but for listing: names in `trusted.` are shown to root only.
import type { Ino } from '../base/ids.js';
import { nameBytesMax, xattrValueBytesMax } from '../base/limits.js';
import type { Inode } from '../skeleton/contract.js';
import { defaultAclName, isAclName, modeOfAcl } from './acl.js';
import type { Caller } from './contract.js';
import { E2BIG, EACCES, EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP, ERANGE, fail } from './errno.js';
import { isDirectory, isSymlink, permissionBits, S_ISGID, XATTR_CREATE, XATTR_REPLACE } from './posix.js';
import { capabilityName } from './privileges.js';
import type { FileSystemState } from './state.js';

/** XATTR_LIST_MAX (linux/limits.h): the kernel cannot hand out a longer list, so none is let grow beyond it. */
const listBytesMax = 65_536;
const trustedPrefix = Buffer.from('trusted.');
const prefixes: readonly Buffer[] = [Buffer.from('user.'), trustedPrefix, Buffer.from('security.')];
const endOfName = Buffer.from([0]);

export class XattrOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  setxattr(ino: Ino, name: Buffer, value: Buffer, flags: number, killsGroup: boolean): void {
    checkXattrName(name);
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) fail(EINVAL);
    if (value.length > xattrValueBytesMax) fail(E2BIG);
    const state = this.#state;
    state.checkWritable();
    const inode = state.inode(ino);
    if (isAclName(name)) return this.#setAcl(inode, name, value, killsGroup);
    const exists = state.view.xattr(ino, name) !== null;
    if (exists && (flags & XATTR_CREATE) !== 0) fail(EEXIST);
    if (!exists && (flags & XATTR_REPLACE) !== 0) fail(ENODATA);
    if (!exists && this.#listBytes(ino) + name.length + 1 > listBytesMax) fail(ENOSPC);
    state.apply({ type: 'xattr', ino, name, value, time: state.now() });
    if (name.equals(capabilityName)) state.handles.capabilitySet(ino);
  }

  getxattr(ino: Ino, name: Buffer): Buffer {
    checkXattrName(name);
    return this.#state.view.xattr(ino, name) ?? fail(ENODATA);
  }

  listxattr(ino: Ino, caller?: Caller): Buffer {
    this.#state.inode(ino);
    const showsTrusted = caller === undefined || caller.uid === 0;
    const parts: Buffer[] = [];
    for (const name of this.#state.view.xattrNames(ino)) {
      if (showsTrusted || !startsWith(name, trustedPrefix)) parts.push(name, endOfName);
    }
    return Buffer.concat(parts);
  }

  removexattr(ino: Ino, name: Buffer): void {
    checkXattrName(name);
    const state = this.#state;
    state.checkWritable();
    if (state.view.xattr(ino, name) === null) {
      // No list and an empty one are the same.
      if (isAclName(name)) return;
      fail(ENODATA);
    }
    state.apply({ type: 'xattr', ino, name, value: null, time: state.now() });
  }

  /** An access list and the mode say the same; one that says no more than the mode is not kept. */
  #setAcl(inode: Inode, name: Buffer, value: Buffer, killsGroup: boolean): void {
    const state = this.#state;
    const { ino } = inode;
    const time = state.now();
    const { bits, plain } = modeOfAcl(value);
    const isDefault = name.equals(defaultAclName);
    if (isSymlink(inode.mode)) fail(EOPNOTSUPP);
    if (isDefault && !isDirectory(inode.mode)) fail(EACCES);
    const exists = state.view.xattr(ino, name) !== null;
    if (!exists && this.#listBytes(ino) + name.length + 1 > listBytesMax) fail(ENOSPC);
    if (!isDefault) {
      const mode = ((inode.mode & permissionBits & ~0o777) | bits) & (killsGroup ? ~S_ISGID : -1);
      state.apply({ type: 'attribute', ino, mode, ctime: time });
    }
    if (isDefault || !plain) state.apply({ type: 'xattr', ino, name, value, time });
    else if (exists) state.apply({ type: 'xattr', ino, name, value: null, time });
  }

  #listBytes(ino: Ino): number {
    let bytes = 0;
    for (const name of this.#state.view.xattrNames(ino)) bytes += name.length + 1;
    return bytes;
  }
}

/** EOPNOTSUPP for namespaces that are not kept here: of `system.` there are the two lists of acl(5). */
function checkXattrName(name: Buffer): void {
  if (name.length === 0 || name.length > nameBytesMax) fail(ERANGE);
  if (name.includes(0)) fail(EINVAL);
  if (isAclName(name)) return;
  const prefix = prefixes.find((candidate) => startsWith(name, candidate)) ?? fail(EOPNOTSUPP);
  if (name.length === prefix.length) fail(EINVAL);
}

function startsWith(name: Buffer, prefix: Buffer): boolean {
  return name.length >= prefix.length && name.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}
