// Bytes of a generation, and of the file `generations` that every disk of a volume holds: the terms of the journal,
// ascending, under one CRC. The file is only ever replaced as a whole. Layout: docs/format/journal.md.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import type { DiskId, VolumeId } from '../base/ids.js';
import { asVolumeId } from '../base/ids.js';
import { disksMax } from '../base/limits.js';
import { crc32c } from '../native/checksum.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { Generation } from './generation.js';
import { readDiskId, readGenerationId, readList, readLsn, writeGenerationId } from './record-codec-common.js';
import { isKnownVersion, unknownVersion } from './version.js';

export const generationsPath = 'generations';
const magic = Buffer.from('HFJGENER', 'latin1');
/** 2, 3, 4: the journal has the records of that version. The bytes of this file are those of 1. */
const version = 4;
/** A generation takes at most this much: number, id, parent LSN, tolerance and two lists of disks. */
export const generationBytesMax = 8 + 8 + 8 + 4 + 2 * (4 + 16 * disksMax);
const generationBytesMin = 8 + 8 + 8 + 4 + 2 * 4;
/** The list is pruned to generations that still have a say; far more than ever needed. */
export const generationsMax = 4_096;
export const generationsBytesMax = 64 + generationsMax * generationBytesMax;

export function writeGeneration(to: ByteWriter, generation: Generation): void {
  to.u64(generation.number);
  writeGenerationId(to, generation.id);
  to.u64(generation.parentLsn);
  to.u32(generation.tolerance);
  writeDisks(to, generation.members);
  writeDisks(to, generation.journalDisks);
}

export function readGeneration(from: ByteReader): Generation {
  return {
    number: from.u64(),
    id: readGenerationId(from),
    parentLsn: readLsn(from),
    tolerance: from.u32(),
    members: readDisks(from),
    journalDisks: readDisks(from),
  };
}

export function encodeGenerations(volume: VolumeId, generations: readonly Generation[]): Buffer {
  assert(generations.length <= generationsMax, `${generations.length} generations`);
  const w = new ByteWriter(1024);
  w.raw(magic);
  w.u32(version);
  w.uuid(volume);
  w.u32(generations.length);
  let previous = -1;
  for (const generation of generations) {
    assert(generation.number > previous, 'generations are ascending');
    previous = generation.number;
    writeGeneration(w, generation);
  }
  w.u32(crc32c(w.bytes()));
  return w.bytes();
}

/** 'corrupt' (generations-malformed) when anything is not as it was written, 'invalid' (format-version); the volume it names is the caller's to compare. */
export function decodeGenerations(bytes: Buffer): { readonly volume: VolumeId; readonly generations: readonly Generation[] } {
  const bad = (what: string): HoldfastError => new HoldfastError('corrupt', `generations file: ${what}`, { code: 'generations-malformed' });
  if (bytes.length < magic.length + 4 || !bytes.subarray(0, magic.length).equals(magic)) throw bad('not such a file');
  const covered = bytes.subarray(0, bytes.length - 4);
  if (crc32c(covered) !== bytes.readUInt32LE(bytes.length - 4)) throw bad('checksum');
  const r = new ByteReader(covered, 'generations-malformed', 'generations file');
  r.raw(magic.length);
  const found = r.u32();
  if (!isKnownVersion(found, version)) throw unknownVersion('the generations file', found, version);
  const volume = asVolumeId(r.uuid());
  const generations = readList(r, generationBytesMin, readGeneration);
  r.end();
  let previous = -1;
  for (const generation of generations) {
    if (generation.number <= previous) throw bad('not ascending');
    previous = generation.number;
  }
  return { volume, generations };
}

function writeDisks(to: ByteWriter, disks: readonly DiskId[]): void {
  assert(disks.length <= disksMax, `${disks.length} disks`);
  to.u32(disks.length);
  for (const disk of disks) to.uuid(disk);
}

function readDisks(from: ByteReader): DiskId[] {
  const disks = readList(from, 16, readDiskId);
  if (disks.length > disksMax) throw from.malformed(`${disks.length} disks`);
  return disks;
}
