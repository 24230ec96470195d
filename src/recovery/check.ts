// Proves the whole skeleton of a volume: every rule of Skeleton.check(), collected into a report.
import type { VolumeSettings } from '../config/settings.js';
import type { CheckFinding } from '../skeleton/contract.js';
import type { SystemIo } from '../volume/local-ports.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { openVolume } from '../volume/open.js';
import type { CheckReport } from './contract.js';

/** Of a volume that is not mounted. */
export async function checkVolume(settings: VolumeSettings, io: SystemIo): Promise<CheckReport> {
  const mounted = await openVolume(settings, io);
  try {
    return await checkOpen(mounted);
  } finally {
    await mounted.close();
  }
}

/** Of an open one: a consistency point is cut first, since the check reads committed state. */
export async function checkOpen(mounted: MountedVolume): Promise<CheckReport> {
  const { core, points } = mounted;
  const started = core.ports.clock.monotonicMs();
  await points.cut();
  const findings: CheckFinding[] = [];
  for await (const finding of core.skeleton.check()) findings.push(finding);
  return { findings, files: core.skeleton.use().files, elapsedMs: core.ports.clock.monotonicMs() - started };
}
