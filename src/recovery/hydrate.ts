// Brings segments that the backup holds onto the local disks, whole and with their parity. Skips what is here already,
// so it can be interrupted and called again. Ordinary writes may go on meanwhile.
import { isErrorOf } from '../base/errors.js';
import { asSegmentNumber, type SegmentNumber } from '../base/ids.js';
import type { SegmentRow } from '../skeleton/contract.js';
import { lostRanges } from '../volume/lost.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { storeAnew } from '../volume/rescue.js';
import type { LostRange, RecoveryProgress } from './contract.js';

const rowsAtOnce = 200;

export interface Hydrated {
  readonly segments: number;
  readonly bytes: number;
  readonly lost: readonly LostRange[];
}

export async function hydrate(mounted: MountedVolume, progress: RecoveryProgress): Promise<Hydrated> {
  const { core } = mounted;
  const total = core.skeleton.use().liveBytes;
  const lost: LostRange[] = [];
  let segments = 0;
  let bytes = 0;
  for (let after: SegmentNumber = asSegmentNumber(0); ; ) {
    const rows = core.skeleton.segments(after, rowsAtOnce, 'all');
    for (const row of rows) {
      after = row.segment;
      core.pin(row.segment);
      try {
        // Pinned from here, so what is seen now stays true: the list is older than the work on it.
        const now = core.skeleton.segment(row.segment);
        if (now === null || !needsFetching(mounted, now)) continue;
        bytes += await fetchSegment(mounted, now);
        segments++;
      } catch (error) {
        if (!isErrorOf(error, 'missing', 'corrupt', 'unavailable')) throw error;
        lost.push(...lostRanges(core.skeleton, row.segment));
      } finally {
        core.unpin(row.segment);
      }
      progress('segments', bytes, total);
    }
    if (rows.length < rowsAtOnce) return { segments, bytes, lost };
  }
}

function needsFetching(mounted: MountedVolume, row: SegmentRow): boolean {
  return row.state !== 'dead' && row.live > 0 && !isLocal(mounted, row) && !mounted.core.pool.unsealed().includes(row.segment);
}

/** Every shard of its layout is on a disk of this machine. */
function isLocal(mounted: MountedVolume, row: SegmentRow): boolean {
  return row.layout !== null && row.disks.every((disk) => disk !== null && mounted.core.disks.readable(disk) !== null);
}

async function fetchSegment(mounted: MountedVolume, row: SegmentRow): Promise<number> {
  const { core } = mounted;
  const backup = core.backup;
  if (backup === null) return 0;
  const id = { generation: row.generation, number: row.segment };
  const length = await backup.segments.length(id);
  const bytes = await backup.segments.get(id, 0, length ?? row.length);
  // What a root refers to is in the backup, whatever the image knew when it was taken.
  if (!row.present) core.record({ type: 'presence', segment: row.segment, present: true });
  await storeAnew(core, { ...row, present: true }, bytes);
  return bytes.length;
}
