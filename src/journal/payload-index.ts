// Which batches of the chosen history carry bytes of which segment. Looked through from the newest file down, and no further than
// asked for: the bytes of a segment enter the journal once and in order, so behind its first byte there is nothing more of it.
import { Mutex } from '../base/mutex.js';
import type { SegmentNumber } from '../base/ids.js';
import { type ChosenGeneration, counts } from './chosen-files.js';
import type { FoundBatch, JournalFileCopies } from './file-copies.js';

export interface PayloadBatch {
  readonly file: JournalFileCopies;
  readonly batch: FoundBatch;
}

export class PayloadIndex {
  /** Not looked through yet, the oldest first. */
  readonly #files: { readonly chosen: ChosenGeneration; readonly file: JournalFileCopies }[];
  /** Newest first. */
  readonly #found = new Map<SegmentNumber, PayloadBatch[]>();
  /** Segments whose first byte was found. */
  readonly #begun = new Set<SegmentNumber>();
  readonly #lock = new Mutex();

  constructor(history: readonly ChosenGeneration[]) {
    this.#files = history.flatMap((chosen) => chosen.files.map((file) => ({ chosen, file })));
  }

  /** Oldest first. */
  batchesOf(segment: SegmentNumber): Promise<readonly PayloadBatch[]> {
    return this.#lock.run(async () => {
      while (!this.#begun.has(segment)) {
        const next = this.#files.pop();
        if (next === undefined) break;
        await this.#add(next.chosen, next.file);
      }
      return [...(this.#found.get(segment) ?? [])].reverse();
    });
  }

  async #add(chosen: ChosenGeneration, file: JournalFileCopies): Promise<void> {
    const { batches } = await file.scan();
    for (const batch of [...batches].reverse()) {
      if (!counts(chosen, batch)) continue;
      for (const segment of new Set(batch.payload.map((place) => place.segment))) {
        const known = this.#found.get(segment);
        if (known === undefined) this.#found.set(segment, [{ file, batch }]);
        else known.push({ file, batch });
      }
      for (const place of batch.payload) if (place.offset === 0) this.#begun.add(place.segment);
    }
  }
}
