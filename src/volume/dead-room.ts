// Room of the deleted for who meets a full volume: dead segments are given back by the heartbeat, some beats after they died; who needs
// their room now waits for a release of its own (journal-release.ts) and is not told ENOSPC while there is something to be had.
import type { FileOffset } from '../base/file-offset.js';
import { asSegmentNumber } from '../base/ids.js';
import { journalPatienceMs } from '../base/limits.js';
import type { VolumeCore } from './core.js';

/** Of each kind: only what is being read is passed over, and that is little. */
const lookedAtMax = 64;

export class DeadRoom {
  readonly #core: VolumeCore;
  /** Since when writes wait for room and got none. */
  #sinceMs: number | null = null;
  /** The removal of files that is under way. */
  #removing: () => Promise<void> | null = () => null;
  /** Somebody waits: the next release is to give back the dead as well. */
  wanted = false;
  /** The disks take no image, and without one no shard of the dead goes: others have filled them. Nobody waits until one stands. */
  hopeless = false;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  onRemoving(removing: () => Promise<void> | null): void {
    this.#removing = removing;
  }

  /** null: go ahead, and meet what there is. Otherwise wait and ask again. */
  admit(bytes: FileOffset): Promise<void> | null {
    const { journal, pool, ports, room } = this.#core;
    // Without a journal nothing dies.
    if (room.ended || journal.full) return null;
    const removing = this.#removing();
    if (bytes <= pool.freeBytes() || this.hopeless || (removing === null && !this.#any())) {
      this.#sinceMs = null;
      return null;
    }
    const now = ports.clock.monotonicMs();
    this.#sinceMs ??= now;
    // A flush holds the image, or the disks take none: nobody waits for ever, and after that nobody waits until there is room again.
    if (now - this.#sinceMs > journalPatienceMs) return null;
    if (removing !== null) return removing;
    this.wanted = true;
    return room.nextRelease();
  }

  /** Is there a dead segment whose shards can go? */
  #any(): boolean {
    const { committing, skeleton } = this.#core;
    // The skeleton does not show yet what died since the commit began.
    if (committing) return true;
    for (const filter of ['droppable', 'dead-here'] as const) {
      if (skeleton.segments(asSegmentNumber(0), lookedAtMax, filter).some((row) => !this.#core.pinned(row.segment))) return true;
    }
    return false;
  }
}
