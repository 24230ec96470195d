// Names and header block of a journal file. Batches follow the header at multiples of batchAlignBytes.
// A file is written by one generation only; its copies on several disks are equal byte for byte.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import type { Lsn, VolumeId } from '../base/ids.js';
import { asLsn, asVolumeId } from '../base/ids.js';
import { batchAlignBytes } from '../base/limits.js';
import { crc32c } from '../native/checksum.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { Generation } from './generation.js';
import { generationBytesMax, readGeneration, writeGeneration } from './generation-codec.js';
import { isKnownVersion, unknownVersion } from './version.js';

export const journalFolder = 'journal';
export const fileHeaderBytes = batchAlignBytes;
const magic = Buffer.from('HFJRFILE', 'latin1');
/** Also that of every batch and record in the file: an older program looks here first and refuses. */
/** 2, 3, 4: records of that version may follow. The bytes of the header are those of 1. */
const version = 4;
const NAME = /^(\d{8,})-(\d{6,})\.log$/;

assert(generationBytesMax + 128 <= fileHeaderBytes, 'a generation fits into the header block of a file');

export interface JournalFileHeader {
  /** As it was read, so that a healed copy equals the others; absent: the present one. */
  readonly version?: number;
  readonly volume: VolumeId;
  readonly generation: Generation;
  /** From 1, without gaps in its generation. */
  readonly fileNumber: number;
  /** Size that was preallocated. */
  readonly fileBytes: number;
  /** Sequence number, first LSN and previous link of the first batch in it. */
  readonly firstSequence: number;
  readonly firstLsn: Lsn;
  readonly previousLink: number;
  /** Where the last group ends that has a batch in a file before this one: at firstLsn - 1, or above when that group goes on in here. */
  readonly previousEnd: Lsn;
  /** Everything up to here was durable on enough disks before this file was begun. */
  readonly durableLsn: Lsn;
}

export function journalFilePath(generationNumber: number, fileNumber: number): string {
  return `${journalFolder}/${String(generationNumber).padStart(8, '0')}-${String(fileNumber).padStart(6, '0')}.log`;
}

/** Numbers of a file name inside the journal folder; null for anything else. */
export function parseJournalFileName(name: string): { readonly generationNumber: number; readonly fileNumber: number } | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const generationNumber = Number(match[1]);
  const fileNumber = Number(match[2]);
  return Number.isSafeInteger(generationNumber) && Number.isSafeInteger(fileNumber) ? { generationNumber, fileNumber } : null;
}

/** A block of fileHeaderBytes. */
export function encodeFileHeader(header: JournalFileHeader): Buffer {
  const w = new ByteWriter(fileHeaderBytes);
  w.raw(magic);
  w.u32(header.version ?? version);
  w.uuid(header.volume);
  w.u32(header.fileNumber);
  w.u64(header.fileBytes);
  w.u64(header.firstSequence);
  w.u64(header.firstLsn);
  w.u32(header.previousLink);
  w.u64(header.previousEnd);
  w.u64(header.durableLsn);
  writeGeneration(w, header.generation);
  w.zeros(fileHeaderBytes - 4 - w.length);
  w.u32(crc32c(w.bytes()));
  return w.bytes();
}

/** null when the block is not a header that verifies; throws 'invalid' (format-version) for one that does and is of another version. */
export function decodeFileHeader(block: Buffer): JournalFileHeader | null {
  if (block.length !== fileHeaderBytes || !block.subarray(0, magic.length).equals(magic)) return null;
  if (crc32c(block.subarray(0, fileHeaderBytes - 4)) !== block.readUInt32LE(fileHeaderBytes - 4)) return null;
  const r = new ByteReader(block.subarray(0, fileHeaderBytes - 4), 'journal-file-malformed', 'journal file header');
  r.raw(magic.length);
  const found = r.u32();
  if (!isKnownVersion(found, version)) throw unknownVersion('a journal file', found, version);
  try {
    const volume = asVolumeId(r.uuid());
    const fileNumber = r.u32();
    const fileBytes = r.u64();
    const firstSequence = r.u64();
    const firstLsn = asLsn(r.u64());
    const previousLink = r.u32();
    const previousEnd = asLsn(r.u64());
    const durableLsn = asLsn(r.u64());
    const generation = readGeneration(r);
    r.zeros(r.remaining);
    return { version: found, volume, generation, fileNumber, fileBytes, firstSequence, firstLsn, previousLink, previousEnd, durableLsn };
  } catch (error) {
    if (error instanceof HoldfastError && error.kind === 'corrupt') return null;
    throw error;
  }
}
