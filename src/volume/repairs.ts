// Shards that a read had to decode around are made again in place, a few a beat: right answers alone would leave the segment one
// more bad cell away from needing the backup. Only on disks in service: what a lost disk held is the rebuild's business.
import { HoldfastError } from '../base/errors.js';
import type { SegmentNumber } from '../base/ids.js';
import { placeOfRow, type VolumeCore } from './core.js';

/** Segments repaired in one beat: each reads k shards and writes one. */
const segmentsPerStep = 2;

export class Repairs {
  readonly #core: VolumeCore;

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

  async #repair(segment: SegmentNumber, indexes: readonly number[]): Promise<void> {
    const core = this.#core;
    core.pin(segment);
    try {
      const row = core.skeleton.segment(segment);
      const place = row === null || row.state !== 'sealed' ? null : placeOfRow(row);
      if (place === null || place.layout.number !== core.latestLayout(segment)) return;
      const bad = indexes.filter((index) => {
        const disk = place.disks[index] ?? null;
        return disk !== null && core.disks.serves(disk);
      });
      if (bad.length === 0) return;
      for (const { index, disk } of await core.pool.rebuild(place, bad, {})) {
        if (place.disks[index] !== disk) core.record({ type: 'shard-move', segment, index, disk });
      }
      core.ports.logger.warn({ segment, shards: bad.length }, 'damaged shards were made again');
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      // Too few good shards: the next read rescues the segment, and rebuild names what is lost.
      core.ports.logger.error({ segment, error: error.message }, 'damaged shards could not be made again');
    } finally {
      core.unpin(segment);
    }
  }
}
