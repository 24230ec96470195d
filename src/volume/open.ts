// Opens a volume: disks, true history, skeleton, un-sealed segments, a new generation, and then the running parts.
// Nothing is answered before the chosen history is whole on tolerance + 1 disks and the new generation is durable on every present one (rule 1).
import { openBackup, type Backup } from '../backup/backup.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { NO_LSN, type Lsn, type VolumeId } from '../base/ids.js';
import { failpoint } from '../base/failpoint.js';
import type { VolumeSettings } from '../config/settings.js';
import type { RecoveredJournal } from '../journal/contract.js';
import { isUnknownVersion } from '../format/version.js';
import { pruneGenerations } from '../journal/generations.js';
import { recoverJournal } from '../journal/recovery.js';
import type { VolumeCore } from './core.js';
import { createImageSource } from '../skeleton/image-source.js';
import type { Skeleton } from '../skeleton/contract.js';
import { assembleVolume } from './assemble.js';
import { checkDescriptors, descriptorLimit } from './descriptors.js';
import { vouchFor } from './clean-mark.js';
import { generationAfter, makeDurable } from './generation.js';
import { DiskSet, recordedState } from './disk-set.js';
import { LocalImages } from './local-images.js';
import { localPorts, type SystemIo } from './local-ports.js';
import { MountedVolume } from './mounted-volume.js';
import { markLabels } from './label-marks.js';
import { type OpenedDisks, openDisks } from './open-disks.js';
import type { VolumePorts } from './ports.js';
import { skeletonPath } from './skeleton-path.js';
import { recoverSkeleton } from './recover-skeleton.js';
import { refillOpenSegments } from './refill.js';
import { shardMarks } from './shard-marks.js';

/** Opens a volume on real disks and stores. */
export async function openVolume(settings: VolumeSettings, io: SystemIo): Promise<MountedVolume> {
  checkDescriptors(settings.disks.length + settings.journal.disks.length, descriptorLimit());
  return openVolumeWith(settings, localPorts(io));
}

export async function openVolumeWith(settings: VolumeSettings, ports: VolumePorts): Promise<MountedVolume> {
  const { volume, members, labels } = await openDisks(settings, ports);
  const disks = new DiskSet(members, (member) => ports.logger.error({ disk: member.path, reason: member.reason }, 'a disk failed and is written no more'));
  disks.stayingMin = settings.tolerance + 1;
  try {
    return await recoverAndStart(settings, ports, volume, disks, labels);
  } catch (error) {
    for (const disk of disks.present()) await disk.close();
    throw withAbsentDisks(error, disks);
  }
}

/** What cannot be recovered is often a disk that is not there: the error names them all and why. */
function withAbsentDisks(error: unknown, disks: DiskSet): unknown {
  const absent = disks.members.filter((member) => member.disk === null);
  if (!(error instanceof HoldfastError) || absent.length === 0) return error;
  const list = absent.map(({ path, reason }) => `${path}: ${reason}`).join('; ');
  return new HoldfastError(error.kind, `${error.message}. Disks that cannot be used: ${list}`, { code: error.code, ...(error.hint === undefined ? {} : { hint: error.hint }), context: error.context, cause: error });
}

async function recoverAndStart(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId, disks: DiskSet, labels: OpenedDisks['labels']): Promise<MountedVolume> {
  const backup = await openBackupIfAny(settings, ports, volume);
  try {
    return await recoverWith(settings, ports, volume, disks, labels, backup);
  } catch (error) {
    await backup?.close();
    throw error;
  }
}

async function recoverWith(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId, disks: DiskSet, labels: OpenedDisks['labels'], backup: Backup | null): Promise<MountedVolume> {
  const path = skeletonPath(settings);
  const vouched = vouchFor(path, ports);
  const recovered = await recoverHistory(settings, ports, volume, disks, labels);
  const localImages = new LocalImages(volume, ports, disks, settings.tolerance + 1);
  const { skeleton, startingPoints, unclean } = await recoverSkeleton({ volume, path, vouched, recordDeltas: backup !== null, journal: recovered, localImages, backup, ports });
  failpoint('after-replay-before-heal');
  try {
    // A life that ended well has left no segment that its journal does not know.
    if (unclean) recovered.requireDurable(await shardMarks(disks.present(), volume, recovered.generations, skeleton.nextSegment()));
    return await startHistory({ settings, ports, volume, disks, backup, localImages, skeleton, recovered, startingPoints, unclean });
  } catch (error) {
    skeleton.close();
    throw error;
  }
}

/** The true history; disks that hold another one count as absent from here on. */
export async function recoverHistory(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId, disks: DiskSet, labels: OpenedDisks['labels']): Promise<RecoveredJournal> {
  const prefer = settings.preferHistory;
  const recovered = await recoverJournal({
    volume,
    disks: disks.present(),
    journalDisks: disks.journalCandidates().map((disk) => disk.id),
    labels,
    ...(prefer === null ? {} : { prefer }),
    logger: ports.logger,
  });
  for (const { disk, reason } of recovered.setAside) {
    const left = disks.setAside(disk, reason);
    ports.logger.warn({ disk: left?.path, reason }, 'a disk of another history is left alone');
    await left?.close();
  }
  return recovered;
}

export interface HistoryStart {
  readonly settings: VolumeSettings;
  readonly ports: VolumePorts;
  readonly volume: VolumeId;
  readonly disks: DiskSet;
  readonly backup: Backup | null;
  readonly localImages: LocalImages;
  readonly skeleton: Skeleton;
  readonly recovered: RecoveredJournal;
  readonly startingPoints: readonly Lsn[];
  /** The last life did not end by a close: files without a record may lie about, as on a disk that comes back. */
  readonly unclean: boolean;
}

