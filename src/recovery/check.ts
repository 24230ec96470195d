// Proves the whole skeleton of a volume: every rule of Skeleton.check(), collected into a report; on demand the backup as well.
import { isErrorOf } from '../base/errors.js';
import type { VolumeSettings } from '../config/settings.js';
import type { CheckFinding } from '../skeleton/contract.js';
import type { SystemIo } from '../volume/local-ports.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { openVolume } from '../volume/open.js';
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

const attemptsMax = 5;

async function collect(findings: AsyncIterable<CheckFinding>): Promise<readonly CheckFinding[]> {
  const all: CheckFinding[] = [];
  for await (const finding of findings) all.push(finding);
  return all;
}

/** Of an open one: a consistency point is cut first, since the check reads committed state. */
export async function checkOpen(mounted: MountedVolume, { backup, readData }: CheckOptions): Promise<CheckReport> {
  const { core, points } = mounted;
  const started = core.ports.clock.monotonicMs();
  const findings = await core.imageLock.run(async () => {
    for (let attempt = 1; ; attempt++) {
      await points.cut();
      try {
        return await collect(core.skeleton.check());
      } catch (error) {
        // A checkpoint moved the pages that were being read: the next look sees a newer state.
        if (!(isErrorOf(error, 'conflict') && error.code === 'check-interrupted') || attempt === attemptsMax) throw error;
      }
    }
  });
  const inBackup = backup ? await checkBackup(mounted, readData) : [];
  return { findings: [...findings, ...inBackup], files: core.skeleton.use().files, elapsedMs: core.ports.clock.monotonicMs() - started };
}
