// Makes a lost volume whole again on a bare machine from a root in the backup: skeleton first (from then on the volume can be
// opened and every byte be read through the backup), then the segments. An interrupted restore goes on where it was.
import { openBackup, readMarker, type Backup } from '../backup/backup.js';
import type { RootBody } from '../backup/contract.js';
import { HoldfastError } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asDiskId, NO_LSN } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import { uuid } from '../base/random.js';
import type { BackupSettings, VolumeSettings } from '../config/settings.js';
import type { Generation } from '../format/generation.js';
import { createImageSource } from '../skeleton/image-source.js';
import { openSkeleton } from '../skeleton/skeleton.js';
import { DiskSet, type DiskMember } from '../volume/disk-set.js';
import { generationAfter, makeDurable } from '../volume/generation.js';
import { publishLocalImage } from '../volume/image-point.js';
import { checkDisks, checkRealPaths, checkShape } from '../volume/init-checks.js';
import { LocalImages } from '../volume/local-images.js';
import { localPorts, type SystemIo } from '../volume/local-ports.js';
import { openVolumeWith } from '../volume/open.js';
import { skeletonPath } from '../volume/skeleton-path.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import type { VolumePorts } from '../volume/ports.js';
import { materialize } from '../volume/recover-skeleton.js';
import type { RecoveryProgress, RestoreReport, RestoreRequest } from './contract.js';
import { hydrate } from './hydrate.js';
import { chooseRoot, rootNotes } from './root-choice.js';

/** The settings of the request name the new disks and state; their backup is where the volume comes from. */
export async function restoreVolume(request: RestoreRequest, io: SystemIo, progress: RecoveryProgress): Promise<RestoreReport> {
  await checkRealPaths({ ...request.settings, parity: 0, tolerance: 0, scheme: 'parity' });
  return restoreVolumeWith(request, localPorts(io), progress);
}

export async function restoreVolumeWith(request: RestoreRequest, ports: VolumePorts, progress: RecoveryProgress): Promise<RestoreReport> {
  const started = ports.clock.monotonicMs();
  const { root, settings, notes } = await prepare(request, ports);
  for (const note of notes) ports.logger.warn({ root: root.sequence }, note);
  const mounted = await openVolumeWith(settings, ports);
  try {
    await own(mounted);
    await adoptRoot(mounted, root);
    const { segments, bytes, lost } = await hydrate(mounted, progress);
    await publishLocalImage(mounted.core, mounted.points);
    const { files } = mounted.core.skeleton.use();
    return { settings, root: root.sequence, rootTime: root.time.sec, files, segments, bytes, lost, notes, elapsedMs: ports.clock.monotonicMs() - started };
  } finally {
    await mounted.close();
  }
}

/** Lays the skeleton of the root onto the new disks. Does nothing but read the root where an earlier restore has done it. */
async function prepare(request: RestoreRequest, ports: VolumePorts): Promise<{ readonly root: RootBody; readonly settings: VolumeSettings; readonly notes: readonly string[] }> {
  const from = request.settings.backup;
  if (from === null) throw new HoldfastError('invalid', 'restore needs a backup', { code: 'no-backup', hint: 'Name it with --from.' });
  const { backup, volume } = await openFrom(from, ports);
  try {
    const roots = await backup.roots.list();
    const root = chooseRoot(roots, request.at, backup.description);
    const tip = await backup.roots.tip();
    const notes = rootNotes(roots, root, tip.damaged);
    const settings = completed(request, root);
    if (await alreadyPrepared(settings, ports, volume)) return { root, settings, notes };
    checkShape(settings);
    await checkDisks(settings, ports);
    await layDown(settings, ports, backup, root, (tip.newest ?? root).generation);
    return { root, settings, notes };
  } finally {
    await backup.close();
  }
}

async function openFrom(backup: BackupSettings, ports: VolumePorts): Promise<{ readonly backup: Backup; readonly volume: Backup['volume'] }> {
  const store = await ports.openStore(backup);
  const marker = await readMarker(store);
  if (marker === null) {
    await store.close();
    throw new HoldfastError('missing', `${store.description} holds no Holdfast backup`, { code: 'no-backup-here', hint: 'Look at the URL and its prefix: it is the one given to `holdfast init --backup`.' });
  }
  return { backup: openBackup({ store, volume: marker.volume, codec: ports.codec, clock: ports.clock, random: ports.random, logger: ports.logger }), volume: marker.volume };
}

