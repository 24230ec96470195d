// Gives space back: dead segments first die by a durable record, then, when every image kept for recovery is newer,
// lose their shards, then their rows (rule 3). Delta shards go when a root covers their segment, also record first.
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber, type SegmentNumber } from '../base/ids.js';
import type { SegmentRow } from '../skeleton/contract.js';
import { placeOfRow, type VolumeCore } from './core.js';

/** Segments handled between two journal commits. */
const sliceMax = 64;

export class Sweeper {
  readonly #core: VolumeCore;
  /** The dead may have shards: looked for only after a start and when segments died, for there are many of the dead. */
  #mayWait = true;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  /** Records the death of segments that nothing refers to. Synchronous: the check and the record are one turn. */
  drop(): number {
    // While a commit is under way the skeleton does not show deaths that are recorded already: a second record of one could not be replayed.
    if (this.#core.committing) return 0;
    let dropped = 0;
    for (const row of this.#core.skeleton.segments(asSegmentNumber(0), sliceMax, 'droppable')) {
      if (this.#core.pinned(row.segment)) continue;
      this.#core.record({ type: 'segment-drop', segment: row.segment });
      dropped++;
    }
    if (dropped > 0) this.#mayWait = true;
    return dropped;
  }

  /** True when dead segments wait only for a newer image. */
  waitingForImage(): boolean {
    if (!this.#mayWait) return false;
    // Not among all the dead: most of them are without shards and stay for as long as the backup has their objects.
    const rows = this.#core.skeleton.segments(asSegmentNumber(0), sliceMax, 'dead-here');
    this.#mayWait = rows.length > 0;
    return rows.some((row) => !this.#covered(row));
  }

  /**
   * What waits for an image waits for one at a new point. Where nothing has happened since the newest, what is known of a waiting segment is
   * recorded again; without it the image before the newest would keep the shards of the dead until somebody changes something.
   */
  moveOn(): void {
    const row = this.#core.skeleton.segments(asSegmentNumber(0), 1, 'dead-here')[0];
    if (row !== undefined) this.#core.record({ type: 'presence', segment: row.segment, present: row.present });
  }

  /** Removes shards of segments whose death is durable and covered by the images. */
  async sweep(): Promise<number> {
    const { skeleton, pool } = this.#core;
    if (this.#core.committing) return 0; // as in drop()
    let swept = 0;
    for (let after: SegmentNumber = asSegmentNumber(0); ; ) {
      const rows = skeleton.segments(after, sliceMax, 'dead');
      for (const row of rows) {
        after = row.segment;
        const place = placeOfRow(row);
        const here = row.disks.flatMap((disk, index) => (disk === null ? [] : [index]));
        // Without shards a row stays only as long as the backup has its object.
        if ((here.length === 0 && row.present) || !this.#covered(row) || this.#core.pinned(row.segment)) continue;
        if (place !== null) await pool.removeShards(place, here);
        failpoint('after-shard-removal-before-forget');
        // Somebody else may have swept it meanwhile: it is forgotten once.
        if (skeleton.segment(row.segment)?.state !== 'dead') continue;
        this.#core.record({ type: 'segment-forget', segment: row.segment });
        swept++;
      }
      if (rows.length < sliceMax) return swept;
    }
  }

  /** After a root: gives up the second redundancy of segments that every covering target holds. */
  async dropDeltaShards(): Promise<number> {
    const { skeleton, journal, pool } = this.#core;
    let count = 0;
    for (let after: SegmentNumber = asSegmentNumber(0); ; ) {
      const rows = skeleton.segments(after, sliceMax, 'delta-shards');
      const last = rows.at(-1);
      const chosen = rows.filter((row) => !this.#core.pinned(row.segment));
      if (chosen.length > 0) {
        this.#core.record({ type: 'delta-shard-drop', segments: chosen.map((row) => row.segment) });
        await journal.commit();
        // Durable from here: the layout has e = 0; what lies on the disks past k + m is garbage.
        failpoint('after-delta-drop-before-removal');
        for (const row of chosen) await pool.removeShards(placeWith(row), deltaIndexes(row));
        count += chosen.length;
      }
      if (last === undefined || rows.length < sliceMax) return count;
      after = last.segment;
    }
  }

  #covered(row: SegmentRow): boolean {
    return row.diedLsn <= this.#core.journal.durableLsn && row.diedLsn <= this.#core.localImages.horizon;
  }
}

function deltaIndexes(row: SegmentRow): readonly number[] {
  const layout = row.layout;
  if (layout === null) return [];
  return Array.from({ length: layout.e }, (_, i) => layout.k + layout.m + i);
}

function placeWith(row: SegmentRow): NonNullable<ReturnType<typeof placeOfRow>> {
  const place = placeOfRow(row);
  if (place === null) throw new TypeError('delta shards belong to sealed segments');
  return place;
}
