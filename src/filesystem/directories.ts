// Directories as lists: opendir, list, releasedir, fsyncdir. Cookies are the skeleton's and stay true whatever else
// changes; '.' is 1 and '..' is 2. A removed directory that is still open is empty.
import type { Ino } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import { touchAccessTime } from './access-time.js';
import type { Answer, ListedEntry, Opened } from './contract.js';
import { ENOSYS, ENOTDIR, fail } from './errno.js';
import { isDirectory } from './posix.js';
import type { FileSystemState } from './state.js';

const selfName = Buffer.from('.');
const parentName = Buffer.from('..');
const selfCookie = 1;
const parentCookie = 2;

export class DirectoryOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  /**
   * An open directory needs nothing from us: its inode is held by the kernel's reference, and lists do not look at handles. With
   * ENOSYS (Linux 5.1 and later) the kernel opens directories alone, keeps lists cached, and never asks again.
   */
  opendir(ino: Ino): Opened {
    this.#directory(ino);
    return fail(ENOSYS);
  }

  list(ino: Ino, cookie: number, limit: number, plus: boolean): readonly ListedEntry[] {
    const directory = this.#directory(ino);
    if (directory.nlink === 0) return [];
    const listed: ListedEntry[] = [];
    if (cookie < selfCookie && listed.length < limit) {
      touchAccessTime(this.#state, directory);
      listed.push({ name: selfName, ino, mode: directory.mode, cookie: selfCookie, inode: null });
    }
    if (cookie < parentCookie && listed.length < limit) {
      listed.push({ name: parentName, ino: this.#state.view.parentOf(ino), mode: directory.mode, cookie: parentCookie, inode: null });
    }
    if (listed.length < limit) this.#listChildren(ino, cookie, limit - listed.length, plus, listed);
    return listed;
  }

  listedPlus(ino: Ino): void {
    this.#state.volume.hold(ino);
  }

  /** Nothing was opened. */
  releasedir(_ino: Ino, _handle: number): void {}

  fsyncdir(ino: Ino): Answer<void> {
    this.#directory(ino);
    return this.#state.volume.sync();
  }

  #listChildren(ino: Ino, cookie: number, limit: number, plus: boolean, into: ListedEntry[]): void {
    const view = this.#state.view;
    for (const child of view.children(ino, cookie <= parentCookie ? 0 : cookie, limit)) {
      into.push({ name: child.name, ino: child.ino, mode: child.mode, cookie: child.cookie, inode: plus ? view.inode(child.ino) : null });
    }
  }

  #directory(ino: Ino): Inode {
    const inode = this.#state.inode(ino);
    if (!isDirectory(inode.mode)) fail(ENOTDIR);
    return inode;
  }
}
