// holdfast check: proves the whole skeleton, mounted or not. Exit code 1 when something does not hold.
import type { ControlClient } from '../../daemon/control-client.js';
import type { CheckFinding } from '../../skeleton/contract.js';
import { type Command, jsonOption, text, type Values, volumeArgument } from '../command.js';
import type { Output } from '../output.js';
import { commandIo, perhapsMounted, withDaemon, withLock } from '../volume.js';

export const check: Command = {
  usage: 'check <name>',
  summary: 'prove that names, links, extents and segments fit together',
  examples: [['check photos', '']],
  options: (parser) => jsonOption(volumeArgument(parser)),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const volume = perhapsMounted(text(values, 'name'));
  const findings = await withDaemon(volume, checkMounted, async ({ settings }) => {
    const { checkVolume } = await import('../../recovery/check.js');
    const report = await withLock(settings, 'check', () => checkVolume(settings, commandIo(output)));
    return report.findings;
  });
  output.document({ name: volume.name, findings });
  for (const { rule, subject, detail } of findings) output.line(`${rule}: ${subject}: ${detail}`);
  output.line(findings.length === 0 ? 'no findings: everything fits together' : `${findings.length} findings`);
  return findings.length === 0 ? 0 : 1;
}

async function checkMounted(client: ControlClient): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  await client.call('check', {}, { items: (items) => void findings.push(...(items as readonly CheckFinding[])) }); // our own daemon's rows
  return findings;
}
