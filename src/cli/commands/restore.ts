// holdfast restore: a volume from its backup alone, onto empty disks of a bare machine; writes the configuration file last.
import { writeSettingsFile } from '../../config/settings-text.js';
import { formatBytes, formatDuration } from '../../config/units.js';
import type { RestoreReport, RestoreRequest } from '../../recovery/contract.js';
import { type Command, diskOption, jsonOption, optionalCount, optionalText, text, texts, type Values, volumeArgument } from '../command.js';
import { showLost } from '../lost.js';
import { backupOf, checkNewSettings, newSettings, schemeOf, withNewStateDir } from '../new-volume.js';
import type { Output } from '../output.js';
import { UsageError } from '../usage-error.js';
import { commandIo } from '../volume.js';

export const restore: Command = {
  usage: 'restore <name>',
  summary: 'bring a volume back from its backup onto empty disks',
  examples: [
    ['restore photos --from s3://bucket/photos --disk /mnt/a/hf /mnt/b/hf /mnt/c/hf /mnt/d/hf', 'the newest root'],
    ['restore photos --from file:///mnt/nas/photos --disk /mnt/a/hf /mnt/b/hf --parity 1 --tolerance 1', 'another shape than before'],
    ['restore photos --from s3://bucket/photos --disk /mnt/a/hf --at 2026-07-01T12:00:00Z', 'as it was at a time'],
  ],
  options: (parser) =>
    jsonOption(diskOption(volumeArgument(parser), true))
      .option('from', { type: 'string', demandOption: true, describe: 's3://bucket/prefix or file:///dir' })
      .option('at', { type: 'string', describe: 'sequence number of a root, or a time (ISO 8601)' })
      .option('endpoint', { type: 'string', describe: 'URL of an S3-compatible store' })
      .option('region', { type: 'string', describe: 'region of the bucket' })
      .option('profile', { type: 'string', describe: 'profile of the AWS credentials file' })
      .option('parity', { type: 'string', describe: 'default: as before' })
      .option('tolerance', { type: 'string', describe: 'default: as before' })
      .option('scheme', { type: 'string', describe: 'default: as before' })
      .option('journal-disk', { type: 'string', array: true, describe: 'dedicated journal disks' })
      .option('allow-shared-device', { type: 'boolean', default: false, describe: 'accept disks on one device (they die together)' })
      .option('state-dir', { type: 'string', describe: 'folder of the live database, lock, socket and log' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const backup = backupOf(values, text(values, 'from'));
  if (backup === null) throw new UsageError('--from must be s3://bucket/prefix or file:///dir');
  const base = newSettings(values, text(values, 'name'), texts(values, 'disk'), backup, texts(values, 'journal-disk'));
  const request: RestoreRequest = {
    settings: { ...base, parity: optionalCount(values, 'parity'), tolerance: optionalCount(values, 'tolerance'), scheme: schemeOf(values) },
    at: pointInTime(optionalText(values, 'at')),
  };
  // The shape may come from the root; what it must fit to is checked here with the least there is.
  checkNewSettings({ ...base, parity: request.settings.parity ?? 0, tolerance: request.settings.tolerance ?? request.settings.parity ?? 0, scheme: request.settings.scheme ?? 'parity' });
  const { restoreVolume } = await import('../../recovery/restore.js');
  const progress = output.progress();
  let report: RestoreReport;
  try {
    report = await withNewStateDir(base.stateDir, () => restoreVolume(request, commandIo(output), progress.report));
  } finally {
    progress.end();
  }
  if (base.configPath !== null) writeSettingsFile(base.configPath, report.settings);
  show(report, text(values, 'name'), output);
  return report.lost.length === 0 ? 0 : 1;
}

function pointInTime(word: string | null): RestoreRequest['at'] {
  if (word === null) return null;
  if (/^\d+$/.test(word)) return { sequence: Number(word) };
  const ms = Date.parse(word);
  if (Number.isNaN(ms)) throw new UsageError(`--at ${word}: it must be the sequence number of a root or a time such as 2026-07-01T12:00:00Z`);
  return { timeSeconds: ms / 1000 };
}

function show(report: RestoreReport, name: string, output: Output): void {
  output.document(report);
  output.line(`root ${report.root} of ${new Date(report.rootTime * 1000).toISOString()}: ${report.files} files, ${report.segments} segments, ${formatBytes(report.bytes)} in ${formatDuration(report.elapsedMs / 1000)}`);
  for (const note of report.notes) output.line(note);
  showLost(report.lost, output);
  output.line(`next: holdfast mount ${name} MOUNTPOINT`);
}
