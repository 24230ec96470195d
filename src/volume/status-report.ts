// Builds the status of an open volume from what is known already: no scan, no wait for a hanging disk.
import { HoldfastError, messageOf } from '../base/errors.js';
import { secondsOf } from '../base/clock.js';
import { NO_LSN, ROOT_INO, type Ino, type Lsn } from '../base/ids.js';
import { printable } from '../base/printable.js';
import type { Skeleton } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';
import type { DiskMember } from './disk-set.js';
import type { MountedVolume } from './mounted-volume.js';
import type { BackupStatus, DiskStatus, NamedDelta, RedundancyStatus, VolumeStatus } from './status.js';

export async function volumeStatus(mounted: MountedVolume, stopping: boolean): Promise<VolumeStatus> {
  const { core, admission } = mounted;
  // Only right after the mount of a large volume is there anything to wait for.
  await core.exposure.counted(core.ports.clock, () => core.failure !== null || stopping);
  const backlog = core.skeleton.backlog();
  const last = core.skeleton.lastRoot();
  const redundancy = redundancyStatus(mounted);
  const degraded = !redundancy.held;
  return {
    volume: core.volume,
    state: stopping ? 'stopping' : core.failure !== null ? 'failed' : degraded ? 'degraded' : 'serving',
    generation: core.generation.number,
    disks: await Promise.all(core.disks.members.map((member) => diskStatus(core, member))),
    backlog: {
      bytes: backlog.bytes,
      files: backlog.files,
      deltas: backlog.deltas,
      ageSeconds: backlog.oldest === null ? 0 : Math.max(0, Math.floor(secondsOf(core.ports.clock.now()) - secondsOf(backlog.oldest))),
      budgetBytes: core.backup === null ? null : Math.floor(admission.budgetBytes()),
    },
    lastRoot: last === null ? null : { sequence: last.sequence, cut: last.cut, time: secondsOf(last.time), deltas: last.deltas, files: last.files, bytes: last.bytes },
    journal: { bytes: core.journal.retainedBytes },
    space: mounted.space(),
    redundancy,
    segments: core.exposure.histogram((disk) => core.disks.serves(disk)),
    backup: backupStatus(mounted),
    scrub: mounted.scrubber.status(),
  };
}

async function diskStatus(core: VolumeCore, member: DiskMember): Promise<DiskStatus> {
  const { state, reason, since } = core.states.of(member);
  const base = { id: member.disk?.id ?? '', path: member.path, state, reason, since: secondsOf(since), changes: core.states.changesOf(member.path), latency: core.states.latencyOf(member) };
  if (member.disk === null) return { ...base, totalBytes: 0, freeBytes: 0, bytesWritten: 0, bytesRead: 0, errors: 0 };
  const { bytesWritten, bytesRead, errors } = member.disk.counters();
  try {
    const { totalBytes, freeBytes, fileRoomBytes } = await member.disk.space();
    return { ...base, totalBytes, freeBytes: Math.min(freeBytes, fileRoomBytes), bytesWritten, bytesRead, errors };
  } catch (error) {
    return { ...base, state: 'failed', reason: member.reason || messageOf(error), totalBytes: 0, freeBytes: 0, bytesWritten, bytesRead, errors };
  }
}

/** Disks that may go now without losing data that is only here: the weakest of segments, journal and skeleton images decides. */
function remainingTolerance(core: VolumeCore): number {
  const { tolerance, scheme } = core.settings;
  const journal = Math.min(core.journalCopies?.copies ?? tolerance + 1, core.journalReach);
  const copies = Math.min(journal, core.localImages.copies()) - 1;
  // The journal has the bytes of these segments as well until the backup has them.
  const segments = scheme === 'copy' && core.backup !== null ? null : core.exposure.weakest((disk) => core.disks.serves(disk));
  return Math.max(0, Math.min(tolerance, copies, segments ?? tolerance));
}

