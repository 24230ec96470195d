// A consistency point whose image goes to the local disks, and what it then allows to go: old journal files.
import { failpoint } from '../base/failpoint.js';
import { asLsn, NO_LSN, type SegmentNumber } from '../base/ids.js';
import type { JournalMark } from '../journal/contract.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';
import { markLabels } from './label-marks.js';

/** Publishes an image of now to tolerance + 1 disks. False when too few disks took it; then nothing is released. */
export async function publishLocalImage(core: VolumeCore, points: ConsistencyPoints): Promise<boolean> {
  const published = await core.imageLock.run(async () => {
    const mark = await points.cut({ between: () => core.imageSource.capture() });
    try {
      return await publishCaptured(core, mark);
    } finally {
      core.imageSource.release();
    }
  });
  if (published) await releaseJournal(core);
  return published;
}

/**
 * Writes the captured image to the disks. A point is only written, an image stands for durable records: were it on a disk before
 * they are, a power loss in between would leave an image ahead of its journal, and recovery could only take that for damage.
 */
export async function publishCaptured(core: VolumeCore, mark: JournalMark): Promise<boolean> {
  await core.journal.commit();
  // Durable from here: everything up to the mark.
  failpoint('after-commit-before-local-images');
  const published = await core.localImages.publish(core.imageSource, mark);
  if (published) await markLabels(core);
  return published;
}

/** Removes journal files that every kept image covers and whose payload nobody needs. */
export async function releaseJournal(core: VolumeCore): Promise<void> {
  const { horizon } = core.localImages;
  // The second copy of the bytes goes when a root stands for them: an object in the backup that no root leads to restores nothing (rule 8).
  const covered = core.keepsSecondCopy ? asLsn(Math.min(horizon, core.skeleton.lastRoot()?.cut ?? NO_LSN)) : horizon;
  await core.journal.release(covered, (segments) => segments.every((segment) => !needsPayload(core, segment)));
}

/** The journal holds the only (parity: not sealed) or the second (copy: not in the backup) copy of these bytes. */
function needsPayload(core: VolumeCore, segment: SegmentNumber): boolean {
  const row = core.skeleton.segment(segment);
  // A seal that a power loss could take back makes the segment an open one again, whatever happened to it since.
  if (!core.sealIsDurable(segment)) return true;
  if (row === null || row.state === 'dead') return false;
  if (row.state === 'open') return true;
  return core.keepsSecondCopy && !row.present;
}
