// How long one small operation takes while the volume is busy with something large: a stat beside a saturating write, an fsync beside
// sealing, flushing and publishing; and how late the daemon's event loop was in all of it.
import { join } from 'node:path';
import { client, clientNumbers, clientsTogether } from '../child.js';
import type { HoldfastTarget } from '../holdfast.js';
import { makeCold, type Stage } from '../stage.js';

/** Samples are taken every few milliseconds: enough of them for a 99th percentile. */
const idleSeconds = 3;
const busySecondsMax = 60;
const shares = [0.5, 0.9, 0.99, 0.999, 1];

export async function latency({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  const folder = join(target.folder, 'small');
  const files = sizes.smallFiles;
  await client({ work: 'make-folders', folder, files });
  await clientsTogether([{ work: 'create', folder, files, part: 0, parts: 1 }], () => undefined);
  await makeCold(target);
  const write = (name: string) => client({ work: 'write', path: join(target.folder, name), mebibytes: sizes.bigMebibytes });
  const stats = await beside({ work: 'sample-stats', folder, files, seconds: busySecondsMax }, () => write('big'));
  results.add(target.name, 'stat during a sequential write, p99', 'ms', percentile(stats, 0.99), null, `${stats.length} samples`);
  results.curve(curveOf, 'stat during a sequential write', points(stats));

  const idle = durations(await clientNumbers({ work: 'sample-fsyncs', path: join(target.folder, 'idle'), seconds: idleSeconds }));
  results.add(target.name, 'fsync of 4 KiB, idle, p99', 'ms', percentile(idle, 0.99), null, `${idle.length} samples`);
  results.curve(curveOf, 'fsync, idle', points(idle));
  const busy = await beside({ work: 'sample-fsyncs', path: join(target.folder, 'busy'), seconds: busySecondsMax }, async () => {
    await target.flush();
    await write('second');
    await target.flush();
  });
  results.add(target.name, 'fsync of 4 KiB, sealing and flushing, p99', 'ms', percentile(busy, 0.99), null, `${busy.length} samples`);
  results.add(target.name, 'fsync, sealing and flushing over idle', 'x', percentile(busy, 0.99) / percentile(idle, 0.99));
  results.curve(curveOf, 'fsync, sealing and flushing', points(busy));
  results.add(target.name, 'event loop, latest', 'ms', await target.largestLoopDelayMs());
}

const curveOf = { title: 'Latency percentiles', x: 'percentile', y: 'ms' } as const;

/** Samples that began while `load` ran. */
async function beside(request: Parameters<typeof clientNumbers>[0] & { readonly seconds: number }, load: () => Promise<unknown>): Promise<readonly number[]> {
  let [begunMs, endedMs] = [0, Number.POSITIVE_INFINITY];
  const sampling = clientNumbers(request);
  begunMs = monotonicMs();
  await load();
  endedMs = monotonicMs();
  const samples = await sampling;
  return samples.filter((_, at) => at % 2 === 1 && within(samples[at - 1], begunMs, endedMs));
}

function within(ms: number | undefined, from: number, to: number): boolean {
  return ms !== undefined && ms >= from && ms <= to;
}

function durations(samples: readonly number[]): readonly number[] {
  return samples.filter((_, at) => at % 2 === 1);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function points(values: readonly number[]): readonly (readonly [number, number])[] {
  return shares.map((share) => [100 * share, percentile(values, share)]);
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
