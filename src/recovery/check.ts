// Proves the whole skeleton of a volume: every rule of Skeleton.check(), collected into a report; on demand the backup as well.
import type { VolumeSettings } from '../config/settings.js';
import type { SystemIo } from '../volume/local-ports.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { openVolume } from '../volume/open.js';
import { skeletonFindings } from '../volume/skeleton-findings.js';
import { checkBackup } from './check-backup.js';
import type { CheckOptions, CheckReport } from './contract.js';

/** Of a volume that is not mounted. */
export async function checkVolume(settings: VolumeSettings, options: CheckOptions, io: SystemIo): Promise<CheckReport> {
  const mounted = await openVolume(settings, io);
  try {
    return await checkOpen(mounted, options);
  } finally {
    await mounted.close();
  }
}

/** Of an open one. */
export async function checkOpen(mounted: MountedVolume, { backup, readData }: CheckOptions): Promise<CheckReport> {
  const { core, points } = mounted;
  const started = core.ports.clock.monotonicMs();
  const findings = await skeletonFindings(core, points);
  const inBackup = backup ? await checkBackup(mounted, readData) : [];
  return { findings: [...findings, ...inBackup], files: core.skeleton.use().files, elapsedMs: core.ports.clock.monotonicMs() - started };
}
