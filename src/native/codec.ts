// Port of the computing part of the addon: erasure code, CRC32C, cell tables, zstd. Two implementations:
// ThreadedCodec (native compute threads; the daemon) and InlineCodec (same native code, synchronous; simulation, tools).
//
// Erasure code: GF(2^8), polynomial 0x11d (ISA-L), systematic, Cauchy rows as gf_gen_cauchy1_matrix: row k+j, column i = inverse((k+j) xor i).
// Any k of the k + r shards decode, also when r is later reduced: rows do not depend on r.

export interface EncodeJob {
  readonly k: number;
  /** k data shards, each exactly `shardBytes` long (views into the segment buffer; the tail is zeroed by the caller). */
  readonly data: readonly Buffer[];
  /** m + e outputs of `shardBytes`. */
  readonly parity: readonly Buffer[];
  /** k + m + e outputs: one little-endian u32 CRC32C a cell, `4 * shardBytes / cellBytes` bytes each. */
  readonly tables: readonly Buffer[];
  /** Seed a shard, in the same order. Cell i of a shard: crc32c(cell, crc32c(u32le(i), seed)). */
  readonly seeds: readonly number[];
}

export interface DecodeJob {
  readonly k: number;
  /** Exactly k distinct shard indexes (0..k-1 data, then parity rows) that are there, and their bytes, all equally long. */
  readonly present: readonly number[];
  readonly shards: readonly Buffer[];
  /** Indexes to make (data or parity) and where to put them. */
  readonly wanted: readonly number[];
  readonly out: readonly Buffer[];
}

export interface Codec {
  /** Concurrent calls allowed; buffers must stay untouched until it resolves. */
  encode(job: EncodeJob): Promise<void>;
  decode(job: DecodeJob): Promise<void>;
  /** Hash (SHA-256) of each piece, and its zstd frame (level 3). Order kept. */
  compress(pieces: readonly Buffer[]): Promise<readonly { readonly hash: Buffer; readonly packed: Buffer }[]>;
  /** `bytes` is the exact decompressed size; anything else is 'corrupt' (zstd-frame). */
  decompress(packed: Buffer, bytes: number): Promise<Buffer>;
}
