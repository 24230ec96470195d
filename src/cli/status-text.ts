// How a status looks as text: what the user most needs to know first, in the words of the glossary.
import pc from 'picocolors';
import { formatBytes, formatDuration } from '../config/units.js';
import type { LatencyFigures } from '../disk/disk-meter.js';
import type { ScrubStatus, ScrubSummary } from '../volume/scrub-report.js';
import type { AnyStatus } from './commands/status.js';
import type { Output } from './output.js';

/** `now`: seconds since 1970. */
export function showStatus(status: AnyStatus, now: number, output: Output): void {
  const { backlog, lastRoot, redundancy, space, backup, lastFlush } = status;
  output.line(`${pc.bold(status.name)}  ${stateText(status)}${status.mountpoint === null ? '' : ` at ${status.mountpoint} (${status.readOnly ? 'read-only, ' : ''}pid ${status.pid}, for ${formatDuration(status.uptimeSeconds ?? 0)})`}`);
  output.line(`protection  ${redundancy.held ? pc.green('as configured') : pc.red('LESS THAN CONFIGURED')}: ${redundancy.promise}; ${redundancy.remainingTolerance} more may be lost`);
  for (const reason of redundancy.reasons) output.line(`            ${reason}`);
  const segments = segmentsText(status.segments);
  if (segments !== '') output.line(`segments    ${segments}`);
  output.line(`backlog     ${formatBytes(backlog.bytes)} in ${backlog.deltas} deltas of ${backlog.files} files${backlog.deltas === 0 ? '' : `, oldest ${formatDuration(backlog.ageSeconds)}`}${backlog.budgetBytes === null ? '' : ` (budget ${formatBytes(backlog.budgetBytes)})`}`);
  output.line(`backup      ${backup === null ? 'none' : `${backup.description}${backup.reachable ? '' : pc.red(` NOT REACHABLE: ${backup.lastError ?? ''}`)}`}`);
  output.line(`last root   ${lastRoot === null ? 'none yet' : `${lastRoot.sequence}, ${new Date(lastRoot.time * 1000).toISOString()}, ${lastRoot.deltas} deltas of ${lastRoot.files} files`}`);
  if (lastFlush !== null && !lastFlush.ok) output.line(`last flush  ${pc.red('failed')}: ${lastFlush.error ?? ''}`);
  if (status.flushing) output.line('flush       running');
  else if (status.due.length > 0) output.line(`flush       due: ${status.due.join(', ')}`);
  for (const line of scrubLines(status.scrub)) output.line(line);
  output.line(`space       ${formatBytes(space.freeBytes)} free of ${formatBytes(space.totalBytes)}, ${space.files} files, journal ${formatBytes(status.journal.bytes)}`);
  for (const hook of status.hooks) {
    if (hook.failed > 0 || hook.lastError !== null) output.line(`${pc.red('hook')}        ${hook.kind}: ${hook.told} told, ${hook.failed} NOT told, ${hook.waiting} waiting${hook.lastError === null ? '' : `; last: ${hook.lastError}`}`);
  }
  for (const reminder of status.reminders) output.line(`${pc.yellow('note')}        ${reminder}`);
  output.line('');
  output.table(
    ['DISK', 'STATE', 'SINCE', 'FREE', 'OF', 'READ', 'WRITE', 'ERRORS', 'REASON'],
    status.disks.map((disk) => [disk.path, disk.state, `${formatDuration(Math.max(0, now - disk.since))} ago`, formatBytes(disk.freeBytes), formatBytes(disk.totalBytes), latencyText(disk.latency?.read), latencyText(disk.latency?.write), disk.errors, disk.reason]),
  );
}

function scrubLines({ periodSeconds, running, last }: ScrubStatus): readonly string[] {
  const found = (scrub: ScrubSummary): string => (scrub.found === 0 ? 'nothing found' : `${scrub.found} found, ${scrub.healed} healed${scrub.lostRanges === 0 ? '' : pc.red(`, ${scrub.lostRanges} ranges LOST`)}`);
  const lines = [last === null ? 'none yet' : `${new Date((last.endedAt ?? 0) * 1000).toISOString()}, ${formatBytes(last.bytes)}: ${found(last)}`];
  if (running !== null) {
    const share = Math.floor((100 * running.doneBytes) / Math.max(1, running.totalBytes));
    const pace = running.byHand ? 'by hand' : periodSeconds === null ? 'goes on by hand only' : running.waitsFor === null ? `one in ${formatDuration(periodSeconds)}` : `waits: ${running.waitsFor}`;
    lines.push(`${share} % of the next one (${pace}): ${found(running)}`);
  } else if (periodSeconds === null) lines.push('only by hand');
  return lines.map((line, index) => `${index === 0 ? 'last scrub  ' : '            '}${line}`);
}

export interface OverviewRow {
  readonly name: string;
  readonly state: string;
  readonly mountpoint: string | null;
  readonly pid: number | null;
  readonly held: boolean;
  readonly backlogBytes: number | null;
  readonly note: string;
}

export function showOverview(rows: readonly OverviewRow[], configDir: string, output: Output): void {
  if (rows.length === 0) {
    output.line(`no volume is configured in ${configDir}; holdfast init NAME --disk DIR... makes one`);
    return;
  }
  output.table(
    ['VOLUME', 'STATE', 'MOUNTED AT', 'BACKLOG', 'NOTE'],
    rows.map((row) => [row.name, row.state, row.mountpoint ?? '-', row.backlogBytes === null ? '-' : formatBytes(row.backlogBytes), row.note]),
  );
}

/** The weakest first. */
function segmentsText({ spares, complete }: AnyStatus['segments']): string {
  const parts = spares.map(({ spare, onlyHere, inBackup }) => {
    const count = `${onlyHere + inBackup}${onlyHere === 0 ? '' : ` (${onlyHere} only here)`}`;
    if (spare < 0) return pc.red(`${count} have TOO FEW shards on the disks`);
    return spare === 0 ? pc.yellow(`${count} can lose no disk`) : `${count} can lose ${spare} more`;
  });
  return `${parts.join(', ')}${complete ? '' : ' (still being counted)'}`;
}

/** Median and 99th percentile. */
function latencyText(figures: LatencyFigures | null | undefined): string {
  const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  return figures === null || figures === undefined ? '-' : `${ms(figures.medianMs)}/${ms(figures.p99Ms)} ms`;
}

function stateText({ state }: AnyStatus): string {
  if (state === 'serving') return pc.green(state);
  return state === 'unmounted' ? state : pc.red(state);
}
