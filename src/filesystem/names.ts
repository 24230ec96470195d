// Names of inodes that exist: link, unlink, rmdir. Link counts, orphans and the times of parents are kept by the
// records themselves; here is decided whether a change may be. Sticky bits and permissions are the kernel's.
import type { Ino } from '../base/ids.js';
import type { Entry } from './contract.js';
import { EEXIST, EINVAL, EISDIR, EMLINK, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, fail } from './errno.js';
import { checkName, checkNewName, dots } from './name-rules.js';
import { isDirectory } from './posix.js';
import type { FileSystemState } from './state.js';

/** As ext4. Directories are not bounded. */
export const linksMax = 65_000;

export class NameOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  link(ino: Ino, parent: Ino, name: Buffer): Entry {
    checkNewName(name);
    const state = this.#state;
    state.checkWritable();
    const inode = state.inode(ino);
    if (isDirectory(inode.mode)) fail(EPERM);
    state.directory(parent);
    if (state.view.lookup(parent, name) !== null) fail(EEXIST);
    // An orphan has no way back to a name; what O_TMPFILE made has never had one.
    if (inode.nlink === 0 && !state.linkable.has(ino)) fail(ENOENT);
    if (inode.nlink >= linksMax) fail(EMLINK);
    state.apply({ type: 'link', ino, parent, name, time: state.now() });
    state.linkable.delete(ino);
    state.volume.hold(ino);
    return { inode: state.inode(ino) };
  }

  unlink(parent: Ino, name: Buffer): void {
    checkName(name);
    const state = this.#state;
    state.checkWritable();
    state.directory(parent);
    if (dots(name) !== 0) fail(EISDIR);
    const inode = state.view.lookup(parent, name) ?? fail(ENOENT);
    if (isDirectory(inode.mode)) fail(EISDIR);
    state.apply({ type: 'unlink', ino: inode.ino, parent, name, time: state.now() });
  }

  rmdir(parent: Ino, name: Buffer): void {
    checkName(name);
    const state = this.#state;
    state.checkWritable();
    state.directory(parent);
    const dotCount = dots(name);
    if (dotCount !== 0) fail(dotCount === 1 ? EINVAL : ENOTEMPTY);
    const inode = state.view.lookup(parent, name) ?? fail(ENOENT);
    if (!isDirectory(inode.mode)) fail(ENOTDIR);
    if (state.view.hasChildren(inode.ino)) fail(ENOTEMPTY);
    state.apply({ type: 'unlink', ino: inode.ino, parent, name, time: state.now() });
  }
}
