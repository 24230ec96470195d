// One segment in memory, from its first byte until its shards are durable and the journal has let go of its bytes.
// Bytes are handed out in order without gaps, so contiguous writes lie contiguously. Bytes below `fill` never change.
// Who seals it and who journals it is not decided here.
import { assert } from '../base/assert.js';
import type { SegmentId } from '../base/ids.js';

export type OpenSegmentState = 'open' | 'sealing' | 'sealed';

export class OpenSegment {
  readonly id: SegmentId;
  readonly buffer: Buffer;
  readonly capacity: number;
  /** Came from the journal after a crash: nothing is added to it, and shards of an earlier attempt may lie about. */
  readonly refilled: boolean;
  state: OpenSegmentState = 'open';
  /** Bytes handed out. */
  fill = 0;
  /** Bytes below this were given to the journal. */
  journaled = 0;
  /** Journal batches that still look at the buffer. */
  holds = 0;
  /** Layout number of the next attempt to seal it. */
  layoutNumber = 1;
  /** A disk that failed may still read the buffer: it is not used again. */
  abandoned = false;

  constructor(id: SegmentId, buffer: Buffer, capacity: number, refilled: boolean) {
    this.id = id;
    this.buffer = buffer;
    this.capacity = capacity;
    this.refilled = refilled;
  }

  get remaining(): number {
    return this.state === 'open' && !this.refilled ? this.capacity - this.fill : 0;
  }

  get unjournaledBytes(): number {
    return this.fill - this.journaled;
  }

  /** Hands out the next bytes; returns their offset. */
  take(length: number): number {
    assert(length > 0 && length <= this.remaining, 'an allocation fits into the open segment');
    const offset = this.fill;
    this.fill += length;
    return offset;
  }

  view(offset: number, length: number): Buffer {
    assert(offset >= 0 && offset + length <= this.fill, 'a view lies within the filled part of the segment');
    return this.buffer.subarray(offset, offset + length);
  }

  /** Recovery: bytes that the journal holds. False: they leave a gap. */
  refill(offset: number, bytes: Buffer): boolean {
    assert(this.refilled && this.state === 'open', 'only a segment of the journal is refilled');
    if (offset > this.fill || offset + bytes.length > this.capacity) return false;
    bytes.copy(this.buffer, offset);
    this.fill = Math.max(this.fill, offset + bytes.length);
    this.journaled = this.fill;
    return true;
  }
}
