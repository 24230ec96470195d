// Raw functions of native/glue/compute.cc: checksums, erasure code, compression, aligned memory.
// A plain one answers [error, result] at once (error 0: done); its ...Job twin answers through the listener.
import type { Batch } from './completion-table.js';

type Buffers = readonly Buffer[];
type Numbers = readonly number[];

export interface RawCompute {
  crc32c(data: Uint8Array, seed: number): number;
  verifyCells(data: Uint8Array, table: Uint8Array, firstCell: number, seed: number): number[];
  alignedBuffer(bytes: number): Buffer;

  computeListen(listener: (batch: Batch) => void): void;
  encode(data: Buffers, parity: Buffers, tables: Buffers, seeds: Numbers): readonly [number];
  encodeJob(token: number, data: Buffers, parity: Buffers, tables: Buffers, seeds: Numbers): void;
  decode(present: Numbers, shards: Buffers, wanted: Numbers, out: Buffers): readonly [number];
  decodeJob(token: number, present: Numbers, shards: Buffers, wanted: Numbers, out: Buffers): void;
  /** Result: hash, frame, hash, frame, ... */
  compress(pieces: Buffers): readonly [number, Buffer[]];
  compressJob(token: number, pieces: Buffers): void;
  decompress(packed: Buffer, out: Buffer): readonly [number];
  decompressJob(token: number, packed: Buffer, out: Buffer): void;
}
