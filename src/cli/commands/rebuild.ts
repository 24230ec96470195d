// holdfast rebuild: makes lost disks whole again from parity, backup and journal; lists what no source could give.
import { resolve } from 'node:path';
import { formatBytes, formatDuration } from '../../config/units.js';
import { replaceDiskInFile } from '../../config/disk-edits.js';
import type { RebuildReport, SourceCount } from '../../recovery/contract.js';
import { type Command, flag, jsonOption, text, texts, type Values, volumeArgument } from '../command.js';
import { showLost } from '../lost.js';
import type { Output } from '../output.js';
import { UsageError } from '../usage-error.js';
import { commandIo, perhapsMounted, withDaemon, withLock } from '../volume.js';

export const rebuild: Command = {
  usage: 'rebuild <name>',
  summary: 'make lost disks whole again, mounted or not',
  examples: [
    ['rebuild photos --dry-run', 'the plan, with counts and bytes per source'],
    ['rebuild photos --replace /mnt/b/hf=/mnt/new/hf', 'onto a new disk; the configuration file is changed as well'],
    ['rebuild photos', 'resume, or refill a disk that came back empty in part'],
  ],
  options: (parser) =>
    jsonOption(volumeArgument(parser))
      .option('replace', { type: 'string', array: true, describe: 'OLD=NEW: a lost disk and the empty directory that takes its place (repeatable)' })
      .option('dry-run', { type: 'boolean', default: false, describe: 'print the plan, write nothing' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const volume = perhapsMounted(text(values, 'name'));
  const { settings } = volume.sound();
  const replace = texts(values, 'replace').map(replacement);
  for (const { old } of replace) {
    if (![...settings.disks, ...settings.journal.disks].some((disk) => disk.path === old)) {
      throw new UsageError(`--replace: ${old} is no disk of ${settings.name}; its disks are ${settings.disks.map((disk) => disk.path).join(', ')}`);
    }
  }
  const dryRun = flag(values, 'dry-run');
  const progress = output.progress();
  let report: RebuildReport;
  try {
    report = await withDaemon(
      volume,
      async (client) => (await client.call('rebuild', { replace, dryRun }, { progress: progress.report })) as RebuildReport, // our own daemon's answer
      async () => {
        const { rebuildVolume } = await import('../../recovery/rebuild.js');
        return withLock(settings, 'rebuild', () => rebuildVolume(settings, { replace, dryRun }, commandIo(output), progress.report));
      },
    );
  } finally {
    progress.end();
  }
  // The file follows the disks: a rebuild that died before this line is simply run again.
  if (!dryRun && settings.configPath !== null) for (const pair of replace) replaceDiskInFile(settings.configPath, pair.old, pair.new);
  show(report, output);
  return report.lost.length === 0 ? 0 : 1;
}

function replacement(word: string): { readonly old: string; readonly new: string } {
  const middle = word.indexOf('=');
  if (middle < 1 || middle === word.length - 1) throw new UsageError(`--replace ${word}: it must be OLD=NEW`);
  return { old: resolve(word.slice(0, middle)), new: resolve(word.slice(middle + 1)) };
}

function show(report: RebuildReport, output: Output): void {
  output.document(report);
  const row = (source: string, { segments, bytes }: SourceCount): readonly (string | number)[] => [source, segments, formatBytes(bytes)];
  output.line(report.dryRun ? 'plan (nothing was written):' : 'done:');
  output.table(
    ['SOURCE', 'SEGMENTS', 'BYTES'],
    [row('parity', report.fromParity), row('backup', report.fromBackup), row('journal', report.fromJournal), row('whole already', report.alreadyWhole)],
  );
  if (!report.dryRun) output.line(`${report.shardsWritten} shards, ${formatBytes(report.bytesWritten)} written, ${formatBytes(report.bytesVerified)} verified, in ${formatDuration(report.elapsedMs / 1000)}`);
  showLost(report.lost, output);
}
