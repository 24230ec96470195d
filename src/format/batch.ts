// Bytes of a journal batch: header, records, payload index, payload, zeros up to the next multiple of batchAlignBytes.
// What one commit writes is a group of one or more batches; a group counts only as a whole. Every check that needs
// no other batch is in here; order, links and voids are recovery's. Layout: docs/format/journal.md.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import type { GenerationId, Lsn, VolumeId } from '../base/ids.js';
import { asGenerationId, asLsn, asSegmentNumber, asVolumeId } from '../base/ids.js';
import { batchAlignBytes, segmentBytesMax } from '../base/limits.js';
import { crc32c } from '../native/checksum.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { PayloadRange } from './payload.js';
import { decodeRecord } from './record-codec.js';
import { generationIdBytes } from './record-codec-common.js';
import type { JournalRecord } from './records.js';
import { isKnownVersion } from './version.js';

export const batchMagic = Buffer.from('HFJBATCH', 'latin1');
const batchVersion = 4;
export const batchHeaderBytes = 192;
export const payloadEntryBytes = 16;
// Positions in the header. The link covers what is before it; the header's CRC covers all but itself.
const LINK_COVERS = 148;
const HEADER_CRC_AT = 188;
const NO_ORIGIN = '0'.repeat(generationIdBytes * 2);

/** The mark under which a rewritten group was known before: its batches moved to another generation with the same records. */
export interface BatchOrigin {
  readonly generation: GenerationId;
  readonly link: number;
}

export interface BatchHeader {
  readonly volume: VolumeId;
  readonly generation: GenerationId;
  readonly generationNumber: number;
  /** Number of the batch in its generation, from 0, without gaps. */
  readonly sequence: number;
  /** This is batch `partIndex` of `partCount` of its group. */
  readonly partIndex: number;
  readonly partCount: number;
  /** Records of this batch: [firstLsn, lastLsn]; lastLsn = firstLsn - 1 when it carries payload only. */
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly groupFirstLsn: Lsn;
  readonly groupLastLsn: Lsn;
  /** The mark of rule 1: everything up to here was durable on enough disks before this batch was written. */
  readonly durableLsn: Lsn;
  readonly recordCount: number;
  readonly recordsBytes: number;
  readonly payloadCount: number;
  readonly payloadBytes: number;
  /** Where it is meant to be: a batch found elsewhere is a copy in user data. */
  readonly fileNumber: number;
  readonly fileOffset: number;
  readonly origin: BatchOrigin | null;
  /** CRC32C of records section and payload index, continued over the payload. */
  readonly indexCrc: number;
  readonly bodyCrc: number;
  /** Link of the batch before it in this generation; 0 for the first. */
  readonly previousLink: number;
  /** CRC32C of this header up to bodyCrc, seeded with previousLink: names the history that ends here. */
  readonly link: number;
}

/** Bytes the batch takes in its file, padding included. */
export function batchBytes(header: Pick<BatchHeader, 'recordsBytes' | 'payloadCount' | 'payloadBytes'>): number {
  return alignUp(batchHeaderBytes + header.recordsBytes + header.payloadCount * payloadEntryBytes + header.payloadBytes);
}

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / batchAlignBytes) * batchAlignBytes;
}

/** Writes the header into `to` (batchHeaderBytes long) and gives its link. */
export function encodeBatchHeader(to: Buffer, header: Omit<BatchHeader, 'link'>): number {
  assert(header.lastLsn - header.firstLsn + 1 === header.recordCount, 'a batch has one LSN per record');
  const w = new ByteWriter(batchHeaderBytes);
  w.raw(batchMagic);
  w.u32(batchVersion);
  w.u32(0);
  w.uuid(header.volume);
  w.hex(header.generation, generationIdBytes);
  w.u64(header.generationNumber);
  w.u64(header.sequence);
  w.u32(header.partIndex);
  w.u32(header.partCount);
  w.u64(header.firstLsn);
  w.u64(header.lastLsn);
  w.u64(header.groupFirstLsn);
  w.u64(header.groupLastLsn);
  w.u64(header.durableLsn);
  w.u32(header.recordCount);
  w.u32(header.recordsBytes);
  w.u32(header.payloadCount);
  w.u32(header.payloadBytes);
  w.u32(header.fileNumber);
  w.u32(header.fileOffset);
  w.hex(header.origin?.generation ?? NO_ORIGIN, generationIdBytes);
  w.u32(header.origin?.link ?? 0);
  w.u32(header.indexCrc);
  w.u32(header.bodyCrc);
  const covered = w.bytes();
  assert(covered.length === LINK_COVERS, 'the link covers the fields above');
  const link = crc32c(covered, header.previousLink);
  w.u32(header.previousLink);
  w.u32(link);
  w.zeros(HEADER_CRC_AT - w.length);
  w.u32(crc32c(w.bytes()));
  const whole = w.bytes();
  assert(whole.length === batchHeaderBytes && to.length === batchHeaderBytes, 'a batch header has its fixed size');
  whole.copy(to);
  return link;
}

