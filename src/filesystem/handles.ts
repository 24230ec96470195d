// Open files by handle number (directories have none). Every open handle is one hold of its inode, so that an unlinked file
// lives until its last close. Numbers are reused after release; 0 is never given: it stands for files that the kernel opens and
// closes alone. Such a file is one handle for all who use it, from its first use until the kernel forgets the inode.
import type { Ino } from '../base/ids.js';
import type { Volume } from '../volume/contract.js';
import { noHandle } from './contract.js';
import { EBADF, fail } from './errno.js';
import { isRegular, O_NOATIME } from './posix.js';

/** Files without a number that are remembered; the one that came first goes, and is looked at anew when it is used again. */
const unnumberedMax = 4_096;

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
  readonly #unnumbered = new Map<Ino, Handle>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Holds the inode and gives a number for it. */
  open(ino: Ino, flags: number): number {
    const handle = this.#hold(ino, flags);
    const reused = this.#free.pop();
    if (reused !== undefined) {
      this.#slots[reused] = handle;
      return reused;
    }
    return this.#slots.push(handle) - 1;
  }

  /** The open file of this number, EBADF where it is none or another inode's. */
  file(number: number, ino: Ino): Handle {
    if (number === noHandle) return this.#unnumbered.get(ino) ?? this.#first(ino);
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
    const unnumbered = this.#unnumbered.get(ino);
    if (unnumbered !== undefined) unnumbered.capabilityAbsent = false;
    for (const handle of this.#slots) {
      if (handle !== null && handle.ino === ino) handle.capabilityAbsent = false;
    }
  }

  /** The kernel has forgotten the inode, so nobody has it open. */
  forget(ino: Ino): void {
    if (this.#unnumbered.delete(ino)) this.#volume.unhold(ino, 1);
  }

  releaseAll(): void {
    this.#slots.forEach((handle, number) => {
      if (handle !== null) this.release(number, handle.ino);
    });
    for (const ino of this.#unnumbered.keys()) this.forget(ino);
  }

  #first(ino: Ino): Handle {
    const inode = this.#volume.view.inode(ino);
    if (inode === null || !isRegular(inode.mode)) fail(EBADF);
    const [oldest] = this.#unnumbered.keys();
    if (oldest !== undefined && this.#unnumbered.size >= unnumberedMax) this.forget(oldest);
    const handle = this.#hold(ino, 0);
    this.#unnumbered.set(ino, handle);
    return handle;
  }

  #hold(ino: Ino, flags: number): Handle {
    this.#volume.hold(ino);
    return { ino, keepsAtime: (flags & O_NOATIME) !== 0, atimeSeenAt: -1, capabilityAbsent: false };
  }
}
