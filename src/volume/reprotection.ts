// Parity that a lost disk took with it comes back without a command: when the disk has been gone for `reprotect_after`, segments that the
// backup holds and that now survive fewer losses than parity promises are written anew, cut for the disks that are there. What only this
// machine has went before that (strengthening.ts). A few a beat, at most half of the time, never into the last of the room; which segments it
// is about is known by the disk, so the cost follows what was on it. Remembers nothing past a mount: what is made whole is not found again.
import { asSegmentNumber, type DiskId, type SegmentNumber } from '../base/ids.js';
import type { VolumeCore } from './core.js';
import { isWeak, strengthen } from './strengthening.js';

/** Rows looked at in one beat. */
const rowsPerStep = 200;
const segmentsPerStep = 8;
/** One could not be written anew, or the room is needed for other things: so many beats are left to that. */
const restBeats = 30;
/** After a round in which some could not: they are looked at again. */
const roundRestBeats = 600;

export class Reprotection {
  readonly #core: VolumeCore;
  /** Since when each lost disk is seen to be lost, in monotonic milliseconds. */
  readonly #lostSinceMs = new Map<DiskId, number>();
  /** Of the lost disks, those that were gone through. */
  readonly #done = new Set<DiskId>();
  #after: SegmentNumber = asSegmentNumber(0);
  #written = 0;
  #failed = 0;
  #restBeats = 0;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  async step(): Promise<void> {
    const core = this.#core;
    this.#noteDisks();
    const { reprotectAfterSeconds } = core.thresholds;
    if (reprotectAfterSeconds === null || core.rebuilds > 0 || this.#restBeats-- > 0) return;
    const nowMs = core.ports.clock.monotonicMs();
    for (const [disk, sinceMs] of this.#lostSinceMs) {
      if (this.#done.has(disk) || nowMs - sinceMs < reprotectAfterSeconds * 1000) continue;
      return this.#work(disk);
    }
  }

  #noteDisks(): void {
    const { disks, skeleton, ports } = this.#core;
    const lost = new Set(skeleton.disks().flatMap(({ disk }) => (disks.serves(disk) ? [] : [disk])));
    for (const disk of this.#lostSinceMs.keys()) if (!lost.has(disk)) this.#lostSinceMs.delete(disk);
    for (const disk of lost) {
      if (this.#lostSinceMs.has(disk)) continue;
      // Another loss makes what was done for the ones before it too little.
      this.#done.clear();
      this.#begin();
      this.#lostSinceMs.set(disk, ports.clock.monotonicMs());
    }
  }

  #begin(): void {
    this.#after = asSegmentNumber(0);
    this.#written = 0;
    this.#failed = 0;
    this.#restBeats = 0;
  }

  async #work(disk: DiskId): Promise<void> {
    const core = this.#core;
    const { clock, logger } = core.ports;
    const untilMs = clock.monotonicMs() + core.thresholds.commitIntervalMs / 2;
    let written = 0;
    const rows = core.skeleton.segmentsOn(disk, this.#after, rowsPerStep);
    for (const row of rows) {
      if (written >= segmentsPerStep || clock.monotonicMs() > untilMs) return;
      if (row.state !== 'sealed' || !row.present || row.live === 0 || !isWeak(core, row)) {
        this.#after = row.segment;
        continue;
      }
      if (core.nearlyFull) {
        this.#restBeats = restBeats;
        return;
      }
      const done = await strengthen(core, row.segment, true);
      this.#after = row.segment;
      if (!done) {
        this.#failed++;
        this.#restBeats = restBeats;
        return;
      }
      this.#written++;
      written++;
    }
    if (rows.length === rowsPerStep) return;
    const failed = this.#failed;
    if (this.#written > 0) logger.info({ disk, segments: this.#written, failed }, 'segments of a lost disk have their parity again, on the disks that are there');
    this.#begin();
    if (failed > 0) this.#restBeats = roundRestBeats;
    else this.#done.add(disk);
  }
}
