// holdfast flush: moves what is not in the backup there, through the daemon when mounted, else by itself. Made for cron: --if-due.
import type { FlushOptions, FlushProgress, FlushReport } from '../../volume/contract.js';
import { formatBytes, formatDuration } from '../../config/units.js';
import { secondsOf, SystemClock } from '../../base/clock.js';
import { ScheduleTrigger } from '../../daemon/schedule-trigger.js';
import type { OpenVolume } from '../../volume/status.js';
import { type Command, flag, jsonOption, text, type Values, volumeArgument } from '../command.js';
import { showLost } from '../lost.js';
import type { Output } from '../output.js';
import { perhapsMounted, withDaemon, withOpenVolume } from '../volume.js';

export const flush: Command = {
  usage: 'flush <name>',
  summary: 'bring the backup up to date, mounted or not',
  examples: [
    ['flush photos', ''],
    ['flush photos --if-due', 'for cron: only when a condition of the configuration holds'],
  ],
  options: (parser) => jsonOption(volumeArgument(parser)).option('if-due', { type: 'boolean', default: false, describe: 'do nothing unless a flush condition holds' })
      .option('past-damaged-root', { type: 'boolean', default: false, describe: 'go on behind a damaged last entry of the backup: no other machine owns the volume' }),
  run,
};

interface Outcome {
  readonly flushed: boolean;
  readonly reasons: readonly string[];
  readonly report?: FlushReport;
}

async function run(values: Values, output: Output): Promise<number> {
  const volume = perhapsMounted(text(values, 'name'));
  const ifDue = flag(values, 'if-due');
  const options: FlushOptions = { pastDamagedRoot: flag(values, 'past-damaged-root') };
  const progress = output.progress();
  try {
    const outcome = await withDaemon(
      volume,
      async (client) => (await client.call('flush', { ifDue, ...options }, { progress: progress.report })) as Outcome, // our own daemon's answer
      ({ settings }) => withOpenVolume(settings, 'flush', output, (open) => flushOffline(open, settings.flush.schedule, ifDue, progress.report, options)),
    );
    progress.end();
    show(outcome, output);
    return (outcome.report?.lacks.segments ?? 0) === 0 ? 0 : 1;
  } finally {
    progress.end();
  }
}

async function flushOffline(volume: OpenVolume, schedule: string | null, ifDue: boolean, progress: FlushProgress, options: FlushOptions): Promise<Outcome> {
  if (!ifDue) return { flushed: true, reasons: ['by hand'], report: await volume.flush(progress, options) };
  const lastRoot = volume.view.lastRoot();
  const scheduled = new ScheduleTrigger(new SystemClock(), lastRoot === null ? 0 : secondsOf(lastRoot.time)).reason(schedule, volume.backlog().deltas > 0);
  const reasons = [...volume.due(), ...(scheduled === null ? [] : [scheduled])];
  if (reasons.length === 0) return { flushed: false, reasons };
  return { flushed: true, reasons, report: await volume.flush(progress, options) };
}

function show({ flushed, reasons, report }: Outcome, output: Output): void {
  output.document({ flushed, reasons, ...(report === undefined ? {} : { report }) });
  if (!flushed || report === undefined) {
    output.line('nothing is due');
    return;
  }
  output.line(`${report.deltas} deltas of ${report.files} files migrated: ${formatBytes(report.bytes)} in ${formatDuration(report.elapsedMs / 1000)} (${report.segmentsUploaded} segments, image ${formatBytes(report.imageBytes)})`);
  if (report.root !== null) output.line(`root ${report.root.sequence}${report.lacks.segments === 0 ? '' : `, which lacks ${report.lacks.segments} segments; everything else is in the backup`}`);
  showLost(report.lacks.ranges, output);
  if (report.lacks.more) output.line('  and more: holdfast rebuild --dry-run names them all');
}
