// Bytes of a disk label: docs/format/label.md. Always 4096 bytes, the last four their checksum.
import { HoldfastError } from '../base/errors.js';
import type { Timespec } from '../base/clock.js';
import { asDiskId, asLsn, asVolumeId, type DiskId, type Lsn, type VolumeId } from '../base/ids.js';
import { nameBytesMax } from '../base/limits.js';
import { assert } from '../base/assert.js';
import { crc32c } from '../native/checksum.js';

export const labelBytes = 4096;
const magic = Buffer.from('holdfast', 'ascii');
const version = 1;

export interface Label {
  readonly volume: VolumeId;
  readonly disk: DiskId;
  readonly created: Timespec;
  /** Name of the volume, for people. */
  readonly name: string;
  /** Number of the newest generation this disk took part in; 0 before the first mount. */
  readonly generation: number;
  /** Everything up to here was durable on enough disks when the label was written: a history that ends below is damaged. */
  readonly durableLsn: Lsn;
}

export function encodeLabel(label: Label): Buffer {
  const name = Buffer.from(label.name, 'utf8');
  assert(name.length <= nameBytesMax, 'the name of a volume fits');
  const bytes = Buffer.alloc(labelBytes);
  magic.copy(bytes, 0);
  bytes.writeUInt32LE(version, 8);
  uuidBytes(label.volume).copy(bytes, 16);
  uuidBytes(label.disk).copy(bytes, 32);
  bytes.writeBigInt64LE(BigInt(label.created.sec), 48);
  bytes.writeUInt32LE(label.created.nsec, 56);
  bytes.writeBigUInt64LE(BigInt(label.generation), 64);
  bytes.writeBigUInt64LE(BigInt(label.durableLsn), 72);
  bytes.writeUInt16LE(name.length, 80);
  name.copy(bytes, 82);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, labelBytes - 4)), labelBytes - 4);
  return bytes;
}

/** 'corrupt' (disk-label-corrupt) when these are not the bytes of a label, 'invalid' (disk-label-version) when a newer one. */
export function decodeLabel(bytes: Buffer, path: string): Label {
  if (bytes.length !== labelBytes || !bytes.subarray(0, 8).equals(magic)) throw corrupt(path, 'it is no label');
  if (bytes.readUInt32LE(labelBytes - 4) !== crc32c(bytes.subarray(0, labelBytes - 4)))
    throw corrupt(path, 'its checksum is wrong');
  if (bytes.readUInt32LE(8) !== version) throw unknownVersion(path, bytes.readUInt32LE(8));
  const nameLength = bytes.readUInt16LE(80);
  if (nameLength > nameBytesMax) throw corrupt(path, 'its name is too long');
  return {
    volume: asVolumeId(uuidText(bytes.subarray(16, 32))),
    disk: asDiskId(uuidText(bytes.subarray(32, 48))),
    created: { sec: safe(bytes.readBigInt64LE(48), path), nsec: bytes.readUInt32LE(56) },
    generation: safe(bytes.readBigUInt64LE(64), path),
    durableLsn: asLsn(safe(bytes.readBigUInt64LE(72), path)),
    name: bytes.subarray(82, 82 + nameLength).toString('utf8'),
  };
}

function safe(value: bigint, path: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw corrupt(path, 'a number in it is out of range');
  return number;
}

function uuidBytes(text: string): Buffer {
  const hex = text.replaceAll('-', '');
  assert(/^[0-9a-f]{32}$/.test(hex), `not a UUID: ${text}`);
  return Buffer.from(hex, 'hex');
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function corrupt(path: string, reason: string): HoldfastError {
  return new HoldfastError('corrupt', `the label of disk ${path} is damaged: ${reason}`, {
    code: 'disk-label-corrupt',
    hint: 'Check the disk; then treat it as lost: empty it and let `holdfast rebuild --replace` use it as a new one.',
    context: { disk: path },
  });
}

function unknownVersion(path: string, found: number): HoldfastError {
  return new HoldfastError('invalid', `the label of disk ${path} has version ${found}; this holdfast knows ${version}`, {
    code: 'disk-label-version',
    hint: 'Use the version of holdfast that wrote it, or a newer one.',
    context: { disk: path, found },
  });
}
