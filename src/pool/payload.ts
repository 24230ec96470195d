// The pool's side of a journal batch: which bytes the journal must carry because no durable shard does. Under scheme 'copy'
// it carries every byte once, sealed or not: that is the second redundancy.
import { assert } from '../base/assert.js';
import type { PayloadCut, PayloadRange, PayloadSource } from '../format/payload.js';
import type { OpenSegment } from './open-segment.js';

/** What payload needs to know of the pool. */
export interface SegmentTable {
  /** All segments in memory, sealed ones whose buffer is still needed included; ascending by number. */
  inMemory(): readonly OpenSegment[];
  rotate(): void;
  /** The attempt to seal it that is under way; undefined when there is none. Never rejects. */
  sealing(segment: OpenSegment): Promise<void> | undefined;
  /** It may have become free of its last user. */
  letGo(segment: OpenSegment): void;
}

const nothingToWaitFor: Promise<void> = Promise.resolve();

export class PoolPayload implements PayloadSource {
  readonly #table: SegmentTable;
  readonly #everyByte: boolean;
  readonly #sealEarlyBytes: number;
  /** A batch waits for seals; resolved when its payload is collected. */
  #waiting: { readonly collected: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(table: SegmentTable, everyByte: boolean, sealEarlyBytes: number) {
    this.#table = table;
    this.#everyByte = everyByte;
    this.#sealEarlyBytes = sealEarlyBytes;
  }

  cut(): PayloadCut {
    const held: OpenSegment[] = [];
    let step: 'cut' | 'collected' | 'released' = 'cut';
    return {
      ready: this.#sealEarly(),
      collect: () => {
        assert(step === 'cut', 'a cut is collected once');
        step = 'collected';
        const ranges = this.#collect(held);
        this.#waiting?.resolve();
        this.#waiting = null;
        return ranges;
      },
      release: () => {
        if (step === 'released') return;
        step = 'released';
        for (const segment of held) {
          segment.holds--;
          this.#table.letGo(segment);
        }
      },
    };
  }

  /**
   * While a batch waits for seals, bytes that arrive would have to be journaled, three copies instead of two shards' worth: past
   * the mark for early sealing they wait until the batch is taken. null: go on.
   */
  heldBack(): Promise<void> | null {
    if (this.#waiting === null) return null;
    const open = this.#table.inMemory().find((segment) => segment.state === 'open');
    return open !== undefined && open.unjournaledBytes > this.#sealEarlyBytes ? this.#waiting.collected : null;
  }

  /** Bytes of a segment that the next batches will carry; what is to be sealed instead counts when no disk takes it. */
  loadOf(segment: OpenSegment, blocked: boolean): number {
    const bytes = segment.unjournaledBytes;
    if (this.#everyByte) return bytes;
    return segment.state === 'sealed' || (bytes > this.#sealEarlyBytes && !blocked) ? 0 : bytes;
  }

  /** The pool ends: nobody waits for a batch any more. */
  end(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  /** Segments with much that the journal does not hold are sealed instead; those already on their way are waited for. */
  #sealEarly(): Promise<void> {
    if (this.#everyByte) return nothingToWaitFor;
    const heavy = this.#table.inMemory().filter((segment) => segment.state !== 'sealed' && segment.unjournaledBytes > this.#sealEarlyBytes);
    if (heavy.length === 0) return nothingToWaitFor;
    if (heavy.some((segment) => segment.state === 'open')) this.#table.rotate();
    let resolve = (): void => {};
    const collected = new Promise<void>((done) => {
      resolve = done;
    });
    this.#waiting = { collected, resolve };
    return this.#wait(heavy);
  }

  async #wait(segments: readonly OpenSegment[]): Promise<void> {
    await Promise.all(segments.map((segment) => this.#table.sealing(segment)));
  }

  #collect(held: OpenSegment[]): PayloadRange[] {
    const ranges: PayloadRange[] = [];
    for (const segment of this.#table.inMemory()) {
      const length = segment.unjournaledBytes;
      if (length === 0 || (segment.state === 'sealed' && !this.#everyByte)) continue;
      ranges.push({ segment: segment.id.number, offset: segment.journaled, bytes: segment.view(segment.journaled, length) });
      segment.journaled = segment.fill;
      segment.holds++;
      held.push(segment);
    }
    return ranges;
  }
}
