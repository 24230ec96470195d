// holdfast check: proves the whole skeleton, mounted or not, and with --backup what the backup is believed to hold. Exit code 1 when something does not hold.
import type { ControlClient } from '../../daemon/control-client.js';
import type { CheckOptions } from '../../recovery/contract.js';
import type { CheckFinding } from '../../skeleton/contract.js';
import { type Command, flag, jsonOption, text, type Values, volumeArgument } from '../command.js';
import type { Output } from '../output.js';
import { UsageError } from '../usage-error.js';
import { commandIo, perhapsMounted, withDaemon, withLock } from '../volume.js';

export const check: Command = {
  usage: 'check <name>',
  summary: 'prove that names, links, extents and segments fit together',
  examples: [
    ['check photos', ''],
    ['check photos --backup', 'is everything in the bucket that should be? Lists it, reads next to nothing'],
    ['check photos --backup --read-data', 'reads every byte of it (a bucket may charge for that)'],
  ],
  options: (parser) =>
    jsonOption(volumeArgument(parser))
      .option('backup', { type: 'boolean', default: false, describe: 'also whether the backup holds what it should; what it lost is uploaded again by the next flush' })
      .option('read-data', { type: 'boolean', default: false, describe: 'with --backup: read and verify every byte of it' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const volume = perhapsMounted(text(values, 'name'));
  const options: CheckOptions = { backup: flag(values, 'backup'), readData: flag(values, 'read-data') };
  if (options.readData && !options.backup) throw new UsageError('--read-data goes with --backup');
  const findings = await withDaemon(volume, (client) => checkMounted(client, options), async ({ settings }) => {
    const { checkVolume } = await import('../../recovery/check.js');
    const report = await withLock(settings, 'check', () => checkVolume(settings, options, commandIo(output)));
    return report.findings;
  });
  output.document({ name: volume.name, findings });
  for (const { rule, subject, detail } of findings) output.line(`${rule}: ${subject}: ${detail}`);
  output.line(findings.length === 0 ? 'no findings: everything fits together' : `${findings.length} findings`);
  return findings.length === 0 ? 0 : 1;
}

async function checkMounted(client: ControlClient, options: CheckOptions): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  await client.call('check', { ...options }, { items: (items) => void findings.push(...(items as readonly CheckFinding[])) }); // our own daemon's rows
  return findings;
}
