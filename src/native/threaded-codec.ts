// Codec on the addon's compute threads (one a processor), never on libuv's pool and never on the caller's thread.
// Stateless: any number of instances share the threads.
import { addon } from './addon.js';
import { assert } from '../base/assert.js';
import { badFrame, checkDecode, checkDecompress, checkEncode, pairs } from './codec-arguments.js';
import type { Codec, DecodeJob, EncodeJob } from './codec.js';
import { CompletionTable } from './completion-table.js';

/** Pieces of one compress job: enough to make a job worth its hand-over, few enough to spread over the threads. */
const piecesPerJob = 16;

const table = new CompletionTable();
addon.computeListen(table.deliver);

export class ThreadedCodec implements Codec {
  async encode(job: EncodeJob): Promise<void> {
    checkEncode(job);
    await table.run((token) => addon.encodeJob(token, job.data, job.parity, job.tables, job.seeds));
  }

  async decode(job: DecodeJob): Promise<void> {
    checkDecode(job);
    await table.run((token) => addon.decodeJob(token, job.present, job.shards, job.wanted, job.out));
  }

  async compress(pieces: readonly Buffer[]): Promise<readonly { readonly hash: Buffer; readonly packed: Buffer }[]> {
    const jobs: Promise<Buffer[]>[] = [];
    for (let at = 0; at < pieces.length; at += piecesPerJob) {
      const part = pieces.slice(at, at + piecesPerJob);
      jobs.push(table.run((token) => addon.compressJob(token, part)));
    }
    const done = (await Promise.all(jobs)).flatMap(pairs);
    assert(done.length === pieces.length, 'one result for every piece');
    return done;
  }

  async decompress(packed: Buffer, bytes: number): Promise<Buffer> {
    checkDecompress(bytes);
    const out = Buffer.allocUnsafeSlow(bytes);
    try {
      await table.run((token) => addon.decompressJob(token, packed, out));
    } catch {
      throw badFrame();
    }
    return out;
  }
}
