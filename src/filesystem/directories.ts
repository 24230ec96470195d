// Directories as lists: opendir, list, releasedir, fsyncdir. Cookies are the skeleton's and stay true whatever else
// changes; '.' is 1 and '..' is 2. A removed directory that is still open is empty.
import type { Ino } from '../base/ids.js';
import type { Inode } from '../skeleton/contract.js';
import { entriesOf, type NameList } from '../skeleton/name-list.js';
import { touchAccessTime } from './access-time.js';
import type { Answer, ListedEntry, Opened } from './contract.js';
import { ENOSYS, ENOTDIR, fail } from './errno.js';
import { isDirectory, S_IFDIR } from './posix.js';
import type { FileSystemState } from './state.js';

const selfName = Buffer.from('./');
const parentName = Buffer.from('../');
const dotNames = Buffer.from('./../');
const none: NameList = { names: Buffer.alloc(0), inos: [], cookies: [], types: [] };
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
    if (!plus) return entriesOf(this.listNames(ino, cookie, limit)).map((entry) => ({ ...entry, inode: null }));
    const dots = this.#dots(ino, cookie, limit);
    if (dots === null) return [];
    const listed: ListedEntry[] = entriesOf(dots).map((entry) => ({ ...entry, inode: null }));
    for (const { name, cookie: at, inode } of this.#state.view.childrenWithInodes(ino, firstChild(cookie), limit - listed.length)) {
      listed.push({ name, ino: inode.ino, mode: inode.mode, cookie: at, inode });
    }
    return listed;
  }

  listNames(ino: Ino, cookie: number, limit: number): NameList {
    const dots = this.#dots(ino, cookie, limit);
    if (dots === null) return none;
    const children = this.#state.view.childNames(ino, firstChild(cookie), limit - dots.inos.length);
    if (dots.inos.length === 0) return children;
    return {
      names: Buffer.concat([dots.names, children.names]),
      inos: [...dots.inos, ...children.inos],
      cookies: [...dots.cookies, ...children.cookies],
      types: [...dots.types, ...children.types],
    };
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

  /** '.' and '..' as far as they come after `cookie`; null: the directory was removed, and nothing is in it. */
  #dots(ino: Ino, cookie: number, limit: number): NameList | null {
    const directory = this.#directory(ino);
    if (directory.nlink === 0) return null;
    if (cookie >= parentCookie || limit === 0) return none;
    if (cookie >= selfCookie) return { names: parentName, inos: [this.#state.view.parentOf(ino)], cookies: [parentCookie], types: [S_IFDIR] };
    touchAccessTime(this.#state, directory);
    if (limit === 1) return { names: selfName, inos: [ino], cookies: [selfCookie], types: [S_IFDIR] };
    return { names: dotNames, inos: [ino, this.#state.view.parentOf(ino)], cookies: [selfCookie, parentCookie], types: [S_IFDIR, S_IFDIR] };
  }

  #directory(ino: Ino): Inode {
    const inode = this.#state.inode(ino);
    if (!isDirectory(inode.mode)) fail(ENOTDIR);
    return inode;
  }
}

/** Where children begin after a position among the dots. */
function firstChild(cookie: number): number {
  return cookie <= parentCookie ? 0 : cookie;
}
