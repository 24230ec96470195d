// From paths to inodes, for a driver that knows paths only. Every inode on the way is held while it is looked at, and the last one
// until whoever asked is done, so that nothing goes away in between. libfuse locks the paths of requests under way.
import { constants } from 'node:os';
import { ROOT_INO, type Ino } from '../base/ids.js';
import { type FileSystem, PosixError } from '../filesystem/contract.js';
import type { Inode } from '../skeleton/contract.js';
import { bytesOf } from './path-encoding.js';

export class PathNodes {
  readonly #fileSystem: FileSystem;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Throws ENOENT, ENOTDIR, EILSEQ and what `use` throws. */
  async at<T>(path: string, use: (inode: Inode) => T | Promise<T>): Promise<T> {
    return this.#held(namesOf(path), use);
  }

  /** The directory of the last name, and that name. */
  async inside<T>(path: string, use: (parent: Ino, name: Buffer) => T | Promise<T>): Promise<T> {
    const names = namesOf(path);
    const name = names.at(-1);
    if (name === undefined) throw new PosixError(constants.errno.EBUSY, 'EBUSY: the root has no name');
    return this.#held(names.slice(0, -1), (parent) => use(parent.ino, name));
  }

  async #held<T>(names: readonly Buffer[], use: (inode: Inode) => T | Promise<T>): Promise<T> {
    let inode = await this.#fileSystem.getattr(ROOT_INO);
    try {
      for (const name of names) {
        const next = (await this.#fileSystem.lookup(inode.ino, name)).inode;
        this.#letGo(inode);
        inode = next;
      }
      return await use(inode);
    } finally {
      this.#letGo(inode);
    }
  }

  /** The root was not looked up. */
  #letGo(inode: Inode): void {
    if (inode.ino !== ROOT_INO) this.#fileSystem.forget(inode.ino, 1);
  }
}

function namesOf(path: string): readonly Buffer[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .map(bytesOf);
}
