// The shard file: one piece of a sealed segment on a disk, or (k = 1, m = e = 0, layout 0, index 0) a whole segment in the backup.
// header block (4096 bytes) | CRC table (u32 a cell, padded to 4096) | data cells. It describes itself: with nothing but such files
// a segment can be put together again. Every byte is listed in docs/format/shard.md; a change there is a new version here.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import type { Lsn, SegmentId, VolumeId } from '../base/ids.js';
import { asGenerationId, asLsn, asSegmentNumber, asVolumeId, segmentName } from '../base/ids.js';
import { cellBytes, segmentBytesMax, shardsPerSegmentMax } from '../base/limits.js';
import { crc32c } from '../native/checksum.js';
import type { SegmentLayout } from './records.js';
import { unknownVersion } from './version.js';

/** What the header of a shard file says. */
export interface ShardInfo {
  readonly volume: VolumeId;
  readonly id: SegmentId;
  /** Bytes of the segment that are used; data shard i holds [i * shardBytes, (i + 1) * shardBytes), zero-filled past `length`. */
  readonly length: number;
  readonly layout: SegmentLayout;
  /** 0..k-1 data, then m parity, then e delta shards. */
  readonly index: number;
  /** Highest LSN known to be fully durable when the segment was sealed; 0 where unknown (backup objects). */
  readonly durableLsn: Lsn;
}

/** Place and seed of a run of cells in a shard file: what Disk.readCells asks for. */
export interface ShardCells {
  readonly tableOffset: number;
  readonly dataOffset: number;
  readonly firstCell: number;
  readonly cellCount: number;
  readonly seed: number;
}

export const shardHeaderBytes = 4096;
const version = 1;
const magic = Buffer.from('HFSHARD\0', 'latin1');
const crcOffset = shardHeaderBytes - 4;

/** Data bytes of each shard when `length` bytes are cut into k: whole cells, at least one. */
export function shardBytesFor(length: number, k: number): number {
  return Math.max(1, Math.ceil(Math.ceil(length / k) / cellBytes)) * cellBytes;
}

export function encodeShardHeader(info: ShardInfo): Buffer {
  const reason = inconsistency(info);
  assert(reason === null, `shard header of ${segmentName(info.id)}: ${reason}`);
  const block = Buffer.alloc(shardHeaderBytes);
  magic.copy(block, 0);
  block.writeUInt32LE(version, 8);
  block.writeUInt32LE(shardHeaderBytes, 12);
  uuidBytes(info.volume).copy(block, 16);
  generationBytes(info.id).copy(block, 32);
  block.writeBigUInt64LE(BigInt(info.id.number), 40);
  block.writeUInt32LE(info.layout.number, 48);
  block.writeUInt16LE(info.index, 52);
  block.writeUInt16LE(info.layout.k, 54);
  block.writeUInt16LE(info.layout.m, 56);
  block.writeUInt16LE(info.layout.e, 58);
  block.writeUInt32LE(cellBytes, 60);
  block.writeBigUInt64LE(BigInt(info.length), 64);
  block.writeBigUInt64LE(BigInt(info.layout.shardBytes), 72);
  block.writeBigUInt64LE(BigInt(info.durableLsn), 80);
  block.writeUInt32LE(crc32c(block.subarray(0, crcOffset)), crcOffset);
  return block;
}

/** 'corrupt' (shard-header) when the block is not a header with consistent numbers, 'invalid' (format-version) when it is a whole one of another version. */
export function decodeShardHeader(block: Buffer): ShardInfo {
  if (block.length < shardHeaderBytes) throw badHeader(`it has ${block.length} of ${shardHeaderBytes} bytes`);
  if (!block.subarray(0, 8).equals(magic)) throw badHeader('the magic is missing');
  const crc = crc32c(block.subarray(0, crcOffset));
  if (crc !== block.readUInt32LE(crcOffset)) throw badHeader('its CRC32C does not match');
  const found = block.readUInt32LE(8);
  if (found !== version) throw unknownVersion('a shard file', found, version);
  if (block.readUInt32LE(12) !== shardHeaderBytes || block.readUInt32LE(60) !== cellBytes) throw badHeader('it has other block sizes');
  const info: ShardInfo = {
    volume: asVolumeId(uuidText(block.subarray(16, 32))),
    id: {
      generation: asGenerationId(block.toString('hex', 32, 40)),
      number: asSegmentNumber(integerAt(block, 40)),
    },
    length: integerAt(block, 64),
    layout: {
      number: block.readUInt32LE(48),
      k: block.readUInt16LE(54),
      m: block.readUInt16LE(56),
      e: block.readUInt16LE(58),
      shardBytes: integerAt(block, 72),
    },
    index: block.readUInt16LE(52),
    durableLsn: asLsn(integerAt(block, 80)),
  };
  const reason = inconsistency(info);
  if (reason !== null) throw badHeader(reason);
  return info;
}

/** Where the CRC table begins. */
export const tableOffset = shardHeaderBytes;

