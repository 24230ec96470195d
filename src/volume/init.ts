// Makes a new volume: checks everything first and writes only then, so that a refusal leaves no trace.
// Result: labelled disks, generation 1, an empty skeleton as image at LSN 0 on tolerance + 1 disks, and a claimed backup prefix.
import { mkdir, readdir } from 'node:fs/promises';
import { openBackup, type Backup } from '../backup/backup.js';
import { HoldfastError } from '../base/errors.js';
import { asDiskId, asGenerationId, asVolumeId, NO_LSN, type VolumeId } from '../base/ids.js';
import { uuid } from '../base/random.js';
import type { VolumeSettings } from '../config/settings.js';
import type { Disk } from '../disk/disk.js';
import { createImageSource } from '../skeleton/image-source.js';
import { createSkeleton } from '../skeleton/skeleton.js';
import { generationAfter, makeDurable } from './generation.js';
import { DiskSet, type DiskMember } from './disk-set.js';
import { checkDisks, checkRealPaths, checkShape } from './init-checks.js';
import { LocalImages } from './local-images.js';
import { localPorts, type SystemIo } from './local-ports.js';
import type { VolumePorts } from './ports.js';
import { skeletonPath } from './skeleton-path.js';
import type { InitReport } from './status.js';

export async function initVolume(settings: VolumeSettings, io: SystemIo): Promise<InitReport> {
  await checkRealPaths(settings);
  return initVolumeWith(settings, localPorts(io));
}

export async function initVolumeWith(settings: VolumeSettings, ports: VolumePorts): Promise<InitReport> {
  await checkState(settings);
  const warnings = [...checkShape(settings), ...(await checkDisks(settings, ports))];
  const volume = asVolumeId(uuid(ports.random));
  const backup = await claimPrefix(settings, ports, volume, warnings);
  const disks = await formatDisks(settings, ports, volume);
  try {
    await writeFirstState(settings, ports, volume, disks);
  } finally {
    for (const disk of disks.present()) await disk.close();
    await backup?.close();
  }
  return {
    volume,
    disks: disks.members.map(({ path, disk }) => ({ path, id: disk?.id ?? '' })),
    backup: settings.backup?.url ?? null,
    warnings,
  };
}

/** The state directory of another volume is never overwritten. */
async function checkState(settings: VolumeSettings): Promise<void> {
  const there = await readdir(settings.stateDir).catch((): string[] => []);
  if (there.includes('skeleton.db')) {
    throw new HoldfastError('conflict', `${settings.stateDir} already holds the state of a volume`, {
      code: 'state-exists',
      hint: 'Mount that volume, or choose another name or state_dir.',
    });
  }
}

async function claimPrefix(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId, warnings: string[]): Promise<Backup | null> {
  if (settings.backup === null) {
    warnings.push('no backup: what the disks lose is lost, and un-backed-up data never ends');
    return null;
  }
  const backup = openBackup({ store: await ports.openStore(settings.backup), volume, codec: ports.codec, clock: ports.clock, random: ports.random, logger: ports.logger });
  await backup.claimMarker();
  const probe = await backup.roots.probe();
  if (!probe.fences) warnings.push(`the backup cannot fence a second owner (${probe.detail}): never mount this volume on two machines`);
  return backup;
}

async function formatDisks(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId): Promise<DiskSet> {
  const members: DiskMember[] = [];
  const add = async (path: string, role: 'pool' | 'journal'): Promise<void> => {
    const disk: Disk = await ports.disks.format(path, { volume, disk: asDiskId(uuid(ports.random)), volumeName: settings.name });
    members.push({ path, role, disk, state: 'healthy', reason: '' });
  };
  for (const { path } of settings.disks) await add(path, 'pool');
  for (const { path } of settings.journal.disks) await add(path, 'journal');
  return new DiskSet(members, (member) => {
    throw new HoldfastError('unavailable', `${member.path} failed while the volume was made: ${member.reason}`, { code: 'disk-io', hint: 'Replace the disk, empty the others, and run init again.' });
  });
}

/** Order: skeleton image, then the generation that makes the disks mountable. */
async function writeFirstState(settings: VolumeSettings, ports: VolumePorts, volume: VolumeId, disks: DiskSet): Promise<void> {
  const nothing = { end: { generation: asGenerationId('0'.repeat(16)), lsn: NO_LSN, link: 0 }, highestNumber: 0 };
  const generation = generationAfter(nothing, disks, settings.tolerance, ports.random);
  const path = skeletonPath(settings);
  await mkdir(settings.stateDir, { recursive: true, mode: 0o700 });
  const skeleton = createSkeleton(path, {
    volume,
    time: ports.clock.now(),
    recordDeltas: settings.backup !== null,
    rootUid: process.getuid?.() ?? 0,
    rootGid: process.getgid?.() ?? 0,
    random: ports.random,
  });
  const source = createImageSource(skeleton, { inline: ports.inlineImages });
  try {
    const point = { appliedLsn: NO_LSN, generation: generation.id, link: 0, bootId: ports.bootId };
    await skeleton.commit(point, () => source.capture());
    const images = new LocalImages(volume, ports, disks, settings.tolerance + 1);
    await images.publish(source, { generation: generation.id, lsn: NO_LSN, link: 0 });
    await makeDurable(disks, volume, [generation]);
    // Durable from here: the disks can be mounted.
  } finally {
    source.release();
    await source.close();
    skeleton.close();
  }
}
