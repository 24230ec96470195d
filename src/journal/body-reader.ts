// Bodies of batches, read forward through one window a file from a copy that verifies; whoever walks a history or fetches a
// segment reads batches in order. A copy that does not verify any more gives way to the next.
import type { SegmentNumber } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import { type BatchHeader, batchHeaderBytes, type PayloadPlace, verifyIndex } from '../format/batch.js';
import type { PayloadRange } from '../format/payload.js';
import { CopyReader } from './copy-reader.js';
import { frontBytes, streamBody } from './copy-scan.js';
import type { FoundBatch, JournalFileCopies } from './file-copies.js';

export class BodyReader {
  #file: JournalFileCopies | null = null;
  #readers = new Map<Disk, CopyReader | null>();

  /** Records section and payload index; null when no copy verifies. */
  front(file: JournalFileCopies, batch: FoundBatch): Promise<Buffer | null> {
    const { header } = batch;
    const into = Buffer.allocUnsafe(frontBytes(header));
    return this.#fromAny(file, batch, async (reader) => {
      const start = header.fileOffset + batchHeaderBytes;
      for (let done = 0; done < into.length; ) {
        const piece = await reader.read(start + done, into.length - done);
        if (piece === null) return null;
        done += piece.copy(into, done);
      }
      return verifyIndex(header, into) ? into : null;
    });
  }

  /** The bytes of one segment in this batch, in memory that begins at `into`; null when no copy verifies. */
  ranges(file: JournalFileCopies, batch: FoundBatch, segment: SegmentNumber, into: Buffer): Promise<readonly PayloadRange[] | null> {
    const wanted = placesInFile(batch.header, batch.payload, segment, into);
    return this.#fromAny(file, batch, async (reader) => {
      const whole = await streamBody(reader, batch.header, (at, piece) => {
        for (const { from, range } of wanted) {
          const start = Math.max(at, from);
          const end = Math.min(at + piece.length, from + range.bytes.length);
          if (start < end) piece.copy(range.bytes, start - from, start - at, end - at);
        }
      });
      return whole ? wanted.map(({ range }) => range) : null;
    });
  }

  async #fromAny<Result>(file: JournalFileCopies, batch: FoundBatch, attempt: (reader: CopyReader) => Promise<Result | null>): Promise<Result | null> {
    if (this.#file !== file) {
      this.#file = file;
      this.#readers = new Map();
    }
    for (const disk of batch.holders) {
      let reader = this.#readers.get(disk);
      if (reader === undefined) {
        reader = await CopyReader.open(disk, file.path);
        this.#readers.set(disk, reader);
      }
      const result = reader === null ? null : await attempt(reader);
      if (result !== null) return result;
    }
    return null;
  }
}

function placesInFile(header: BatchHeader, payload: readonly PayloadPlace[], segment: SegmentNumber, into: Buffer): readonly { readonly from: number; readonly range: PayloadRange }[] {
  const wanted: { readonly from: number; readonly range: PayloadRange }[] = [];
  let from = header.fileOffset + batchHeaderBytes + frontBytes(header);
  let used = 0;
  for (const place of payload) {
    if (place.segment === segment) {
      wanted.push({ from, range: { segment, offset: place.offset, bytes: into.subarray(used, used + place.length) } });
      used += place.length;
    }
    from += place.length;
  }
  return wanted;
}
