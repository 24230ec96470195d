// Bytes of an un-sealed segment as the journal carries them.
import type { SegmentNumber } from '../base/ids.js';

/** [offset, offset + bytes.length) of a segment that no durable shard holds yet. */
export interface PayloadRange {
  readonly segment: SegmentNumber;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** The pool's side of a batch. The journal calls cut() when it closes a batch, awaits `ready`, then collect(). */
export interface PayloadSource {
  /** Remembers how far each un-sealed segment is filled now (everything the records so far refer to). */
  cut(): PayloadCut;
}

export interface PayloadCut {
  /** Resolves when segments that are better sealed than journaled are sealed and their seal records appended. Never rejects: what could not be sealed is journaled. */
  readonly ready: Promise<void>;
  /** Ranges up to the cut that are neither journaled nor (scheme parity) sealed. They count as journaled from now on. Called once; the bytes stay untouched until `release`. */
  collect(): readonly PayloadRange[];
  /** The batch is written: buffers may go. */
  release(): void;
}
