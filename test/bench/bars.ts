// What Holdfast has to reach, metric by metric. A bar stands by itself, or is a share of what somebody reached in the same run: the best of
// the file systems that only pass through, btrfs, or Holdfast itself at another metric.
import type { Results } from './results.js';

export interface Bar {
  readonly metric: string;
  readonly sense: 'at least' | 'at most';
  readonly value: number | { readonly times: number; readonly of: readonly string[]; readonly metric?: string };
}

const holdfast = 'holdfast';
const passthroughs = ['passthrough', 'bindfs', 'mergerfs'];

export const bars: readonly Bar[] = [
  { metric: 'sequential write + fsync', sense: 'at least', value: { times: 0.95, of: ['btrfs'] } },
  { metric: 'disk bytes per byte, write + fsync', sense: 'at most', value: 2.05 },
  { metric: 'disk bytes per byte, tolerance 2', sense: 'at most', value: 2.05 },
  { metric: 'disk bytes per byte, tolerance 1', sense: 'at most', value: 1.4 },
  { metric: 'written over what parity needs, tolerance 2', sense: 'at most', value: 1.02 },
  { metric: 'written over what parity needs, tolerance 1', sense: 'at most', value: 1.02 },
  { metric: 'sequential read, cold', sense: 'at least', value: { times: 1.3, of: passthroughs } },
  { metric: 'sequential read, warm', sense: 'at least', value: 8000 },
  { metric: 'sequential read, cold, a disk gone', sense: 'at least', value: { times: 0.6, of: [holdfast], metric: 'sequential read, cold' } },
  { metric: 'create 4 KiB files, one process', sense: 'at least', value: { times: 1.6, of: passthroughs } },
  { metric: 'stat, cold', sense: 'at least', value: { times: 1.6, of: passthroughs } },
  { metric: 'list names, cold', sense: 'at least', value: 350_000 },
  { metric: 'delete', sense: 'at least', value: { times: 1.4, of: passthroughs } },
  { metric: 'untar + sync', sense: 'at most', value: 2.2 },
  { metric: 'git clone + sync', sense: 'at most', value: 1.0 },
  { metric: 'SQLite, WAL, FULL', sense: 'at least', value: 3000 },
  { metric: 'SQLite, DELETE, FULL', sense: 'at least', value: 900 },
  { metric: 'create 4 KiB files, four processes', sense: 'at least', value: 13_000 },
  { metric: 'read 4 KiB files, cold', sense: 'at least', value: 9000 },
  { metric: 'rm -rf + sync', sense: 'at most', value: 1.0 },
  { metric: 'random read 4 KiB, QD1', sense: 'at least', value: 30_000 },
  { metric: 'random read 4 KiB, QD16', sense: 'at least', value: 50_000 },
  { metric: 'random write 4 KiB, fsync each', sense: 'at least', value: 4000 },
  { metric: 'random write 4 KiB, one fsync', sense: 'at least', value: 30_000 },
  { metric: 'stat during a sequential write, p99', sense: 'at most', value: 5 },
  { metric: 'fsync, sealing and flushing over idle', sense: 'at most', value: 3 },
  // A turn of 50 ms is seen as one of 40 to 50.
  { metric: 'event loop, latest', sense: 'at most', value: 40 },
  { metric: 'encode 3 + 1 with checksums, a core', sense: 'at least', value: 5 },
  { metric: 'encode 2 + 2 with checksums, a core', sense: 'at least', value: 5 },
  { metric: 'decode 3 + 1, 1 lost, a core', sense: 'at least', value: 5 },
  { metric: 'decode 2 + 2, 2 lost, a core', sense: 'at least', value: 5 },
  { metric: 'rebuild of a lost disk', sense: 'at least', value: 500 },
  { metric: 'flush to S3', sense: 'at least', value: { times: 0.7, of: [holdfast], metric: 'S3 SDK alone, put' } },
  { metric: 'restore from S3', sense: 'at least', value: { times: 0.7, of: [holdfast], metric: 'S3 SDK alone, get' } },
  { metric: 'flush of one changed file', sense: 'at most', value: 2 },
  { metric: 'flush of one changed file: requests', sense: 'at most', value: 19 },
  { metric: 'mount of many files after a clean end', sense: 'at most', value: 1 },
  { metric: 'mount of many files after kill -9', sense: 'at most', value: 1 },
  { metric: 'mount of many files after a power loss', sense: 'at most', value: 10 },
  { metric: 'memory of the daemon, peak', sense: 'at most', value: 400 },
];

export interface Judgement {
  readonly sense: Bar['sense'];
  readonly bar: number;
  /** How far: 1 is the bar, above it is better. */
  readonly reached: number;
}

/** Null where there is no bar, nothing was measured, or nobody it is measured against took part. */
export function judge(results: Results, metric: string): Judgement | null {
  const found = bars.find((bar) => bar.metric === metric);
  const value = results.median(holdfast, metric);
  if (found === undefined || value === null || value === 0) return null;
  const bar = barOf(found, results);
  if (bar === null) return null;
  return { sense: found.sense, bar, reached: found.sense === 'at least' ? value / bar : bar / value };
}

function barOf({ metric, value }: Bar, results: Results): number | null {
  if (typeof value === 'number') return value;
  const reached = value.of.map((target) => results.median(target, value.metric ?? metric)).filter((each) => each !== null);
  return reached.length === 0 ? null : value.times * Math.max(...reached);
}
