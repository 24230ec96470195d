// The erasure code with its checksums through the addon, on one core, in the shapes of four disks: what a segment costs to encode, and to
// decode when as many shards are lost as may be.
import { cellBytes } from '../../../src/base/limits.js';
import { InlineCodec } from '../../../src/native/inline-codec.js';
import type { Results } from '../results.js';

const shardBytes = 8 * 1024 * 1024;
const secondsEach = 1;

export async function codec(results: Results, target: string): Promise<void> {
  const inline = new InlineCodec();
  for (const [k, r] of [
    [3, 1],
    [2, 2],
  ] as const) {
    const shards = Array.from({ length: k + r }, (_, index) => Buffer.alloc(shardBytes, index * 37 + 1));
    const tables = shards.map(() => Buffer.alloc((4 * shardBytes) / cellBytes));
    const seeds = shards.map((_, index) => index);
    const [data, parity] = [shards.slice(0, k), shards.slice(k)];
    results.add(target, `encode ${k} + ${r} with checksums, a core`, 'GB/s', await rate(k, () => inline.encode({ k, data, parity, tables, seeds })));
    const out = data.slice(0, r).map(() => Buffer.alloc(shardBytes));
    const present = shards.map((_, index) => index).slice(r);
    results.add(target, `decode ${k} + ${r}, ${r} lost, a core`, 'GB/s', await rate(k, () => inline.decode({ k, present, shards: shards.slice(r), wanted: Array.from({ length: r }, (_, index) => index), out })));
    if (!out.every((made, index) => made.equals(shards[index] ?? Buffer.alloc(0)))) throw new Error('decoding gave something else');
  }
}

/** Bytes of data a second of processor time: how busy the machine is does not matter. */
async function rate(k: number, action: () => Promise<void>): Promise<number> {
  await action();
  const [begun, spent] = [performance.now(), process.cpuUsage()];
  let times = 0;
  for (; performance.now() - begun < 1000 * secondsEach; times++) await action();
  const { user, system } = process.cpuUsage(spent);
  return (times * k * shardBytes) / 1e3 / (user + system);
}
