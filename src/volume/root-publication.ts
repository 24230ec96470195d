// Writes a root: the small object that makes an image and its segments a point in time. A complete one names nothing that it lacks.
import type { Backup } from '../backup/backup.js';
import type { ImageReference, RootBody } from '../backup/contract.js';
import { runsOf } from '../backup/segment-runs.js';
import type { Lsn, SegmentId, SegmentNumber } from '../base/ids.js';
import type { Backlog } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';

export interface RootContent {
  readonly image: ImageReference;
  readonly cut: Lsn;
  readonly backlog: Backlog;
  /** Segments that the image refers to and the backup does not have: because no source has them any more, or not yet. Pinned. */
  readonly lost: readonly SegmentNumber[];
  readonly pending: readonly SegmentNumber[];
}

/** Durable when it resolves. Errors as RootLog.publish. */
export async function publishRoot(core: VolumeCore, backup: Backup, { image, cut, backlog, lost, pending }: RootContent): Promise<RootBody> {
  // Roots need their LSN durable, not only written: a power loss must not leave a root ahead of the journal.
  await core.journal.commit();
  const { deltas, files, bytes } = backlog;
  return backup.roots.publish({
    time: core.ports.clock.now(),
    volume: core.volume,
    generation: core.generation,
    image,
    lost: runsOf(idsOf(core, lost)),
    pending: runsOf(idsOf(core, pending)),
    cut,
    deltas,
    files,
    bytes,
    settings: rootSettings(core),
  });
}

/** What a bare machine needs to make the volume again. */
export function rootSettings(core: VolumeCore): Readonly<Record<string, unknown>> {
  const { name, parity, tolerance, scheme, disks } = core.settings;
  return { name, parity, tolerance, scheme, disks: disks.length };
}

function idsOf(core: VolumeCore, segments: readonly SegmentNumber[]): readonly SegmentId[] {
  return segments.flatMap((number) => {
    const row = core.skeleton.segment(number);
    return row === null ? [] : [{ generation: row.generation, number }];
  });
}
