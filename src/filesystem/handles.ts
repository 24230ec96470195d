// Open files by handle number (directories have none). Every open handle is one hold of its inode, so that an unlinked file
// lives until its last close. Numbers are reused after release; 0 is never given.
import type { Ino } from '../base/ids.js';
import type { Volume } from '../volume/contract.js';
import { EBADF, fail } from './errno.js';
import { O_NOATIME } from './posix.js';

export interface Handle {
  readonly ino: Ino;
  /** Reads through this handle leave the access time alone (O_NOATIME). */
  readonly keepsAtime: boolean;
  /** Value of the change counter when the access time was last looked at; -1: not yet. */
  atimeSeenAt: number;
  /** security.capability is known to be absent: writes need not look for it. */
  capabilityAbsent: boolean;
}

export class HandleTable {
  readonly #volume: Volume;
  readonly #slots: (Handle | null)[] = [null];
  readonly #free: number[] = [];

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Holds the inode and gives a number for it. */
  open(ino: Ino, flags: number): number {
    const handle: Handle = { ino, keepsAtime: (flags & O_NOATIME) !== 0, atimeSeenAt: -1, capabilityAbsent: false };
    this.#volume.hold(ino);
    const reused = this.#free.pop();
    if (reused !== undefined) {
      this.#slots[reused] = handle;
      return reused;
    }
    return this.#slots.push(handle) - 1;
  }

  /** The open file of this number, EBADF where it is none or another inode's. */
  file(number: number, ino: Ino): Handle {
    const handle = this.#slots[number];
    if (handle === undefined || handle === null || handle.ino !== ino) fail(EBADF);
    return handle;
  }

  /** Gives number and hold back. A number that is not open is ignored: there is nobody to tell. */
  release(number: number, ino: Ino): void {
    const handle = this.#slots[number];
    if (handle === undefined || handle === null || handle.ino !== ino) return;
    this.#slots[number] = null;
    this.#free.push(number);
    this.#volume.unhold(ino, 1);
  }

  /** security.capability was set: writes through handles of this inode look for it again. */
  capabilitySet(ino: Ino): void {
    for (const handle of this.#slots) {
      if (handle !== null && handle.ino === ino) handle.capabilityAbsent = false;
    }
  }

  releaseAll(): void {
    this.#slots.forEach((handle, number) => {
      if (handle !== null) this.release(number, handle.ino);
    });
  }
}
