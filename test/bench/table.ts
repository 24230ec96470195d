// The outcome as text: a row for each metric with everybody's median, the bar and how far Holdfast is; then what reached the disks.
import { judge } from './bars.js';
import { figure, median, type Metric, type Results, spreadOf } from './results.js';

/** From here a spread is worth a word. */
const spreadShown = 0.15;

/** Bars are for disks on RAM. */
export function table(results: Results, targets: readonly string[], withBars: boolean): string {
  const rows = results.metrics.map((metric) => {
    const verdict = withBars ? judge(results, metric.name) : null;
    const last = verdict === null ? ['', ''] : [`${verdict.sense === 'at least' ? '>=' : '<='} ${figure(verdict.bar)}`, `${verdict.reached.toFixed(2)} ${verdict.reached >= 1 ? 'reached' : 'MISSED'}`];
    return [metric.name, metric.unit, ...targets.map((target) => cell(metric, target)), ...last];
  });
  return aligned([['', 'unit', ...targets, 'bar', 'of the bar'], ...rows]);
}

/** What reached the disks, one row for each metric where that was looked at; '' where it never was. */
export function evidence(results: Results, targets: readonly string[]): string {
  const rows = results.metrics
    .filter((metric) => [...metric.series.values()].some((series) => series.went.length > 0))
    .map((metric) => [
      metric.name,
      ...targets.map((target) => {
        const went = metric.series.get(target)?.went ?? [];
        const of = (key: 'writtenBytes' | 'readBytes' | 'flushes'): number => median(went.map((each) => each[key])) ?? 0;
        return went.length === 0 ? '-' : `${figure(of('writtenBytes') / 1e6)} / ${figure(of('readBytes') / 1e6)} / ${of('flushes').toFixed(0)}`;
      }),
    ]);
  if (rows.length === 0) return '';
  return aligned([['on the disks: MB written / MB read / flushes', ...targets], ...rows]);
}

function cell(metric: Metric, target: string): string {
  const values = metric.series.get(target)?.values ?? [];
  if (values.length === 0) return '-';
  const spread = spreadOf(values);
  const native = median(metric.series.get('native')?.values ?? []);
  const middle = median(values);
  const ratio = target === 'native' || native === null || middle === null || native === 0 ? '' : ` (${(middle / native).toFixed(2)})`;
  return `${figure(middle)}${ratio}${spread >= spreadShown ? ` ±${(100 * spread).toFixed(0)} %` : ''}`;
}

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines.reduce<number[]>((most, line) => line.map((text, at) => Math.max(most[at] ?? 0, text.length)), []);
  const pad = (text: string, at: number): string => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0));
  return lines
    .map((line) => `| ${line.map(pad).join(' | ')} |`)
    .toSpliced(1, 0, `|${widths.map((width, at) => `${'-'.repeat(width + 1)}${at === 0 ? '-' : ':'}`).join('|')}|`)
    .join('\n');
}
