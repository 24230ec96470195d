// Rewrites the live extents of mostly dead segments into the open one, so that deletes give space back although segments
// are never overwritten. One segment a step, and only while its garbage is worth the writing. Bytes that several extents share
// are moved once and stay shared, as far as the extents fall into one step.
import { add } from '../base/file-offset.js';
import { asSegmentNumber, type ContentId, type SegmentNumber } from '../base/ids.js';
import { sleep } from '../base/clock.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { Extent, SegmentRow } from '../skeleton/contract.js';
import type { Admission } from './admission.js';
import type { VolumeCore } from './core.js';
import type { DataPath } from './data-path.js';

/** Extents moved in one step; the next step goes on with what is left. */
const extentsPerStep = 256;
/** A segment below this live share is worth rewriting (write amplification at most 1 / (1 - share) of it). */
const liveShareMax = 0.25;
/** Waiting for a buffer, or for a point that is being cut, ends after this; the next step tries again. */
const patienceMs = 1_000;

interface Reference {
  readonly content: ContentId;
  readonly extent: Extent;
}

/** A range of a segment, and what refers to parts of it. */
interface Piece {
  readonly start: number;
  end: number;
  readonly references: Reference[];
}

export class Cleaner {
  readonly #core: VolumeCore;
  readonly #admission: Admission;
  readonly #data: DataPath;
  /** Where the look for segments that only seem to be alive goes on. */
  #looked: SegmentNumber = asSegmentNumber(0);

  constructor(core: VolumeCore, admission: Admission, data: DataPath) {
    this.#core = core;
    this.#admission = admission;
    this.#data = data;
  }

  /** Moves some extents of at most one segment. What a rebuild makes whole is left where it is meanwhile, unless room is short. */
  async step(): Promise<void> {
    if (this.#core.rebuilds > 0 && !this.#core.nearlyFull) return;
    const victim = this.#core.skeleton.garbage(liveShareMax, 8).find((row) => row.live > 0 && !this.#core.pinned(row.segment)) ?? this.#seeminglyAlive();
    if (victim !== null) await this.#empty(victim);
  }

  /**
   * `live` counts a range once for every extent that refers to it, so a segment of which a small part is shared often never looks
   * like garbage. Counting without repetition costs its rows: one segment a step.
   */
  #seeminglyAlive(): SegmentRow | null {
    const { skeleton } = this.#core;
    const row = skeleton.segments(this.#looked, 1, 'all')[0];
    this.#looked = row?.segment ?? asSegmentNumber(0);
    if (row === undefined || row.state !== 'sealed' || row.live === 0 || this.#core.pinned(row.segment)) return null;
    const references = firstOf(skeleton.referencesTo(row.segment), rowsPerTurnMax);
    if (references.length === rowsPerTurnMax) return null;
    const bytes = piecesOf(references).reduce((sum, piece) => sum + piece.end - piece.start, 0);
    return bytes < row.live && bytes <= liveShareMax * row.length ? row : null;
  }

  async #empty(victim: SegmentRow): Promise<void> {
    for (const piece of piecesOf(firstOf(this.#core.skeleton.referencesTo(victim.segment), extentsPerStep))) {
      if (!(await this.#move(victim.segment, piece))) return;
    }
  }

  /** False: there is no room, or others need it more. */
  async #move(victim: SegmentNumber, piece: Piece): Promise<boolean> {
    const { pool } = this.#core;
    const length = piece.end - piece.start;
    const bytes = Buffer.allocUnsafe(length);
    await this.#data.readSegment(victim, piece.start, bytes);
    if (!(await this.#admitted(length)) || !pool.reserve(length)) return false;
    for (let done = 0; done < length; ) {
      const { segment, offset, target } = pool.allocate(length - done);
      bytes.copy(target, 0, done, done + target.length);
      const from = piece.start + done;
      for (const reference of piece.references) this.#redirect(victim, reference, from, from + target.length, segment, offset);
      done += target.length;
    }
    return true;
  }

  /** Whoever cleans is the one who makes room, images and protection as well: he must never wait for those, and for nobody long. */
  async #admitted(length: number): Promise<boolean> {
    const { clock } = this.#core.ports;
    const untilMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      if (!this.#core.room.atEase(length)) return false;
      const wait = this.#admission.admitOwn(length);
      if (wait === null) return true;
      if (clock.monotonicMs() >= untilMs) return false;
      await Promise.race([wait, sleep(clock, patienceMs)]);
    }
  }

  /** The part of an extent that lies in [from, to) of the victim is at (segment, offset) now. */
  #redirect(victim: SegmentNumber, { content, extent }: Reference, from: number, to: number, segment: SegmentNumber, offset: number): void {
    const start = Math.max(extent.segmentOffset, from);
    const end = Math.min(extent.segmentOffset + extent.length, to);
    if (start >= end) return;
    // Applies only where the extent still points to the old place: a write since the read wins.
    this.#core.record({
      type: 'relocate',
      content,
      offset: add(extent.offset, start - extent.segmentOffset),
      length: end - start,
      fromSegment: victim,
      fromOffset: start,
      toSegment: segment,
      toOffset: offset + (start - from),
    });
  }
}

/** Extents that lie over one another are one piece; neighbours are not. */
function piecesOf(references: readonly Reference[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const reference of [...references].sort((a, b) => a.extent.segmentOffset - b.extent.segmentOffset)) {
    const { segmentOffset, length } = reference.extent;
    const last = pieces.at(-1);
    if (last === undefined || segmentOffset >= last.end) pieces.push({ start: segmentOffset, end: segmentOffset + length, references: [reference] });
    else {
      last.end = Math.max(last.end, segmentOffset + length);
      last.references.push(reference);
    }
  }
  return pieces;
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
