// A pack: one immutable object that holds pieces of skeleton images (chunks and tree nodes), each a header and a zstd frame.
// header (64 bytes) | piece | piece | ... A piece proves itself by the SHA-256 of what it unpacks to. Bytes: docs/format/backup.md.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import type { GenerationId, Lsn, VolumeId } from '../base/ids.js';
import { crc32c } from '../native/checksum.js';

export const packHeaderBytes = 64;
export const pieceHeaderBytes = 48;
export const hashBytes = 32;

const packMagic = Buffer.from('HFPACK1\0', 'latin1');

/** What a piece is: part of the database file, or a node of the tree over those parts. */
export type PieceKind = 'chunk' | 'leaf' | 'root';
const kindNumbers: Record<PieceKind, number> = { chunk: 1, leaf: 2, root: 3 };

/** Where a piece is and what it unpacks to. `length` counts its header. */
export interface PieceReference {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  /** Bytes when unpacked. */
  readonly rawBytes: number;
  /** SHA-256 of the unpacked bytes. */
  readonly hash: Buffer;
}

export interface PieceHeader {
  readonly kind: PieceKind;
  /** Chunk or leaf number; 0 for the root. */
  readonly index: number;
  readonly packedBytes: number;
  readonly rawBytes: number;
  readonly hash: Buffer;
}

export function encodePackHeader(volume: VolumeId, generation: GenerationId, lsn: Lsn): Buffer {
  const block = Buffer.alloc(packHeaderBytes);
  packMagic.copy(block, 0);
  block.write(volume.replaceAll('-', ''), 8, 16, 'hex');
  block.write(generation, 24, 8, 'hex');
  block.writeBigUInt64LE(BigInt(lsn), 32);
  block.writeUInt32LE(crc32c(block.subarray(0, packHeaderBytes - 4)), packHeaderBytes - 4);
  return block;
}

export function encodePieceHeader(piece: PieceHeader): Buffer {
  assert(piece.hash.length === hashBytes, 'a hash has 32 bytes');
  const block = Buffer.alloc(pieceHeaderBytes);
  block.writeUInt32LE(kindNumbers[piece.kind], 0);
  block.writeUInt32LE(piece.index, 4);
  block.writeUInt32LE(piece.packedBytes, 8);
  block.writeUInt32LE(piece.rawBytes, 12);
  piece.hash.copy(block, 16);
  return block;
}

/** Header and frame of a piece that was read. 'corrupt' (image-piece) when it is not a whole piece of this kind and number. */
export function splitPiece(bytes: Buffer, kind: PieceKind, index: number): { readonly header: PieceHeader; readonly frame: Buffer } {
  if (bytes.length < pieceHeaderBytes) throw badPiece(`it has only ${bytes.length} bytes`);
  const header: PieceHeader = {
    kind,
    index,
    packedBytes: bytes.readUInt32LE(8),
    rawBytes: bytes.readUInt32LE(12),
    hash: bytes.subarray(16, 16 + hashBytes),
  };
  if (bytes.readUInt32LE(0) !== kindNumbers[kind] || bytes.readUInt32LE(4) !== index) throw badPiece(`it is not ${kind} ${index}`);
  if (bytes.length !== pieceHeaderBytes + header.packedBytes) throw badPiece(`it has ${bytes.length} of ${pieceHeaderBytes + header.packedBytes} bytes`);
  return { header, frame: bytes.subarray(pieceHeaderBytes) };
}

export function badPiece(reason: string): HoldfastError {
  return new HoldfastError('corrupt', `a piece of a skeleton image is damaged: ${reason}`, { code: 'image-piece' });
}
