// New inodes: mknod, mkdir, symlink, and the part of create() that makes the file.
// A setgid directory gives its group to what is made in it, and the bit to directories (inode(7)); one with a default
// access control list gives that, in the place of the umask (acl(5)).
import { asContentId, type Ino } from '../base/ids.js';
import { pathBytesMax } from '../base/limits.js';
import type { Inode } from '../skeleton/contract.js';
import { accessAclName, defaultAclName, inheritedAcl } from './acl.js';
import type { Caller, Entry } from './contract.js';
import { EEXIST, EINVAL, ENAMETOOLONG, ENOENT, fail } from './errno.js';
import { checkNewName } from './name-rules.js';
import { isDirectory, isRegular, isSymlink, permissionBits, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_ISGID } from './posix.js';
import type { FileSystemState } from './state.js';

export interface NewInode {
  /** With the file type; the umask is still to be taken off. */
  readonly mode: number;
  readonly rdev: number;
  readonly target: Buffer | null;
  readonly umask: number;
}

export class CreationOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  mknod(caller: Caller, parent: Ino, name: Buffer, mode: number, rdev: number, umask: number): Entry {
    checkNewName(name);
    this.#state.checkWritable();
    return this.#make(caller, parent, name, { mode: nodeMode(mode), rdev: isDevice(mode) ? rdev : 0, target: null, umask });
  }

  mkdir(caller: Caller, parent: Ino, name: Buffer, mode: number, umask: number): Entry {
    checkNewName(name);
    this.#state.checkWritable();
    return this.#make(caller, parent, name, { mode: S_IFDIR | (mode & permissionBits), rdev: 0, target: null, umask });
  }

  symlink(caller: Caller, parent: Ino, name: Buffer, target: Buffer): Entry {
    checkNewName(name);
    if (target.length === 0) fail(ENOENT);
    if (target.length > pathBytesMax) fail(ENAMETOOLONG);
    this.#state.checkWritable();
    return this.#make(caller, parent, name, { mode: S_IFLNK | 0o777, rdev: 0, target, umask: 0 });
  }

  #make(caller: Caller, parent: Ino, name: Buffer, wanted: NewInode): Entry {
    const inode = makeInode(this.#state, caller, parent, name, wanted);
    this.#state.volume.hold(inode.ino);
    return { inode };
  }
}

/** Makes a regular file without a name (O_TMPFILE) and takes the kernel's reference: whatever nobody holds is removed. */
export function makeTemporary(state: FileSystemState, caller: Caller, parent: Ino, wanted: Pick<NewInode, 'mode' | 'umask'>): Inode {
  const directory = state.directory(parent);
  const ino = state.view.nextIno();
  const time = state.now();
  const { mode, xattrs } = inheritedMode(state, parent, wanted);
  const gid = (directory.mode & S_ISGID) !== 0 ? directory.gid : caller.gid;
  state.volume.hold(ino);
  try {
    state.apply({ type: 'temporary', ino, content: asContentId(ino), mode, uid: caller.uid, gid, time });
  } catch (error) {
    state.volume.unhold(ino, 1);
    throw error;
  }
  for (const [key, value] of xattrs) state.apply({ type: 'xattr', ino, name: key, value, time });
  return state.inode(ino);
}

/** Makes an inode under a name that must be free. The caller is admitted and takes the reference itself. */
export function makeInode(state: FileSystemState, caller: Caller, parent: Ino, name: Buffer, wanted: NewInode): Inode {
  const directory = state.directory(parent);
  if (state.view.lookup(parent, name) !== null) fail(EEXIST);
  const ino = state.view.nextIno();
  const inherits = (directory.mode & S_ISGID) !== 0;
  const makesDirectory = isDirectory(wanted.mode);
  const time = state.now();
  const { mode, xattrs } = inheritedMode(state, parent, wanted);
  state.apply({
    type: 'create',
    ino,
    content: asContentId(isRegular(mode) ? ino : 0),
    parent,
    name,
    mode: inherits && makesDirectory ? mode | S_ISGID : mode,
    uid: caller.uid,
    gid: inherits ? directory.gid : caller.gid,
    rdev: wanted.rdev,
    target: wanted.target,
    time,
  });
  for (const [key, value] of xattrs) state.apply({ type: 'xattr', ino, name: key, value, time });
  return state.inode(ino);
}

/** Mode and access control lists of a new inode: a default list of the directory stands in the place of the umask. */
function inheritedMode(state: FileSystemState, parent: Ino, wanted: Pick<NewInode, 'mode' | 'umask'>): { readonly mode: number; readonly xattrs: readonly (readonly [Buffer, Buffer])[] } {
  if (isSymlink(wanted.mode)) return { mode: wanted.mode, xattrs: [] };
  const defaultAcl = state.view.xattr(parent, defaultAclName);
  if (defaultAcl === null) return { mode: state.options.applyUmask ? wanted.mode & ~wanted.umask : wanted.mode, xattrs: [] };
  const { mode, access } = inheritedAcl(defaultAcl, wanted.mode);
  const xattrs: (readonly [Buffer, Buffer])[] = [];
  if (access !== null) xattrs.push([accessAclName, access]);
  if (isDirectory(mode)) xattrs.push([defaultAclName, defaultAcl]);
  return { mode, xattrs };
}

const isDevice = (mode: number): boolean => (mode & S_IFMT) === S_IFCHR || (mode & S_IFMT) === S_IFBLK;

function nodeMode(mode: number): number {
  const type = mode & S_IFMT;
  const bits = mode & permissionBits;
  switch (type) {
    case 0: // mknod(2): no type means a regular file
    case S_IFREG:
      return S_IFREG | bits;
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK:
      return type | bits;
    default:
      return fail(EINVAL);
  }
}
