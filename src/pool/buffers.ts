// Memory of the pool: whole-segment buffers from a bounded set, and recycled scratch for reads and parity.
// A buffer has one owner from take() to give(). One that a failed disk operation may still touch is not given back.
import { assert } from '../base/assert.js';
import { cellBytes, requestBytesMax, shardsPerSegmentMax } from '../base/limits.js';
import { alignedBuffer } from '../native/checksum.js';

/** Buffers of segments. Each is longer than a segment by a cell a shard: k shards of whole cells may end past its capacity. */
export class SegmentBuffers {
  readonly #bytes: number;
  readonly #max: number;
  readonly #free: Buffer[] = [];
  #taken = 0;

  constructor(segmentBytes: number, max: number) {
    this.#bytes = segmentBytes + shardsPerSegmentMax * cellBytes;
    this.#max = max;
  }

  /** How many more may be taken. */
  available(): number {
    return Math.max(0, this.#max - this.#taken);
  }

  /** Recovery may go past the maximum: what the journal holds must be put somewhere. */
  take(): Buffer {
    this.#taken++;
    return this.#free.pop() ?? alignedBuffer(this.#bytes);
  }

  /** Not `reusable`: somebody may still look at it, so it is left to the collector. */
  give(buffer: Buffer, reusable: boolean): void {
    assert(this.#taken > 0, 'a segment buffer is given back once');
    this.#taken--;
    if (reusable && this.#taken + this.#free.length < this.#max) this.#free.push(buffer);
  }
}

/** Recycled page-aligned memory in a few sizes; what is larger, and what comes back beyond `keep`, is left to the collector. */
export class ScratchBuffers {
  readonly #classes: readonly { readonly bytes: number; readonly keep: number; readonly free: Buffer[] }[];

  /** `sizes` ascending, whole pages. */
  constructor(sizes: readonly { readonly bytes: number; readonly keep: number }[]) {
    this.#classes = sizes.map((size) => ({ ...size, free: [] }));
  }

  take(bytes: number): Buffer {
    for (const size of this.#classes) {
      if (bytes <= size.bytes) return (size.free.pop() ?? alignedBuffer(size.bytes)).subarray(0, bytes);
    }
    return alignedBuffer(bytes);
  }

  give(buffer: Buffer): void {
    const whole = buffer.buffer.byteLength;
    const size = this.#classes.find((one) => one.bytes === whole);
    if (size !== undefined && size.free.length < size.keep) size.free.push(Buffer.from(buffer.buffer, 0, whole));
  }
}

/** Scratch of reads: a request that begins and ends within cells touches one cell more at each end. */
export function readScratch(): ScratchBuffers {
  return new ScratchBuffers([
    { bytes: 64 * 1024 + 2 * cellBytes, keep: 32 },
    { bytes: requestBytesMax + 2 * cellBytes, keep: 16 },
  ]);
}

/** Parity of segments being sealed: as long as the segment where k is at least m + e, up to twice that with fewer disks. */
export function parityScratch(segmentBytes: number, keep: number): ScratchBuffers {
  const slack = shardsPerSegmentMax * cellBytes;
  return new ScratchBuffers([
    { bytes: segmentBytes + slack, keep },
    { bytes: 2 * (segmentBytes + slack), keep },
  ]);
}
