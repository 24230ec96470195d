// What whoever keeps an eye on a volume has to be told: a disk's state changed, or the configured protection was lost or is back. One after
// another, in the order in which they happened; what happened before anybody listens is kept and told first.
import type { Timespec } from '../base/clock.js';
import type { ShownDiskState } from './disk-states.js';

export interface DiskNotice {
  readonly event: 'disk';
  readonly time: Timespec;
  /** '' where the disk could not be opened. */
  readonly disk: string;
  readonly path: string;
  readonly from: ShownDiskState;
  readonly to: ShownDiskState;
  /** Why; '' when all is well. */
  readonly reason: string;
}

export interface ProtectionNotice {
  readonly event: 'protection';
  readonly time: Timespec;
  readonly held: boolean;
  readonly remainingTolerance: number;
  readonly reasons: readonly string[];
}

export type Notice = DiskNotice | ProtectionNotice;

/** More than the disks of a volume can cause at a mount. */
const waitingMax = 256;

export class Notices {
  #listener: ((notice: Notice) => void) | null = null;
  #waiting: Notice[] = [];

  /** Somebody is told: what is told need not be told again after the next mount. */
  get heard(): boolean {
    return this.#listener !== null;
  }

  /** The listener must not throw, and does nothing that takes long. */
  listen(listener: (notice: Notice) => void): void {
    this.#listener = listener;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const notice of waiting) listener(notice);
  }

  tell(notice: Notice): void {
    if (this.#listener !== null) this.#listener(notice);
    else if (this.#waiting.length < waitingMax) this.#waiting.push(notice);
  }
}