/** What the request leaves open is as it was when the root was made, as far as the new disks can hold it. */
function completed(request: RestoreRequest, root: RootBody): VolumeSettings {
  const number = (name: string, otherwise: number): number => {
    const value = root.settings[name];
    return typeof value === 'number' ? value : otherwise;
  };
  const most = Math.max(0, request.settings.disks.length - 1);
  const tolerance = request.settings.tolerance ?? Math.min(number('tolerance', most), most);
  const parity = request.settings.parity ?? Math.min(number('parity', tolerance), tolerance);
  const scheme = request.settings.scheme ?? (root.settings['scheme'] === 'copy' && request.settings.journal.disks.length > 0 ? 'copy' : 'parity');
  return { ...request.settings, tolerance, parity, scheme };
}

async function alreadyPrepared(settings: VolumeSettings, ports: VolumePorts, volume: string): Promise<boolean> {
  const first = settings.disks[0];
  if (first === undefined) return false;
  try {
    const { disk, volume: carried } = await ports.disks.open(first.path, null);
    const prepared = carried === volume && (await disk.size('generations')) !== null;
    await disk.close();
    return prepared;
  } catch (error) {
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}

async function layDown(settings: VolumeSettings, ports: VolumePorts, backup: Backup, root: RootBody, before: Generation): Promise<void> {
  const image = root.image;
  if (image === null) throw new HoldfastError('corrupt', `root ${root.sequence} names no image`, { code: 'root-malformed' });
  const path = skeletonPath(settings);
  await materialize(backup.images, image, path);
  const members: DiskMember[] = [];
  for (const [role, list] of [['pool', settings.disks] as const, ['journal', settings.journal.disks] as const]) {
    for (const { path: at } of list) {
      const disk = await ports.disks.format(at, { volume: backup.volume, disk: asDiskId(uuid(ports.random)), volumeName: settings.name });
      members.push({ path: at, role, disk, state: 'healthy', reason: '' });
    }
  }
  const disks = new DiskSet(members, (member) => ports.logger.error({ disk: member.path, reason: member.reason }, 'a disk failed during restore'));
  const end = { generation: image.generation, lsn: image.lsn, link: image.link };
  const generation = generationAfter({ end, highestNumber: before.number }, disks, settings.tolerance, ports.random);
  const skeleton = openSkeleton(path, { volume: backup.volume, recordDeltas: true });
  const source = createImageSource(skeleton, { inline: ports.inlineImages });
  try {
    await skeleton.commit({ appliedLsn: image.lsn, generation: generation.id, link: 0, bootId: ports.bootId }, () => source.capture());
    const images = new LocalImages(backup.volume, ports, disks, settings.tolerance + 1);
    await images.publish(source, { generation: generation.id, lsn: image.lsn, link: 0 });
    failpoint('after-restored-image-before-generation');
    // The old term is remembered, so that its epoch in the backup counts as ours; its disks are gone, and with them its say.
    await makeDurable(disks, backup.volume, [{ ...before, members: generation.members, journalDisks: [] }, generation]);
    // Durable from here: the disks can be mounted, and every byte can be read through the backup.
  } finally {
    source.release();
    await source.close();
    skeleton.close();
    for (const disk of disks.present()) await disk.close();
  }
}

/** Who restores has decided that nobody else owns the volume: also past an entry that cannot be read. */
async function own({ core, ownership }: MountedVolume): Promise<void> {
  ownership.passDamaged = true;
  if (core.backup !== null) await ownership.ensure(core.backup);
}

/** The restored state is exactly the root: it has no deltas, and everything it refers to is in the backup, but what the root names as lacking. */
async function adoptRoot(mounted: MountedVolume, root: RootBody): Promise<void> {
  const { core } = mounted;
  if (core.skeleton.lastRoot()?.sequence !== root.sequence) {
    const { sequence, epoch, cut, time, deltas, files, bytes } = root;
    core.record({ type: 'root', sequence, epoch, cut, time, deltas, files, bytes });
  }
  while (core.skeleton.backlog().deltas > 0) {
    const first = core.skeleton.deltas(null, NO_LSN, 1)[0];
    if (first === undefined || first.lsn > root.cut) break;
    core.record({ type: 'delta-release', cut: root.cut, limit: rowsPerTurnMax });
    await core.ports.clock.turn();
  }
  await core.journal.commit();
}
