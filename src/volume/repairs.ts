// Shards that turned out bad are made again in place: those that a read had to decode around a few a beat, for right answers alone would
// leave the segment one more bad cell away from needing the backup; those that a scrub found when it finds them. Only on disks in
// service: what a lost disk held is the rebuild's business.
import { HoldfastError } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { SegmentNumber } from '../base/ids.js';
import { Mutex } from '../base/mutex.js';
import { placeOfRow, type VolumeCore } from './core.js';

/** Segments repaired in one beat: each reads k shards and writes one. */
const segmentsPerStep = 2;

export class Repairs {
  readonly #core: VolumeCore;
  /** One at a time: two that make the same shard would write the same file. */
  readonly #lock = new Mutex();

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  async step(): Promise<void> {
    const waiting = [...this.#core.damagedShards].slice(0, segmentsPerStep);
    for (const [segment, indexes] of waiting) {
      this.#core.damagedShards.delete(segment);
      await this.#repair(segment, [...indexes]);
    }
  }

  /**
   * Makes these shards again from the others of the segment, which the caller has pinned; gives those that were. None: it died, or was written
   * anew. 'unavailable': segment-unreadable (too few good shards), or no disk takes one.
   */
  heal(segment: SegmentNumber, indexes: readonly number[]): Promise<readonly number[]> {
    return this.#lock.run(async () => {
      const core = this.#core;
      const row = core.skeleton.segment(segment);
      const place = row === null || row.state !== 'sealed' ? null : placeOfRow(row);
      if (place === null || place.layout.number !== core.latestLayout(segment)) return [];
      const bad = indexes.filter((index) => {
        const disk = place.disks[index] ?? null;
        return disk !== null && core.disks.serves(disk);
      });
      if (bad.length === 0) return [];
      const rebuilt = await core.pool.rebuild(place, bad, {});
      failpoint('repair-written-before-record');
      // A rescue beside this made a new layout: what was made belongs to none then, and is swept as a stray.
      if (place.layout.number !== core.latestLayout(segment)) return [];
      for (const { index, disk } of rebuilt) {
        if (place.disks[index] !== disk) core.record({ type: 'shard-move', segment, index, disk });
      }
      return bad;
    });
  }

  async #repair(segment: SegmentNumber, indexes: readonly number[]): Promise<void> {
    const { ports } = this.#core;
    this.#core.pin(segment);
    try {
      const healed = await this.heal(segment, indexes);
      if (healed.length > 0) ports.logger.warn({ segment, shards: healed.length }, 'damaged shards were made again');
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      // Too few good shards: the next read rescues the segment, and rebuild names what is lost.
      ports.logger.error({ segment, error: error.message }, 'damaged shards could not be made again');
    } finally {
      this.#core.unpin(segment);
    }
  }
}
