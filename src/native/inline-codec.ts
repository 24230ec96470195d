// Codec on the caller's thread: same native code, no concurrency. For the simulation, whose order must not depend on
// threads, and for tools. Promises are settled when they are returned.
import { assert } from '../base/assert.js';
import { addon } from './addon.js';
import { badFrame, checkDecode, checkDecompress, checkEncode, pairs } from './codec-arguments.js';
import type { Codec, DecodeJob, EncodeJob } from './codec.js';

export class InlineCodec implements Codec {
  async encode(job: EncodeJob): Promise<void> {
    checkEncode(job);
    addon.encode(job.data, job.parity, job.tables, job.seeds);
  }

  async decode(job: DecodeJob): Promise<void> {
    checkDecode(job);
    const [error] = addon.decode(job.present, job.shards, job.wanted, job.out);
    assert(error === 0, 'any k Cauchy rows can be inverted');
  }

  async compress(pieces: readonly Buffer[]): Promise<readonly { readonly hash: Buffer; readonly packed: Buffer }[]> {
    const [error, flat] = addon.compress(pieces);
    assert(error === 0, 'there is memory to compress into');
    return pairs(flat);
  }

  async decompress(packed: Buffer, bytes: number): Promise<Buffer> {
    checkDecompress(bytes);
    const out = Buffer.allocUnsafeSlow(bytes);
    const [error] = addon.decompress(packed, out);
    if (error !== 0) throw badFrame();
    return out;
  }
}
