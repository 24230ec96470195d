// One pass over one copy of a journal file: which batches it has, which of them are whole, and what payload they carry.
// Behind a batch that does not verify there may be valid ones, and whoever recovers must know: all that was ever written is looked at.
import type { VolumeId } from '../base/ids.js';
import { batchAlignBytes } from '../base/limits.js';
import { type BatchHeader, batchBytes, batchHeaderBytes, decodeBatchHeader, decodePayloadIndex, payloadEntryBytes, type PayloadPlace } from '../format/batch.js';
import { decodeFileHeader, fileHeaderBytes, type JournalFileHeader } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import { crc32c } from '../native/checksum.js';
import { type CopyReader, isZero } from './copy-reader.js';

/** What file this is a copy of. */
export interface FileIdentity {
  readonly volume: VolumeId;
  readonly generation: Generation;
  readonly fileNumber: number;
}

export interface ScannedBatch {
  readonly header: BatchHeader;
  /** Where its payload belongs; null: header and body do not fit together, the batch is not whole here. */
  readonly payload: readonly PayloadPlace[] | null;
}

export interface CopyScan {
  /** null when the header block does not verify. */
  readonly header: JournalFileHeader | null;
  /** In the order of the file. */
  readonly batches: readonly ScannedBatch[];
}

/** Headers by their place in the file, shared by the scans of all copies: decoding is what takes the time in a file of small batches. */
export type KnownHeaders = Map<number, { readonly bytes: Buffer; readonly header: BatchHeader }>;

export async function scanCopy(file: FileIdentity, reader: CopyReader, known: KnownHeaders): Promise<CopyScan> {
  const first = await reader.read(0, fileHeaderBytes);
  const header = first === null ? null : ownHeader(file, first);
  const batches: ScannedBatch[] = [];
  for (let offset = fileHeaderBytes; offset + batchAlignBytes <= reader.bytes && !reader.gone; ) {
    const block = reader.held(offset, batchAlignBytes) ?? (await reader.read(offset, batchAlignBytes));
    const batch = block === null ? null : headerAt(file, block, offset, known);
    if (batch !== null && offset + batchBytes(batch) <= reader.bytes) {
      batches.push({ header: batch, payload: await verifyBody(reader, batch) });
      offset += batchBytes(batch);
    } else if (block !== null && isZero(block)) {
      offset = await reader.afterZeros(offset);
    } else {
      offset += batchAlignBytes;
    }
  }
  return { header, batches };
}

/** The header in this block if it is that of the file. */
export function ownHeader(file: FileIdentity, block: Buffer): JournalFileHeader | null {
  const header = decodeFileHeader(block);
  const ours = header?.volume === file.volume && header.generation.id === file.generation.id && header.fileNumber === file.fileNumber;
  return ours ? header : null;
}

/** User data may contain copies of journal files: a batch counts only where it was written. */
function headerAt(file: FileIdentity, block: Buffer, offset: number, known: KnownHeaders): BatchHeader | null {
  const bytes = block.subarray(0, batchHeaderBytes);
  const same = known.get(offset);
  if (same?.bytes.equals(bytes) === true) return same.header;
  const header = decodeBatchHeader(bytes);
  if (header === null) return null;
  if (header.volume !== file.volume || header.generation !== file.generation.id || header.fileNumber !== file.fileNumber || header.fileOffset !== offset) return null;
  if (same === undefined) known.set(offset, { bytes: Buffer.from(bytes), header });
  return header;
}

/** Checks the whole body and keeps its payload index; null when it does not verify. */
async function verifyBody(reader: CopyReader, header: BatchHeader): Promise<readonly PayloadPlace[] | null> {
  const index = Buffer.alloc(header.payloadCount * payloadEntryBytes);
  const indexAt = header.fileOffset + batchHeaderBytes + header.recordsBytes;
  const whole = await streamBody(reader, header, (at, piece) => {
    const from = Math.max(at, indexAt);
    const to = Math.min(at + piece.length, indexAt + index.length);
    if (from < to) piece.copy(index, from - indexAt, from - at, to - at);
  });
  return whole ? decodePayloadIndex(header, index) : null;
}

/** Shows the body piece by piece, with the place of each in the file. Whether it was the right one is known at the end. */
export async function streamBody(reader: CopyReader, header: BatchHeader, see: (at: number, piece: Buffer) => void): Promise<boolean> {
  const start = header.fileOffset + batchHeaderBytes;
  const end = start + frontBytes(header) + header.payloadBytes;
  let crc = 0;
  for (let at = start; at < end; ) {
    const piece = reader.held(at, end - at) ?? (await reader.read(at, end - at));
    if (piece === null) return false;
    crc = crc32c(piece, crc);
    see(at, piece);
    at += piece.length;
  }
  return crc === header.bodyCrc;
}

/** Bytes of records section and payload index. */
export function frontBytes(header: BatchHeader): number {
  return header.recordsBytes + header.payloadCount * payloadEntryBytes;
}
