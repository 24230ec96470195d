// How long the operations of one disk take: of the recent ones the usual and the longest, and how much of the last minutes passed in slow ones.
// Bounded, and a few steps for each operation.
import type { Clock } from '../base/clock.js';
import type { DiskOperation } from './wrapped-disk.js';

export interface LatencyFigures {
  readonly operations: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** null: there was none lately. */
export interface DiskLatency {
  readonly read: LatencyFigures | null;
  /** What is waited for until it is durable: shards, and syncs of the journal. */
  readonly write: LatencyFigures | null;
}

const kinds: Readonly<Partial<Record<DiskOperation, 'read' | 'write'>>> = {
  read: 'read',
  'read-all': 'read',
  'read-cells': 'read',
  create: 'write',
  replace: 'write',
  'log-write-durably': 'write',
  'log-sync': 'write',
};

/** Of each kind; none that is older than this. */
const recentMax = 512;
const recentMs = 5 * 60_000;
/** What takes so long is slow; a disk that wakes up is, once. */
export const slowOperationMs = 2_000;
const slicesOfWindow = 10;
const sliceMs = recentMs / slicesOfWindow;

export class DiskMeter {
  readonly #clock: Clock;
  readonly #recent = { read: new Recent(), write: new Recent() };
  /** Slow time by slice of the clock. */
  readonly #slowMs = new Map<number, number>();
  /** Up to here slow time is counted: operations that wait side by side are one wait. */
  #countedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It has just ended, well or not. */
  ended(operation: DiskOperation, durationMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const kind = kinds[operation];
    if (kind !== undefined) this.#recent[kind].add(durationMs, nowMs);
    if (durationMs >= slowOperationMs) this.#slow(durationMs, nowMs);
  }

  latency(): DiskLatency {
    const sinceMs = this.#clock.monotonicMs() - recentMs;
    return { read: this.#recent.read.figures(sinceMs), write: this.#recent.write.figures(sinceMs) };
  }

  /** Of the last five minutes, those that passed in operations that took two seconds and more. */
  slowMs(): number {
    const oldest = Math.floor(this.#clock.monotonicMs() / sliceMs) - slicesOfWindow;
    let sum = 0;
    for (const [slice, ms] of this.#slowMs) {
      if (slice > oldest) sum += ms;
      else this.#slowMs.delete(slice);
    }
    return sum;
  }

  #slow(durationMs: number, nowMs: number): void {
    const slice = Math.floor(nowMs / sliceMs);
    const ms = nowMs - Math.max(nowMs - durationMs, this.#countedMs);
    this.#countedMs = nowMs;
    this.#slowMs.set(slice, (this.#slowMs.get(slice) ?? 0) + ms);
    if (this.#slowMs.size > 2 * slicesOfWindow) this.slowMs();
  }
}

class Recent {
  readonly #durationsMs = new Float64Array(recentMax);
  readonly #endedMs = new Float64Array(recentMax).fill(Number.NEGATIVE_INFINITY);
  #next = 0;

  add(durationMs: number, nowMs: number): void {
    this.#durationsMs[this.#next] = durationMs;
    this.#endedMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % recentMax;
  }

  figures(sinceMs: number): LatencyFigures | null {
    const sorted = this.#durationsMs.filter((_, index) => (this.#endedMs[index] ?? 0) >= sinceMs).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return sorted.length === 0 ? null : { operations: sorted.length, medianMs: at(0.5), p99Ms: at(0.99) };
  }
}
