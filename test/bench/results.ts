// Collects figures by metric and target over the repeats, and shows them: medians, spread, and the ratio to native of the same repeat.
// Spread is half the distance between the largest and the smallest value over the median.

export type Unit = 'MB/s' | '/s' | 's' | 'ms' | 'us' | 'x' | 'MB';

interface Metric {
  readonly unit: Unit;
  readonly native: number[];
  readonly holdfast: number[];
}

export interface Row {
  readonly metric: string;
  readonly unit: Unit;
  readonly native: number | null;
  readonly holdfast: number | null;
  /** Share of the median. */
  readonly nativeSpread: number;
  readonly holdfastSpread: number;
  /** Above 1: better than native. */
  readonly ratio: number | null;
  readonly n: number;
  readonly values: { readonly native: readonly number[]; readonly holdfast: readonly number[] };
}

/** Of these, less is better. */
const times: readonly Unit[] = ['s', 'ms', 'us'];

export class Results {
  readonly #metrics = new Map<string, Metric>();
  readonly #progress: (line: string) => void;

  constructor(progress: (line: string) => void) {
    this.#progress = progress;
  }

  add(target: 'native' | 'holdfast', metric: string, unit: Unit, value: number, note = ''): void {
    const found = this.#metrics.get(metric) ?? { unit, native: [], holdfast: [] };
    found[target].push(value);
    this.#metrics.set(metric, found);
    this.#progress(`  ${target.padEnd(9)}${metric.padEnd(36)}${figure(value).padStart(10)} ${unit.padEnd(5)} ${note}`);
  }

  rows(): readonly Row[] {
    return [...this.#metrics].map(([metric, { unit, native, holdfast }]) => ({
      metric,
      unit,
      native: median(native),
      holdfast: median(holdfast),
      nativeSpread: spreadOf(native),
      holdfastSpread: spreadOf(holdfast),
      ratio: median(native.flatMap((value, at) => ratioOf(unit, value, holdfast[at]))),
      n: holdfast.length,
      values: { native, holdfast },
    }));
  }

  table(): string {
    const lines = [['', 'unit', 'native xfs', '', 'holdfast', '', 'ratio']];
    for (const row of this.rows()) {
      lines.push([row.metric, row.unit, figure(row.native), percent(row.nativeSpread), figure(row.holdfast), percent(row.holdfastSpread), row.ratio === null ? '' : row.ratio.toFixed(2)]);
    }
    const widths = lines.reduce<number[]>((most, line) => line.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), []);
    return lines.map((line) => line.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')).join('\n');
  }
}

function ratioOf(unit: Unit, native: number, holdfast: number | undefined): readonly number[] {
  if (holdfast === undefined || native === 0 || holdfast === 0) return [];
  return [times.includes(unit) ? native / holdfast : holdfast / native];
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

function spreadOf(values: readonly number[]): number {
  const middle = median(values);
  return middle === null || middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2 / middle;
}

function percent(share: number): string {
  return share === 0 ? '' : `±${(100 * share).toFixed(0)} %`;
}

function figure(value: number | null): string {
  if (value === null) return '-';
  if (value >= 100) return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}
