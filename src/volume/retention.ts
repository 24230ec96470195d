// Retires old roots and what only they needed in the backup. Runs after a root, in bounded steps; the collector re-reads the
// epoch before each batch of deletes and keeps its hands off while a flush is announced.
import type { Backup } from '../backup/backup.js';
import { asSegmentNumber, type Lsn } from '../base/ids.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';

/** Segment objects removed per flush: the rest goes with the next ones. */
const segmentsPerRun = 1_000;

export async function retire(core: VolumeCore, backup: Backup): Promise<void> {
  const keepRoots = core.thresholds.retention.keepRoots;
  const roots = core.skeleton.roots();
  const oldest = roots[Math.max(0, roots.length - keepRoots)];
  if (!core.partialRoots && roots.length <= keepRoots && (oldest === undefined || deadObjects(core, oldest.cut).length === 0)) return;
  const report = await backup.collect({
    keepRoots,
    dead: (horizon) => deadObjects(core, horizon).map((row) => ({ generation: row.generation, number: row.segment })),
  });
  core.partialRoots = false;
  const segments = report.segments.map((id) => id.number);
  if (segments.length > 0 || report.roots.length > 0) core.record({ type: 'backup-forget', segments, roots: report.roots });
}

/** Dead, off the local disks, and by the horizon referred to by no kept root. */
function deadObjects(core: VolumeCore, horizon: Lsn): readonly SegmentRow[] {
  return core.skeleton
    .segments(asSegmentNumber(0), segmentsPerRun, 'dead')
    .filter((row) => row.present && row.diedLsn <= horizon && row.disks.every((disk) => disk === null));
}
