// Collects figures by metric and target over the repeats, with what reached the disks meanwhile, and what was found to be untrue about a
// measurement: a read that was to be cold and came from memory, an fsync that no disk heard of.
import type { Axes, Curve } from './plots.js';
import type { DiskTraffic } from './rig.js';

export type Unit = 'MB/s' | 'GB/s' | '/s' | 's' | 'ms' | 'us' | 'x' | 'MB' | 'KiB' | 'requests' | 'bytes';

export interface Series {
  readonly values: number[];
  /** What reached the disks in each repeat, where that was looked at. */
  readonly went: DiskTraffic[];
}

export interface Metric {
  readonly name: string;
  readonly unit: Unit;
  readonly series: Map<string, Series>;
}

export class Results {
  readonly #metrics = new Map<string, Metric>();
  readonly #curves = new Map<string, { readonly axes: Axes; readonly lines: Map<string, readonly (readonly [number, number])[]> }>();
  readonly #findings = new Set<string>();
  readonly #progress: (line: string) => void;

  constructor(progress: (line: string) => void) {
    this.#progress = progress;
  }

  add(target: string, name: string, unit: Unit, value: number, went: DiskTraffic | null = null, note = ''): void {
    const metric = this.#metrics.get(name) ?? { name, unit, series: new Map<string, Series>() };
    const series = metric.series.get(target) ?? { values: [], went: [] };
    series.values.push(value);
    if (went !== null) series.went.push(went);
    metric.series.set(target, series);
    this.#metrics.set(name, metric);
    const disks = went === null ? '' : `disks: ${megabytes(went.writtenBytes)} written, ${megabytes(went.readBytes)} read, ${went.flushes} flushes`;
    this.#progress(`  ${target.padEnd(12)}${name.padEnd(36)}${figure(value).padStart(10)} ${unit.padEnd(5)} ${[disks, note].filter((part) => part !== '').join('; ')}`);
  }

  /** Of several repeats the last one stays. */
  curve(axes: Axes, name: string, points: readonly (readonly [number, number])[]): void {
    const found = this.#curves.get(axes.title) ?? { axes, lines: new Map() };
    found.lines.set(name, points);
    this.#curves.set(axes.title, found);
  }

  get curves(): readonly Curve[] {
    return [...this.#curves.values()];
  }

  /** The work of a measurement was not real. */
  find(target: string, finding: string): void {
    this.#findings.add(`${target}: ${finding}`);
    this.#progress(`  ${target.padEnd(12)}NOT REAL: ${finding}`);
  }

  get metrics(): readonly Metric[] {
    return [...this.#metrics.values()];
  }

  get findings(): readonly string[] {
    return [...this.#findings];
  }

  median(target: string, name: string): number | null {
    return median(this.#metrics.get(name)?.series.get(target)?.values ?? []);
  }
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

/** Half the distance between the largest and the smallest value, as a share of the median. */
export function spreadOf(values: readonly number[]): number {
  const middle = median(values);
  return middle === null || middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2 / middle;
}

export function figure(value: number | null): string {
  if (value === null) return '-';
  if (value >= 100) return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
