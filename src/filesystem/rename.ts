// rename and renameat2. The order of checks is the kernel's (fs/namei.c vfs_rename): flags, existence, loops, types,
// emptiness; two names of one inode are left as they are (rename(2)).
import { type Ino, ROOT_INO } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import type { Caller } from './contract.js';
import { makeInode } from './creation.js';
import { EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, fail } from './errno.js';
import { checkName, checkNewName, dots } from './name-rules.js';
import { isDirectory, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFCHR } from './posix.js';
import type { FileSystemState } from './state.js';

export class RenameOperation {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  rename(fromParent: Ino, fromName: Buffer, toParent: Ino, toName: Buffer, flags: number, caller: Caller): void {
    checkFlags(flags);
    checkNames(fromName, toName);
    const state = this.#state;
    state.checkWritable();
    const exchange = flags === RENAME_EXCHANGE;
    state.directory(fromParent);
    if (toParent !== fromParent) state.directory(toParent);
    const source = state.view.lookup(fromParent, fromName) ?? fail(ENOENT);
    const target = state.view.lookup(toParent, toName);
    if (target === null && exchange) fail(ENOENT);
    if (target !== null && (flags & RENAME_NOREPLACE) !== 0) fail(EEXIST);
    if (fromParent !== toParent) this.#checkLoops(source, fromParent, target, toParent, exchange);
    if (target !== null && target.ino === source.ino) return;
    if (target !== null && !exchange) this.#checkReplaced(source, target);
    state.apply({ type: 'rename', fromParent, fromName, toParent, toName, exchange, time: state.now() });
    // In the same turn, so both are in one group of the journal: no crash can part them.
    if ((flags & RENAME_WHITEOUT) !== 0) makeInode(state, caller, fromParent, fromName, { mode: S_IFCHR, rdev: 0, target: null, umask: 0 });
  }

  #checkLoops(source: Inode, fromParent: Ino, target: Inode | null, toParent: Ino, exchange: boolean): void {
    if (isDirectory(source.mode) && this.#contains(source.ino, toParent)) fail(EINVAL);
    if (target !== null && isDirectory(target.mode) && this.#contains(target.ino, fromParent)) fail(exchange ? EINVAL : ENOTEMPTY);
  }

  #checkReplaced(source: Inode, target: Inode): void {
    const movesDirectory = isDirectory(source.mode);
    if (movesDirectory !== isDirectory(target.mode)) fail(movesDirectory ? ENOTDIR : EISDIR);
    if (movesDirectory && this.#state.view.hasChildren(target.ino)) fail(ENOTEMPTY);
  }

  /** Is `inside` the directory `outer` or somewhere beneath it? Costs one row a level. */
  #contains(outer: Ino, inside: Ino): boolean {
    let at = inside;
    while (at !== outer) {
      if (at === ROOT_INO) return false;
      at = this.#state.view.parentOf(at);
    }
    return true;
  }
}

function checkFlags(flags: number): void {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) fail(EINVAL);
  // Nothing is left behind by an exchange, nor replaced.
  if ((flags & RENAME_EXCHANGE) !== 0 && flags !== RENAME_EXCHANGE) fail(EINVAL);
}

function checkNames(fromName: Buffer, toName: Buffer): void {
  checkName(fromName);
  checkName(toName);
  if (dots(fromName) !== 0 || dots(toName) !== 0) fail(EBUSY);
  checkNewName(toName);
}
