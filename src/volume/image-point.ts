// A consistency point whose image goes to the local disks, and what it then allows to go: old journal files.
import type { SegmentNumber } from '../base/ids.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';

/** Publishes an image of now to tolerance + 1 disks. False when too few disks took it; then nothing is released. */
export async function publishLocalImage(core: VolumeCore, points: ConsistencyPoints): Promise<boolean> {
  const published = await core.imageLock.run(async () => {
    const mark = await points.cut({ between: () => core.imageSource.capture() });
    try {
      return await core.localImages.publish(core.imageSource, mark);
    } finally {
      core.imageSource.release();
    }
  });
  if (published) await releaseJournal(core);
  return published;
}

/** Removes journal files that every kept image covers and whose payload nobody needs. */
export async function releaseJournal(core: VolumeCore): Promise<void> {
  await core.journal.release(core.localImages.horizon, (segments) => segments.every((segment) => !needsPayload(core, segment)));
}

/** The journal holds the only (parity: not sealed) or the second (copy: not in the backup) copy of these bytes. */
function needsPayload(core: VolumeCore, segment: SegmentNumber): boolean {
  const row = core.skeleton.segment(segment);
  if (row === null || row.state === 'dead') return false;
  if (row.state === 'open') return true;
  return core.settings.scheme === 'copy' && core.backup !== null && !row.present;
}