/** From a recovered skeleton to a running volume in a new generation. */
export async function startHistory(start: HistoryStart): Promise<MountedVolume> {
  const { settings, ports, disks, recovered } = start;
  markLeaving(start.skeleton, disks);
  await healFrom(start, Math.min(settings.tolerance + 1, disks.journalCandidates().length));
  failpoint('after-heal-before-generation');
  const generation = generationAfter(recovered, disks, settings.tolerance, ports.random);
  const generations = [...pruneGenerations(recovered.generations, start.startingPoints[0] ?? NO_LSN, start.backup === null ? null : (start.skeleton.lastRoot()?.cut ?? NO_LSN)), generation];
  await makeDurable(disks, start.volume, generations);
  // Durable from here: this term exists on every present disk; older batches above its parent LSN are void.
  failpoint('after-generation-before-start');
  const imageSource = createImageSource(start.skeleton, { inline: ports.inlineImages });
  let core: VolumeCore | null = null;
  let returned = false;
  try {
    core = await assembleVolume({ ...start, imageSource, generations, retained: recovered.retained, startAfter: { generation: generation.id, lsn: recovered.end.lsn, link: 0 } });
    returned = recordDisks(core);
    await refillOpenSegments(core, recovered);
    await recovered.settle();
    // Marks of what was given up on purpose must not refuse the next mount.
    if (settings.preferHistory !== null) await markLabels(core);
  } catch (error) {
    // What runs already would keep the process alive; skeleton, disks and backup are let go by the callers. A journal that
    // cannot be written either has nothing to add: the error that brought us here is the one to tell.
    await core?.journal.close().catch(() => undefined);
    await core?.pool.close();
    await imageSource.close();
    throw error;
  }
  const mounted = new MountedVolume(core);
  if (core.backup !== null) await claimIfReachable(mounted, core.backup);
  mounted.start(start.unclean || returned);
  return mounted;
}

/**
 * Makes the journal whole from the oldest starting point that it reaches. A disk that was away brings images so old that the
 * journal after them was released long ago: those are passed over.
 */
async function healFrom({ recovered, startingPoints, ports, settings }: HistoryStart, copies: number): Promise<void> {
  for (const [index, from] of startingPoints.entries()) {
    try {
      const reached = await recovered.heal(from, copies);
      if (reached <= settings.tolerance) ports.logger.warn({ copies: reached, wanted: settings.tolerance + 1 }, 'the journal has fewer copies than it should');
      return;
    } catch (error) {
      if (!isErrorOf(error, 'corrupt') || index === startingPoints.length - 1) throw error;
      ports.logger.info({ from, reason: error.message }, 'the journal does not reach back to an old image; a newer one is used');
    }
  }
}

/** A removal that an earlier life began goes on: nothing new is written there, from the first term on. */
function markLeaving(skeleton: Skeleton, disks: DiskSet): void {
  const leaving = skeleton.disks().filter((row) => row.state === 'leaving');
  for (const { path, disk } of disks.members) {
    if (leaving.some((row) => (disk === null ? row.path === path : row.disk === disk.id))) disks.leave(path, 'moving', 'its removal goes on');
  }
}

/** The skeleton remembers which disk was where, so that a later life can name one that is gone. True: one that was lost is back, and may hold what was written anew without it. */
function recordDisks(core: VolumeCore): boolean {
  let returned = false;
  const known = new Map(core.skeleton.disks().map((row) => [row.disk, row]));
  for (const member of core.disks.members) {
    const row = member.disk === null ? [...known.values()].find((r) => r.path === member.path && r.state !== 'gone') : known.get(member.disk.id);
    const id = member.disk?.id ?? row?.disk;
    if (id === undefined) continue;
    const state = recordedState(member);
    if (row?.path === member.path && row.state === state) continue;
    if (row !== undefined && row.state !== 'healthy' && state === 'healthy') returned = true;
    core.record({ type: 'disk', disk: id, path: member.path, state, reason: member.reason, time: core.ports.clock.now() });
  }
  // Removed to the end, but for this record.
  for (const row of known.values()) {
    if (row.state !== 'leaving' || core.disks.members.some((member) => member.disk?.id === row.disk || member.path === row.path)) continue;
    core.record({ type: 'disk', disk: row.disk, path: row.path, state: 'gone', reason: 'removed', time: core.ports.clock.now() });
  }
  return returned;
}

async function openBackupIfAny(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId): Promise<Backup | null> {
  if (settings.backup === null) return null;
  const store = await ports.openStore(settings.backup);
  return openBackup({ store, volume, codec: ports.codec, clock: ports.clock, random: ports.random, logger: ports.logger });
}

/** A dead bucket never keeps a volume from mounting; being fenced, or a newer program having written there, does. */
async function claimIfReachable(mounted: MountedVolume, backup: Backup): Promise<void> {
  const { logger } = mounted.core.ports;
  try {
    await mounted.ownership.ensure(backup);
  } catch (error) {
    if (error instanceof HoldfastError && (error.code === 'backup-fenced' || error.code === 'backup-ahead' || error.code === 'backup-prefix-taken' || isUnknownVersion(error))) {
      await mounted.abandon();
      throw error;
    }
    logger.warn({ backup: backup.description, error: messageOf(error) }, 'the backup cannot be reached; the volume is mounted all the same and the next flush tries again');
  }
}