/** A few counters and sums: the heartbeat asks as well. */
export function redundancyStatus(mounted: MountedVolume): RedundancyStatus {
  const { core, flusher, ownership } = mounted;
  const { parity, tolerance, disks } = core.settings;
  const scrub = mounted.scrubber.status();
  const lost = core.disks.lost();
  const remaining = remainingTolerance(core);
  const reasons = lost.map((d) => (d.reason.startsWith(`disk ${d.path} `) ? d.reason : `disk ${d.path} is ${d.state}: ${d.reason}`));
  if (core.failure !== null) reasons.push(core.failure.message);
  if (core.journal.full) reasons.push('the disks have no room for the journal: what is not synced yet is only in memory, and all goes on when there is room');
  if (core.stateRoom.refusal !== null) reasons.push(core.stateRoom.refusal.message);
  const unreadable = core.exposure.unreadable((disk) => core.disks.serves(disk));
  if (unreadable > 0) reasons.push(`${unreadable} segment(s) that are not known to be in the backup have too few shards left: \`holdfast rebuild ${core.settings.name} --dry-run\` names the files`);
  if (remaining < tolerance && lost.length === 0) reasons.push(`some data that is only here survives ${remaining} lost disk(s) instead of ${tolerance}: flush it, or run \`holdfast rebuild\``);
  if (flusher.lacking > 0) reasons.push(`the last root lacks ${flusher.lacking} segment(s) that no source has any more: \`holdfast rebuild ${core.settings.name} --dry-run\` names the files`);
  const lostRanges = Math.max(scrub.running?.lostRanges ?? 0, scrub.last?.lostRanges ?? 0);
  if (lostRanges > 0) reasons.push(`a scrub found ${lostRanges} range(s) of files that no source has any more: \`holdfast scrub ${core.settings.name}\` names them`);
  const notes: string[] = [];
  for (const member of core.disks.members) {
    const { state, reason } = core.states.of(member);
    if (state === 'suspect') notes.push(`disk ${member.path} is suspect, and used on: ${reason}`);
  }
  if (ownership.fences === false) notes.push(`the backup cannot fence a second owner (${ownership.fencing}): never mount this volume on two machines`);
  if (core.backup === null) notes.push('no backup is configured');
  else if (tolerance === parity) notes.push('the second redundancy is off (tolerance = parity)');
  if (core.settings.allowSharedDevice) notes.push('disks may share a device: its loss would be the loss of all of them');
  return {
    promise: `any ${tolerance} of ${disks.length} disks for what is not in the backup, any ${parity} for the rest`,
    remainingTolerance: remaining,
    held: reasons.length === 0,
    since: secondsOf(core.states.protectionSince),
    reasons: [...reasons, ...notes],
  };
}

function backupStatus(mounted: MountedVolume): BackupStatus | null {
  const { core, ownership, flusher } = mounted;
  if (core.backup === null) return null;
  const problem = flusher.lastError ?? ownership.problem;
  return { description: core.backup.description, reachable: problem === null, lastError: problem, fences: ownership.fences, lacksSegments: flusher.lacking };
}

const rowsAtOnce = 500;

export function* namedDeltas(skeleton: Skeleton, path: Buffer | null): Iterable<NamedDelta> {
  const ino = path === null ? null : resolve(skeleton, path);
  for (let after: Lsn = NO_LSN; ; ) {
    const rows = skeleton.deltas(ino, after, rowsAtOnce);
    for (const row of rows) yield { ...row, path: skeleton.pathOf(row.ino) };
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsAtOnce) return;
    after = last.lsn;
  }
}

function resolve(skeleton: Skeleton, path: Buffer): Ino {
  let ino: Ino = ROOT_INO;
  for (const part of splitPath(path)) {
    const inode = skeleton.lookup(ino, part);
    if (inode === null) {
      throw new HoldfastError('missing', `${printable(path)}: no such file in this volume`, {
        code: 'no-such-file',
        hint: 'Give the path from the volume’s root, without the mount point; bytes that are no UTF-8 as \\xHH, a backslash before an x as \\\\.',
      });
    }
    ino = inode.ino;
  }
  return ino;
}

function splitPath(path: Buffer): Buffer[] {
  return path
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => Buffer.from(part, 'latin1'));
}
