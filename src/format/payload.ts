// Bytes of an un-sealed segment as the journal carries them.
import type { SegmentNumber } from '../base/ids.js';

/** [offset, offset + bytes.length) of a segment that no durable shard holds yet. */
export interface PayloadRange {
  readonly segment: SegmentNumber;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** The pool's side of a batch. The journal calls cut() when a batch is due, awaits `ready`, then collect() in the same turn in which it closes the batch's records. */
export interface PayloadSource {
  /** Announces a batch: the moment to seal early what is better sealed than journaled. Fixes no positions; collect() does. */
  cut(): PayloadCut;
}

export interface PayloadCut {
  /** Resolves when segments that are better sealed than journaled are sealed and their seal records appended. Never rejects: what could not be sealed is journaled. */
  readonly ready: Promise<void>;
  /**
   * Up to now: every byte allocated before this call (not merely before cut()) that is neither journaled yet nor (scheme parity) in a segment whose
   * seal record is appended. They count as journaled from now on. Synchronous, called once; ascending by segment and offset; the bytes stay untouched until `release`.
   */
  collect(): readonly PayloadRange[];
  /** The batch is durable: buffers may go. Not called when the journal died. */
  release(): void;
}
