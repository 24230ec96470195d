// Retires old roots and what only they needed in the backup. Runs after a root, in bounded steps; the garbage collector
// re-reads the epoch before each batch of deletes.
import type { Backup } from '../backup/backup.js';
import { asSegmentNumber, NO_LSN, type SegmentId } from '../base/ids.js';
import type { VolumeCore } from './core.js';

/** Objects removed per flush: the rest goes with the next ones. */
const segmentsPerRun = 1_000;

export async function retire(core: VolumeCore, backup: Backup): Promise<void> {
  const roots = core.skeleton.roots();
  const keep = core.thresholds.retention.keepRoots;
  const retired = roots.slice(0, Math.max(0, roots.length - keep));
  const oldest = roots[retired.length];
  if (oldest === undefined) return;
  // A segment that died at or before the oldest kept root's cut is referred to by no kept root.
  const dead = core.skeleton
    .segments(asSegmentNumber(0), segmentsPerRun, 'dead')
    .filter((row) => row.present && row.diedLsn > NO_LSN && row.diedLsn <= oldest.cut && row.disks.every((d) => d === null));
  if (retired.length === 0 && dead.length === 0) return;
  await backup.roots.assertOwned();
  await backup.roots.delete(retired.map((root) => root.sequence));
  const ids: SegmentId[] = dead.map((row) => ({ generation: row.generation, number: row.segment }));
  await backup.roots.assertOwned();
  if (ids.length > 0) await backup.segments.delete(ids);
  core.record({ type: 'backup-forget', segments: dead.map((row) => row.segment), roots: retired.map((root) => root.sequence) });
  const kept = (await backup.roots.list()).flatMap((root) => (root.image === null ? [] : [root.image]));
  await backup.images.collect(kept);
}
