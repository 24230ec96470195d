// holdfast disk: which disks a volume has and what they hold, and what one more would bring, mounted or not.
import { statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../base/errors.js';
import { formatBytes, formatDuration, parseBytes } from '../../config/units.js';
import type { VolumeSettings } from '../../config/settings.js';
import type { VolumeLock } from '../../daemon/volume-lock.js';
import { DiskChanges } from '../../daemon/disk-changes.js';
import type { EmptyDisk } from '../../pool/contract.js';
import type { RecoveryProgress } from '../../recovery/contract.js';
import type { DiskAddReport } from '../../volume/disk-add.js';
import type { DiskRemovalReport } from '../../volume/disk-removal.js';
import type { DiskPlanReport } from '../../volume/disk-plan.js';
import type { OpenVolume } from '../../volume/status.js';
import { type Command, flag, jsonOption, optionalText, text, texts, type Values, volumeArgument } from '../command.js';
import type { Output } from '../output.js';
import { UsageError } from '../usage-error.js';
import { perhapsMounted, withDaemon, withOpenVolume } from '../volume.js';

type Action = (values: Values, output: Output) => Promise<number>;

const actions: Readonly<Record<string, Action>> = { list, plan, add, remove, replace };

export const disk: Command = {
  usage: 'disk <action> <name> [path] [new]',
  summary: 'the disks of a volume: list, plan, add, remove, replace',
  examples: [
    ['disk list photos', 'which they are, and what is free on each'],
    ['disk plan photos', 'what they hold, what their different sizes waste, what one more would bring'],
    ['disk add photos /mnt/new/hf', 'an empty directory on a new disk takes part from now on; the configuration file is changed as well'],
    ['disk remove photos /mnt/b/hf', 'what is on it moves to the others, then it is no part of the volume any more; can be interrupted, and goes on'],
    ['disk remove photos /mnt/b/hf --cancel', 'it stays after all'],
    ['disk replace photos /mnt/b/hf /mnt/new/hf', 'a new disk for one that is to go, in one command'],
    ['disk plan photos --add 4TB --add /mnt/new/hf', 'with a disk of this size, or the one at this place'],
  ],
  options: (parser) =>
    jsonOption(volumeArgument(parser.positional('action', { type: 'string', choices: Object.keys(actions), demandOption: true })))
      .positional('path', { type: 'string', describe: 'the directory that is, or becomes, the disk' })
      .positional('new', { type: 'string', describe: 'replace: an empty directory on the new disk' })
      .option('cancel', { type: 'boolean', default: false, describe: 'remove: give up a removal that is under way' })
      .option('allow-shared-device', { type: 'boolean', default: false, describe: 'add: also a directory on a device that is in use already: for trials only' })
      .option('add', { type: 'string', array: true, describe: 'plan: a size, or a directory on the disk that might be added (repeatable)' }),
  run: (values, output) => {
    const action = actions[text(values, 'action')];
    if (action === undefined) throw new UsageError(`disk: the action is one of ${Object.keys(actions).join(', ')}`);
    return action(values, output);
  },
};

async function list(values: Values, output: Output): Promise<number> {
  refuse(values, 'add');
  const report = await planOf(values, output, []);
  output.document(report.disks);
  output.table(
    ['DISK', 'ROLE', 'STATE', 'FREE', 'OF', 'ID', 'REASON'],
    report.disks.map(({ path, role, state, freeBytes, totalBytes, id, reason }) => [path, role, state, formatBytes(freeBytes), formatBytes(totalBytes), id, reason]),
  );
  return 0;
}

async function plan(values: Values, output: Output): Promise<number> {
  const wanted = texts(values, 'add').map(additionOf);
  // Not asked for one: what one more of the sizes that are there would bring.
  const before = wanted.length > 0 ? null : await planOf(values, output, []);
  const sizes = before === null ? [] : [...new Set(before.disks.filter(({ role, totalBytes }) => role === 'pool' && totalBytes > 0).map(({ totalBytes }) => totalBytes))].sort((a, b) => a - b);
  const report = await planOf(values, output, before === null ? wanted : sizes.map((bytes) => ({ totalBytes: bytes, freeBytes: bytes })));
  output.document(report);
  output.table(
    ['DISK', 'SIZE', 'FOR FILES', 'NEVER USED'],
    report.disks.filter(({ role }) => role === 'pool').map(({ path, totalBytes, usableBytes, wastedBytes }) => [path, formatBytes(totalBytes), formatBytes(usableBytes), formatBytes(wastedBytes)]),
  );
  output.line(`\nfiles  ${formatBytes(report.totalBytes)} in all with their redundancy, ${formatBytes(report.freeBytes)} free`);
  output.line('');
  output.table(
    ['ONE MORE OF', 'FILES', 'GAIN', 'FREE AT ONCE'],
    report.withOneMore.map(({ diskBytes, totalBytes, freeBytes }) => [formatBytes(diskBytes), formatBytes(totalBytes), `+${formatBytes(totalBytes - report.totalBytes)}`, formatBytes(freeBytes)]),
  );
  return 0;
}

async function add(values: Values, output: Output): Promise<number> {
  refuse(values, 'add');
  const path = optionalText(values, 'path');
  if (path === null) throw new UsageError('disk add: which directory?');
  const request = { path: resolve(path), allowSharedDevice: flag(values, 'allow-shared-device') };
  const report = await withDaemon<DiskAddReport>(
    perhapsMounted(text(values, 'name')),
    async (client) => (await client.call('disk-add', request)) as DiskAddReport, // our own daemon's answer
    ({ settings }) => withOpenVolume(settings, 'disk', output, (volume, lock) => changesOf(settings, volume, lock).add(request)),
  );
  const { before, after } = report;
  output.document(report);
  output.line(
    `${report.path} takes part: ${formatBytes(report.totalBytes)}; files ${formatBytes(after.totalBytes)} in all (before: ${formatBytes(before.totalBytes)}), ${formatBytes(after.freeBytes)} free (before: ${formatBytes(before.freeBytes)})`,
  );
  return 0;
}

async function remove(values: Values, output: Output): Promise<number> {
  refuse(values, 'add');
  const given = optionalText(values, 'path');
  if (given === null) throw new UsageError('disk remove: which directory?');
  const path = resolve(given);
  const volume = perhapsMounted(text(values, 'name'));
  if (flag(values, 'cancel')) {
    await withDaemon(
      volume,
      (client) => client.call('disk-keep', { path }),
      ({ settings }) => withOpenVolume(settings, 'disk', output, (open, lock) => changesOf(settings, open, lock).keep(path)),
    );
    output.document({ path, kept: true });
    output.line(`${path} stays`);
    return 0;
  }
  return showRemoval(path, output, (report) =>
    withDaemon<DiskRemovalReport>(
      volume,
      async (client) => (await client.call('disk-remove', { path }, { progress: report })) as DiskRemovalReport, // our own daemon's answer
      ({ settings }) => withOpenVolume(settings, 'disk', output, (open, lock) => changesOf(settings, open, lock).remove(path, report)),
    ),
  );
}

async function replace(values: Values, output: Output): Promise<number> {
  refuse(values, 'add');
  const [given, fresh] = [optionalText(values, 'path'), optionalText(values, 'new')];
  if (given === null || fresh === null) throw new UsageError('disk replace: which directory, and which new one?');
  const old = resolve(given);
  const request = { path: resolve(fresh), allowSharedDevice: flag(values, 'allow-shared-device') };
  return showRemoval(old, output, (report) =>
    withDaemon<DiskRemovalReport>(
      perhapsMounted(text(values, 'name')),
      async (client) => (await client.call('disk-replace', { old, ...request }, { progress: report })) as DiskRemovalReport, // our own daemon's answer
      ({ settings }) => withOpenVolume(settings, 'disk', output, (open, lock) => changesOf(settings, open, lock).replace(old, request, report)),
    ),
  );
}

async function showRemoval(path: string, output: Output, removal: (progress: RecoveryProgress) => Promise<DiskRemovalReport>): Promise<number> {
  const progress = output.progress();
  try {
    const report = await removal(progress.report);
    progress.end();
    const { segmentsMoved, segmentsAnew, bytesWritten, emptied, elapsedMs } = report;
    output.document(report);
    output.line(`${path} is no part of the volume any more: ${segmentsMoved} shards moved, ${segmentsAnew} segments written anew, ${formatBytes(bytesWritten)} in ${formatDuration(elapsedMs / 1000)}`);
    if (!emptied) output.line('what is left on it belongs to nobody: empty the directory before it is used again');
    return 0;
  } finally {
    progress.end();
  }
}

function changesOf(settings: VolumeSettings, volume: OpenVolume, lock: VolumeLock): DiskChanges {
  let current = settings;
  return new DiskChanges({
    volume,
    lock,
    mountPoint: null,
    settings: () => current,
    listed: (disks) => {
      current = { ...current, disks };
    },
  });
}

function planOf(values: Values, output: Output, added: readonly EmptyDisk[]): Promise<DiskPlanReport> {
  if (optionalText(values, 'path') !== null) throw new UsageError(`disk ${text(values, 'action')} takes no path`);
  return withDaemon<DiskPlanReport>(
    perhapsMounted(text(values, 'name')),
    async (client) => (await client.call('disk-plan', { added })) as DiskPlanReport, // our own daemon's answer
    ({ settings }) => withOpenVolume(settings, 'disk', output, async (open) => open.plan(added)),
  );
}

/** `4 TB`, or a place on the disk. */
function additionOf(word: string): EmptyDisk {
  const bytes = parseBytes(word);
  if (bytes !== null && bytes > 0) return { totalBytes: bytes, freeBytes: bytes };
  if (!word.includes('/')) throw new UsageError(`--add ${word}: it must be a size such as "4 TB", or a directory`);
  try {
    const { bsize, blocks, bavail } = statfsSync(resolve(word));
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch (error) {
    throw new UsageError(`--add ${word}: ${messageOf(error)}`);
  }
}

function refuse(values: Values, option: string): void {
  if (optionalText(values, 'new') !== null && text(values, 'action') !== 'replace') throw new UsageError(`disk ${text(values, 'action')} takes one path`);
  if (texts(values, option).length > 0) throw new UsageError(`disk ${text(values, 'action')} takes no --${option}`);
}