/** The header at the start of `from`, or null when there is none that verifies. Never throws for bad bytes. */
export function decodeBatchHeader(from: Buffer): BatchHeader | null {
  if (from.length < batchHeaderBytes || from.compare(batchMagic, 0, batchMagic.length, 0, batchMagic.length) !== 0) return null;
  const bytes = from.subarray(0, batchHeaderBytes);
  if (crc32c(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) return null;
  try {
    return readHeader(bytes);
  } catch (error) {
    if (error instanceof HoldfastError && error.kind === 'corrupt') return null;
    throw error;
  }
}

function readHeader(bytes: Buffer): BatchHeader {
  const r = new ByteReader(bytes, 'batch-malformed', 'journal batch header');
  r.raw(batchMagic.length);
  if (!isKnownVersion(r.u32(), batchVersion)) throw r.malformed('unknown version');
  if (r.u32() !== 0) throw r.malformed('unknown flags');
  const volume = asVolumeId(r.uuid());
  const generation = asGenerationId(r.hex(generationIdBytes));
  const generationNumber = r.u64();
  const sequence = r.u64();
  const partIndex = r.u32();
  const partCount = r.u32();
  const firstLsn = asLsn(r.u64());
  const lastLsn = asLsn(r.u64());
  const groupFirstLsn = asLsn(r.u64());
  const groupLastLsn = asLsn(r.u64());
  const durableLsn = asLsn(r.u64());
  const recordCount = r.u32();
  const recordsBytes = r.u32();
  const payloadCount = r.u32();
  const payloadBytes = r.u32();
  const fileNumber = r.u32();
  const fileOffset = r.u32();
  const originGeneration = r.hex(generationIdBytes);
  const originLink = r.u32();
  const origin = originGeneration === NO_ORIGIN ? null : { generation: asGenerationId(originGeneration), link: originLink };
  const indexCrc = r.u32();
  const bodyCrc = r.u32();
  const previousLink = r.u32();
  const link = r.u32();
  if (crc32c(bytes.subarray(0, LINK_COVERS), previousLink) !== link) throw r.malformed('link');
  if (lastLsn - firstLsn + 1 !== recordCount || partIndex >= partCount) throw r.malformed('counts');
  if (firstLsn < groupFirstLsn || lastLsn > groupLastLsn || groupFirstLsn > groupLastLsn) throw r.malformed('LSNs');
  return {
    volume,
    generation,
    generationNumber,
    sequence,
    partIndex,
    partCount,
    firstLsn,
    lastLsn,
    groupFirstLsn,
    groupLastLsn,
    durableLsn,
    recordCount,
    recordsBytes,
    payloadCount,
    payloadBytes,
    fileNumber,
    fileOffset,
    origin,
    indexCrc,
    bodyCrc,
    previousLink,
    link,
  };
}

/** The index entries, in the order in which the payload's bytes follow. */
export function encodePayloadIndex(to: ByteWriter, payload: readonly PayloadRange[]): void {
  for (const range of payload) {
    to.u64(range.segment);
    to.u32(range.offset);
    to.u32(range.bytes.length);
  }
}

/** A place of the payload of a batch whose index verified. */
export interface PayloadPlace {
  readonly segment: PayloadRange['segment'];
  readonly offset: number;
  readonly length: number;
}

/** Reads the index of a batch from its section of bytes. 'corrupt' (batch-malformed) when it contradicts the header. */
export function decodePayloadIndex(header: BatchHeader, section: Buffer): PayloadPlace[] {
  const r = new ByteReader(section, 'batch-malformed', 'journal payload index');
  const places: PayloadPlace[] = [];
  let sum = 0;
  for (let i = 0; i < header.payloadCount; i++) {
    const place = { segment: asSegmentNumber(r.u64()), offset: r.u32(), length: r.u32() };
    if (place.offset + place.length > segmentBytesMax) throw r.malformed('range past the end of a segment');
    sum += place.length;
    places.push(place);
  }
  r.end();
  if (sum !== header.payloadBytes) throw r.malformed('payload length');
  return places;
}

export interface BatchBody {
  readonly records: readonly JournalRecord[];
  readonly payload: readonly PayloadRange[];
}

/** Do records section and index (`front`) verify on their own? */
export function verifyIndex(header: BatchHeader, front: Buffer): boolean {
  return crc32c(front) === header.indexCrc;
}

/** `front`: records section and what may follow it; call only when indexCrc or bodyCrc verified. */
export function decodeRecords(header: BatchHeader, front: Buffer): readonly JournalRecord[] {
  const reader = new ByteReader(front.subarray(0, header.recordsBytes), 'record-malformed', `journal record of batch ${header.firstLsn}..${header.lastLsn}`);
  const records: JournalRecord[] = [];
  for (let i = 0; i < header.recordCount; i++) records.push(decodeRecord(reader));
  reader.end();
  return records;
}

/** `body` is everything after the header, padding excluded. Views into it; call only when bodyCrc verified. */
export function decodeBatchBody(header: BatchHeader, body: Buffer): BatchBody {
  const records = decodeRecords(header, body);
  const indexEnd = header.recordsBytes + header.payloadCount * payloadEntryBytes;
  let at = indexEnd;
  const payload = decodePayloadIndex(header, body.subarray(header.recordsBytes, indexEnd)).map((place): PayloadRange => {
    const bytes = body.subarray(at, at + place.length);
    at += place.length;
    return { segment: place.segment, offset: place.offset, bytes };
  });
  return { records, payload };
}
