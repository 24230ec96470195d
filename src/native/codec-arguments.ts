// What a codec asks of its jobs, in one place for both implementations. A violation is a bug of the caller, not an input error.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import { cellBytes, segmentBytesMax, shardsPerSegmentMax } from '../base/limits.js';
import type { DecodeJob, EncodeJob } from './codec.js';

/** A frame never gives more than this: a damaged size must not make us allocate without limit. */
const unpackedBytesMax = segmentBytesMax;

export function checkEncode(job: EncodeJob): void {
  const shards = job.data.length + job.parity.length;
  const shardBytes = job.data[0]?.length ?? 0;
  assert(job.k >= 1 && job.data.length === job.k, 'encode: k data shards');
  assert(shards <= shardsPerSegmentMax, 'encode: not too many shards');
  assert(job.tables.length === shards && job.seeds.length === shards, 'encode: a table and a seed for every shard');
  assert(shardBytes % cellBytes === 0, 'encode: shards are whole cells');
  assert([...job.data, ...job.parity].every((shard) => shard.length === shardBytes), 'encode: equal shards');
  assert(job.tables.every((table) => table.length === (4 * shardBytes) / cellBytes), 'encode: tables fit');
}

export function checkDecode(job: DecodeJob): void {
  const bytes = job.shards[0]?.length ?? 0;
  const isIndex = (index: number): boolean => Number.isInteger(index) && index >= 0 && index < shardsPerSegmentMax;
  assert(job.k >= 1 && job.present.length === job.k, 'decode: exactly k shards are given');
  assert(new Set(job.present).size === job.k, 'decode: distinct shards');
  assert(job.shards.length === job.k && job.out.length === job.wanted.length, 'decode: a buffer for every shard');
  assert([...job.present, ...job.wanted].every(isIndex), 'decode: indexes in range');
  assert([...job.shards, ...job.out].every((shard) => shard.length === bytes), 'decode: equal lengths');
}

export function checkDecompress(bytes: number): void {
  assert(Number.isInteger(bytes) && bytes >= 0, 'decompress: a size');
  if (bytes > unpackedBytesMax) throw badFrame();
}

export function badFrame(): HoldfastError {
  return new HoldfastError('corrupt', 'compressed data does not unpack to its recorded size', { code: 'zstd-frame' });
}

/** hash, frame, hash, frame, ... to pairs. */
export function pairs(flat: readonly Buffer[]): { readonly hash: Buffer; readonly packed: Buffer }[] {
  const result = [];
  for (let i = 0; i < flat.length; i += 2) {
    const [hash, packed] = [flat[i], flat[i + 1]];
    assert(hash !== undefined && packed !== undefined, 'compress gives pairs');
    result.push({ hash, packed });
  }
  return result;
}
