// holdfast init: checks everything, labels the disks, claims the backup, and writes the configuration file last.
import { existsSync } from 'node:fs';
import { configPathOf } from '../../config/lookup.js';
import { readSettingsFile } from '../../config/settings-file.js';
import { writeSettingsFile } from '../../config/settings-text.js';
import type { VolumeSettings } from '../../config/settings.js';
import { configDir, settingsDefaults } from '../../daemon/environment.js';
import type { InitReport } from '../../volume/status.js';
import { type Command, diskOption, jsonOption, optionalCount, optionalText, text, texts, type Values, volumeArgument } from '../command.js';
import { backupOf, checkNewSettings, newSettings, schemeOf, withNewStateDir } from '../new-volume.js';
import type { Output } from '../output.js';
import { UsageError } from '../usage-error.js';
import { commandIo } from '../volume.js';

export const init: Command = {
  usage: 'init <name>',
  summary: 'make a new volume on empty directories',
  examples: [
    ['init photos --disk /mnt/a/hf /mnt/b/hf /mnt/c/hf /mnt/d/hf --backup s3://bucket/photos', 'four disks, parity 1, tolerance 2, AWS'],
    ['init photos --disk /mnt/a/hf --disk /mnt/b/hf --backup s3://b/p --endpoint https://host:9000', 'two disks, an S3-compatible store'],
    ['init photos --disk /mnt/*/hf --parity 1 --tolerance 1 --backup file:///mnt/nas/photos', 'plain parity, a directory as backup'],
    ['init photos', 'from an existing configuration file'],
  ],
  options: (parser) =>
    jsonOption(diskOption(volumeArgument(parser), false))
      .option('parity', { type: 'string', describe: 'disks that may fail without anybody noticing (default 1)' })
      .option('tolerance', { type: 'string', describe: 'disks that may fail without losing what is not in the backup (default parity + 1)' })
      .option('backup', { type: 'string', describe: 's3://bucket/prefix, file:///dir or none' })
      .option('endpoint', { type: 'string', describe: 'URL of an S3-compatible store' })
      .option('region', { type: 'string', describe: 'region of the bucket' })
      .option('profile', { type: 'string', describe: 'profile of the AWS credentials file' })
      .option('scheme', { type: 'string', describe: 'second redundancy: parity or copy (default parity)' })
      .option('journal-disk', { type: 'string', array: true, describe: 'dedicated journal disks' })
      .option('allow-shared-device', { type: 'boolean', default: false, describe: 'accept disks on one device (they die together)' })
      .option('state-dir', { type: 'string', describe: 'folder of the live database, lock, socket and log' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const name = text(values, 'name');
  const path = configPathOf(name, configDir());
  const fromFile = existsSync(path) && texts(values, 'disk').length === 0;
  const settings = fromFile ? readSettingsFile(path, settingsDefaults()) : settingsFromWords(values, name);
  if (!fromFile) checkNewSettings(settings);
  const { initVolume } = await import('../../volume/init.js');
  const report = await withNewStateDir(settings.stateDir, () => initVolume(settings, commandIo(output)));
  if (!fromFile) writeSettingsFile(path, settings);
  show(report, settings, name, output);
  return 0;
}

function settingsFromWords(values: Values, name: string): VolumeSettings {
  const disks = texts(values, 'disk');
  if (disks.length === 0) throw new UsageError('--disk is missing: name the directories that are the disks');
  const url = optionalText(values, 'backup');
  if (url === null) throw new UsageError('--backup is missing: s3://bucket/prefix, file:///dir, or none for a volume without');
  const parity = optionalCount(values, 'parity') ?? Math.min(1, disks.length - 1);
  // Where the default promise does not fit (two disks), the best that does.
  const tolerance = optionalCount(values, 'tolerance') ?? Math.max(parity, Math.min(parity + 1, disks.length - 1));
  const base = newSettings(values, name, disks, backupOf(values, url), texts(values, 'journal-disk'));
  return { ...base, parity, tolerance, scheme: schemeOf(values) ?? 'parity' };
}

function show(report: InitReport, settings: VolumeSettings, name: string, output: Output): void {
  output.document({ ...report, name: settings.name, configPath: settings.configPath, stateDir: settings.stateDir, parity: settings.parity, tolerance: settings.tolerance, scheme: settings.scheme });
  for (const warning of report.warnings) output.warning(warning);
  output.line(`volume ${settings.name} (${report.volume}) on ${report.disks.length} disks: parity ${settings.parity}, tolerance ${settings.tolerance}`);
  output.line(`backup: ${report.backup ?? 'none'}`);
  output.line(`configuration: ${settings.configPath}`);
  output.line(`next: holdfast mount ${name} MOUNTPOINT`);
}
