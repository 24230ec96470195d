// Opens a volume only to look: disks, true history and a skeleton in a scratch folder. Nothing is written to a disk, the live
// database stays as it is, no generation begins. For `rebuild --dry-run`.
import { mkdir, rm } from 'node:fs/promises';
import { openBackup } from '../backup/backup.js';
import type { VolumeSettings } from '../config/settings.js';
import { createImageSource } from '../skeleton/image-source.js';
import { VolumeCore } from '../volume/core.js';
import { DiskSet } from '../volume/disk-set.js';
import { LocalImages } from '../volume/local-images.js';
import { recoverHistory } from '../volume/open.js';
import { openDisks } from '../volume/open-disks.js';
import type { VolumePorts } from '../volume/ports.js';
import { recoverSkeleton } from '../volume/recover-skeleton.js';

/** Runs `look` on a core without journal and pool: only its skeleton, disks and backup may be used. */
export async function withPlanningCore<T>(settings: VolumeSettings, ports: VolumePorts, look: (core: VolumeCore) => Promise<T>): Promise<T> {
  const { volume, members, labels } = await openDisks(settings, ports);
  const disks = new DiskSet(members, (member) => ports.logger.warn({ disk: member.path, reason: member.reason }, 'a disk cannot be read'));
  const scratch = `${settings.stateDir}/plan-${ports.random.bytes(4).toString('hex')}`;
  try {
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    const backup =
      settings.backup === null
        ? null
        : openBackup({ store: await ports.openStore(settings.backup), volume, codec: ports.codec, clock: ports.clock, random: ports.random, logger: ports.logger });
    const journal = await recoverHistory(settings, ports, volume, disks, labels);
    const localImages = new LocalImages(volume, ports, disks, settings.tolerance + 1);
    const { skeleton } = await recoverSkeleton({ volume, path: `${scratch}/skeleton.db`, vouched: () => Promise.resolve(false), recordDeltas: backup !== null, journal, localImages, backup, ports });
    const imageSource = createImageSource(skeleton, { inline: true });
    try {
      return await look(new VolumeCore({ volume, settings, ports, disks, skeleton, imageSource, localImages, backup, generations: journal.generations }));
    } finally {
      await imageSource.close();
      skeleton.close();
      await backup?.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
    for (const disk of disks.present()) await disk.close();
  }
}
