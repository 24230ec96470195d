// New inodes: mknod, mkdir, symlink, and the part of create() that makes the file.
// A setgid directory gives its group to what is made in it, and the bit to directories (inode(7)).
import { asContentId, type Ino } from '../base/ids.js';
import { pathBytesMax } from '../base/limits.js';
import type { Inode } from '../skeleton/contract.js';
import type { Caller, Entry } from './contract.js';
import { EEXIST, EINVAL, ENAMETOOLONG, ENOENT, fail } from './errno.js';
import { checkNewName } from './name-rules.js';
import { isRegular, permissionBits, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_ISGID } from './posix.js';
import type { FileSystemState } from './state.js';

export interface NewInode {
  /** With the file type. */
  readonly mode: number;
  readonly rdev: number;
  readonly target: Buffer | null;
}

export class CreationOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  mknod(caller: Caller, parent: Ino, name: Buffer, mode: number, rdev: number, umask: number): Entry {
    checkNewName(name);
    this.#state.checkWritable();
    return this.#make(caller, parent, name, { mode: nodeMode(this.#state, mode, umask), rdev: isDevice(mode) ? rdev : 0, target: null });
  }

  mkdir(caller: Caller, parent: Ino, name: Buffer, mode: number, umask: number): Entry {
    checkNewName(name);
    this.#state.checkWritable();
    return this.#make(caller, parent, name, { mode: S_IFDIR | maskedMode(this.#state, mode, umask), rdev: 0, target: null });
  }

  symlink(caller: Caller, parent: Ino, name: Buffer, target: Buffer): Entry {
    checkNewName(name);
    if (target.length === 0) fail(ENOENT);
    if (target.length > pathBytesMax) fail(ENAMETOOLONG);
    this.#state.checkWritable();
    return this.#make(caller, parent, name, { mode: S_IFLNK | 0o777, rdev: 0, target });
  }

  #make(caller: Caller, parent: Ino, name: Buffer, wanted: NewInode): Entry {
    const inode = makeInode(this.#state, caller, parent, name, wanted);
    this.#state.volume.hold(inode.ino);
    return { inode };
  }
}

/** Makes an inode under a name that must be free. The caller is admitted and takes the reference itself. */
export function makeInode(state: FileSystemState, caller: Caller, parent: Ino, name: Buffer, wanted: NewInode): Inode {
  const directory = state.directory(parent);
  if (state.view.lookup(parent, name) !== null) fail(EEXIST);
  const ino = state.view.nextIno();
  const inherits = (directory.mode & S_ISGID) !== 0;
  const makesDirectory = (wanted.mode & S_IFMT) === S_IFDIR;
  state.apply({
    type: 'create',
    ino,
    content: asContentId(isRegular(wanted.mode) ? ino : 0),
    parent,
    name,
    mode: inherits && makesDirectory ? wanted.mode | S_ISGID : wanted.mode,
    uid: caller.uid,
    gid: inherits ? directory.gid : caller.gid,
    rdev: wanted.rdev,
    target: wanted.target,
    time: state.now(),
  });
  return state.inode(ino);
}

/** Permission bits of a new inode. */
export function maskedMode(state: FileSystemState, mode: number, umask: number): number {
  const bits = mode & permissionBits;
  return state.options.applyUmask ? bits & ~umask : bits;
}

const isDevice = (mode: number): boolean => (mode & S_IFMT) === S_IFCHR || (mode & S_IFMT) === S_IFBLK;

function nodeMode(state: FileSystemState, mode: number, umask: number): number {
  const type = mode & S_IFMT;
  const bits = maskedMode(state, mode, umask);
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