/** Bytes of the CRC table with its padding. */
export function tableBytes(shardBytes: number): number {
  return Math.ceil((4 * shardBytes) / cellBytes / 4096) * 4096;
}

/** Where cell 0 begins. */
export function dataOffset(shardBytes: number): number {
  return tableOffset + tableBytes(shardBytes);
}

/** Size of the whole file. */
export function fileBytes(shardBytes: number): number {
  return dataOffset(shardBytes) + shardBytes;
}

/** Seed of all cell checksums of one shard, so that a cell of another segment, layout or shard never verifies here. */
export function cellSeed(shard: { readonly id: SegmentId; readonly layout: { readonly number: number }; readonly index: number }): number {
  const identity = Buffer.alloc(24);
  generationBytes(shard.id).copy(identity, 0);
  identity.writeBigUInt64LE(BigInt(shard.id.number), 8);
  identity.writeUInt32LE(shard.layout.number, 16);
  identity.writeUInt32LE(shard.index, 20);
  return crc32c(identity);
}

/** Checksum of cell `index` as the table holds it. */
export function cellChecksum(seed: number, index: number, cell: Uint8Array): number {
  const number = Buffer.allocUnsafe(4);
  number.writeUInt32LE(index);
  return crc32c(cell, crc32c(number, seed));
}

/** Arguments of Disk.readCells for the cells that cover [offset, offset + length) of the shard's data. */
export function cellsCovering(shard: { readonly id: SegmentId; readonly layout: SegmentLayout; readonly index: number }, offset: number, length: number): ShardCells {
  assert(offset >= 0 && length > 0 && offset + length <= shard.layout.shardBytes, 'the range lies within the shard');
  const firstCell = Math.floor(offset / cellBytes);
  return {
    tableOffset,
    dataOffset: dataOffset(shard.layout.shardBytes),
    firstCell,
    cellCount: Math.ceil((offset + length) / cellBytes) - firstCell,
    seed: cellSeed(shard),
  };
}

/** At most so many segments share a folder. */
export const segmentsPerFolder = 1_024;

/** Path of a shard on its disk. */
export function shardPath(id: SegmentId, layoutNumber: number, index: number): string {
  return `${shardFolder(id)}/${segmentName(id)}.${layoutNumber}.${index}`;
}

export function shardFolder(id: SegmentId): string {
  return `shards/${Math.floor(id.number / segmentsPerFolder).toString(16)}`;
}

/** The inverse of the last part of `shardPath`; null for other names. */
export function parseShardName(name: string): { readonly id: SegmentId; readonly layoutNumber: number; readonly index: number } | null {
  const match = /^([0-9a-f]{16})-([0-9a-f]{12,14})\.(0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]?)$/.exec(name);
  if (match === null) return null;
  const [, generation = '', number = '', layout = '', index = ''] = match;
  const id = { generation: asGenerationId(generation), number: asSegmentNumber(Number.parseInt(number, 16)) };
  return Number.isSafeInteger(id.number) && segmentName(id) === `${generation}-${number}` ? { id, layoutNumber: Number(layout), index: Number(index) } : null;
}

/** null when the numbers fit together. The same check guards writing and reading. */
function inconsistency(info: ShardInfo): string | null {
  const { k, m, e, shardBytes, number } = info.layout;
  if (!/^[0-9a-f]{16}$/.test(info.id.generation)) return `generation id ${info.id.generation} is not 16 hex digits`;
  if (!Number.isSafeInteger(info.id.number) || info.id.number < 0) return `segment number ${info.id.number} is out of range`;
  if (!Number.isSafeInteger(number) || number < 0 || number > 0xffffffff) return `layout number ${number} is out of range`;
  if (k < 1 || m < 0 || e < 0 || k + m + e > shardsPerSegmentMax) return `${k}+${m}+${e} shards are out of range`;
  if (info.index < 0 || info.index >= k + m + e) return `index ${info.index} is not below ${k + m + e}`;
  if (info.length < 0 || info.length > segmentBytesMax) return `segment length ${info.length} is out of range`;
  if (shardBytes !== shardBytesFor(info.length, k)) return `${shardBytes} bytes a shard do not fit ${info.length} bytes in ${k} shards`;
  return null;
}

function badHeader(reason: string): HoldfastError {
  return new HoldfastError('corrupt', `shard header is damaged: ${reason}`, { code: 'shard-header' });
}

function integerAt(block: Buffer, offset: number): number {
  const value = block.readBigUInt64LE(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw badHeader(`the number at byte ${offset} exceeds 2^53`);
  return Number(value);
}

function generationBytes(id: SegmentId): Buffer {
  return Buffer.from(id.generation, 'hex');
}

function uuidBytes(volume: VolumeId): Buffer {
  const bytes = Buffer.from(volume.replaceAll('-', ''), 'hex');
  assert(bytes.length === 16, `volume id ${volume} is a UUID`);
  return bytes;
}

function uuidText(bytes: Buffer): string {
  const h = bytes.toString('hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}
