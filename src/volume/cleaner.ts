// Rewrites the live extents of mostly dead segments into the open one, so that deletes give space back although segments
// are never overwritten. One segment a step, and only while its garbage is worth the writing.
import { asSegmentNumber } from '../base/ids.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { Admission } from './admission.js';
import type { VolumeCore } from './core.js';
import type { DataPath } from './data-path.js';

/** Extents moved in one step; the next step goes on with what is left. */
const extentsPerStep = 256;
/** A segment below this live share is worth rewriting (write amplification at most 1 / (1 - share) of it). */
const liveShareMax = 0.25;

export class Cleaner {
  readonly #core: VolumeCore;
  readonly #admission: Admission;
  readonly #data: DataPath;

  constructor(core: VolumeCore, admission: Admission, data: DataPath) {
    this.#core = core;
    this.#admission = admission;
    this.#data = data;
  }

  /** Moves some extents of at most one segment. */
  async step(): Promise<void> {
    const victim = this.#core.skeleton.garbage(liveShareMax, 8).find((row) => row.live > 0 && !this.#core.pinned(row.segment));
    if (victim !== undefined) await this.#empty(victim);
  }

  async #empty(victim: SegmentRow): Promise<void> {
    const { skeleton, pool } = this.#core;
    for (const { content, extent } of firstOf(skeleton.referencesTo(victim.segment), extentsPerStep)) {
      const bytes = Buffer.allocUnsafe(extent.length);
      await this.#data.readSegment(victim.segment, extent.segmentOffset, bytes);
      for (let wait = this.#admission.admit(extent.length); wait !== null; wait = this.#admission.admit(extent.length)) await wait;
      if (!pool.reserve(extent.length)) return;
      for (let done = 0; done < extent.length; ) {
        const { segment, offset, target } = pool.allocate(extent.length - done);
        bytes.copy(target, 0, done, done + target.length);
        // Applies only where the extent still points to the old place: a write since the read wins.
        this.#core.record({
          type: 'relocate',
          content,
          offset: extent.offset + done,
          length: target.length,
          fromSegment: asSegmentNumber(victim.segment),
          fromOffset: extent.segmentOffset + done,
          toSegment: segment,
          toOffset: offset,
        });
        done += target.length;
      }
    }
  }
}

/** Taken before anything is changed: the rows move while they are worked on. */
function firstOf<T>(items: Iterable<T>, limit: number): readonly T[] {
  const taken: T[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === limit) break;
  }
  return taken;
}
