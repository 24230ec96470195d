// What the codecs of single record types share: the shape of a codec, and fields with rules of their own (names, ids).
import { assert } from '../base/assert.js';
import type { DiskId, GenerationId, Lsn, SegmentNumber } from '../base/ids.js';
import { asDiskId, asGenerationId, asLsn, asSegmentNumber } from '../base/ids.js';
import { nameBytesMax } from '../base/limits.js';
import type { ByteReader, ByteWriter } from './bytes.js';
import type { JournalRecord } from './records.js';

export type RecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>;

export interface RecordCodec<R extends JournalRecord> {
  /** First byte of the record; never given to another type, also when this one is retired. */
  readonly tag: number;
  write(to: ByteWriter, record: R): void;
  /** Throws 'corrupt' (record-malformed) through the reader. */
  read(from: ByteReader): R;
}

export const generationIdBytes = 8;

export function writeName(to: ByteWriter, name: Buffer): void {
  assert(name.length >= 1 && name.length <= nameBytesMax, `name of ${name.length} bytes`);
  to.bytes8(name);
}

export function readName(from: ByteReader): Buffer {
  const name = from.bytes8();
  if (name.length === 0) throw from.malformed('empty name');
  return name;
}

export function writeSegments(to: ByteWriter, segments: readonly SegmentNumber[]): void {
  to.u32(segments.length);
  for (const segment of segments) to.u64(segment);
}

export function readSegments(from: ByteReader): SegmentNumber[] {
  return readList(from, 8, readSegment);
}

export function readList<T>(from: ByteReader, bytesEach: number, read: (from: ByteReader) => T): T[] {
  const list: T[] = [];
  for (let left = from.count(bytesEach); left > 0; left--) list.push(read(from));
  return list;
}

export const readSegment = (from: ByteReader): SegmentNumber => asSegmentNumber(from.u64());
export const readLsn = (from: ByteReader): Lsn => asLsn(from.u64());
export const readDiskId = (from: ByteReader): DiskId => asDiskId(from.uuid());
export const readGenerationId = (from: ByteReader): GenerationId => asGenerationId(from.hex(generationIdBytes));
export const writeGenerationId = (to: ByteWriter, id: GenerationId): void => to.hex(id, generationIdBytes);
