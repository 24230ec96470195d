// holdfast scrub: reads and verifies everything on the disks, mounted or not, heals it from parity, backup and journal, and names what no source has.
import { formatBytes, formatDuration } from '../../config/units.js';
import type { ScrubReport } from '../../volume/scrub-report.js';
import { type Command, jsonOption, text, type Values, volumeArgument } from '../command.js';
import { showLost } from '../lost.js';
import type { Output } from '../output.js';
import { perhapsMounted, withDaemon, withOpenVolume } from '../volume.js';

export const scrub: Command = {
  usage: 'scrub <name>',
  summary: 'read everything on the disks, and heal what has rotted',
  examples: [
    ['scrub photos', 'all of it now; a mounted volume does so by itself every 30 days (scrub.period)'],
    ['scrub photos --json', 'what was found where, and what it was healed from'],
  ],
  options: (parser) => jsonOption(volumeArgument(parser)),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const progress = output.progress();
  try {
    const report = await withDaemon<ScrubReport>(
      perhapsMounted(text(values, 'name')),
      async (client) => (await client.call('scrub', {}, { progress: progress.report })) as ScrubReport, // our own daemon's answer
      ({ settings }) => withOpenVolume(settings, 'scrub', output, (open) => open.scrub(progress.report)),
    );
    progress.end();
    show(report, output);
    return report.healed === report.found && report.lostRanges === 0 ? 0 : 1;
  } finally {
    progress.end();
  }
}

function show(report: ScrubReport, output: Output): void {
  const { segments, shards, shardsAbsent, bytes, journalFiles, images, startedAt, endedAt, found, findings, lost, lostRanges } = report;
  output.document(report);
  output.line(`${segments} segments, ${shards} shards, ${formatBytes(bytes)} verified in ${formatDuration((endedAt ?? startedAt) - startedAt)}; ${journalFiles} journal files, ${images} skeleton images`);
  if (shardsAbsent > 0) output.line(`${shardsAbsent} shards are on disks that are not in service: holdfast rebuild`);
  const rows = findings.map(({ disk, file, reason, healedFrom }) => [disk, file, reason, healedFrom ?? 'NOT HEALED']);
  if (rows.length > 0) output.table(['DISK', 'FILE', 'WHAT', 'HEALED FROM'], rows);
  if (found > findings.length) output.line(`and ${found - findings.length} more`);
  output.line(found === 0 ? 'nothing was found: everything is as it was written' : `${found} found, ${report.healed} healed`);
  showLost(lost, output);
  if (lostRanges > lost.length) output.line(`  and ${lostRanges - lost.length} more ranges: holdfast rebuild --dry-run names them all`);
}
