// Un-sealed segments of the last life get their bytes back from the journal and are sealed soon after.
// Every byte that a file refers to must be covered: what was fsynced is, by the journal's promise. After a restore the journal of
// that life is gone, and the backup, which holds every segment its root refers to, takes its place. Anything else is damage.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { add } from '../base/file-offset.js';
import { asSegmentNumber } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { PayloadRange } from '../format/payload.js';
import type { RecoveredJournal } from '../journal/contract.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';
import { Rescue } from './rescue.js';

export async function refillOpenSegments(core: VolumeCore, recovered: RecoveredJournal): Promise<void> {
  for (const row of core.skeleton.segments(asSegmentNumber(0), rowsPerTurnMax, 'open')) {
    if (row.live === 0) {
      // Opened, but nothing that survived refers to it: what the journal may have of it is not looked for.
      core.record({ type: 'segment-drop', segment: row.segment });
      continue;
    }
    const ranges = await contiguous(recovered, row);
    const last = ranges.at(-1);
    const filled = last === undefined ? 0 : last.offset + last.bytes.length;
    const uncovered = firstUncovered(core, row, filled);
    if (uncovered !== null) {
      await fromBackup(core, row, uncovered);
      continue;
    }
    for (const range of ranges) core.pool.refill({ generation: row.generation, number: row.segment }, range);
    if (filled > 0) core.refilled = { segments: core.refilled.segments + 1, bytes: core.refilled.bytes + filled };
    // Only what is being removed refers to it.
    else core.record({ type: 'segment-drop', segment: row.segment });
  }
  // Sealed in the background: from then on nothing depends on the old journal files.
  core.pool.rotate();
}

/** What the journal has from the segment's start on, without gaps and overlaps. */
async function contiguous(recovered: RecoveredJournal, row: SegmentRow): Promise<readonly PayloadRange[]> {
  const found: PayloadRange[] = [];
  for await (const range of recovered.payloadOf(row.segment)) found.push(range);
  found.sort((a, b) => a.offset - b.offset);
  const ranges: PayloadRange[] = [];
  let filled = 0;
  for (const range of found) {
    if (range.offset > filled) break;
    if (range.offset + range.bytes.length <= filled) continue;
    ranges.push({ segment: range.segment, offset: filled, bytes: range.bytes.subarray(filled - range.offset) });
    filled = range.offset + range.bytes.length;
  }
  return ranges;
}

/** The first file range past what is filled, in words; null when everything is covered. */
function firstUncovered(core: VolumeCore, row: SegmentRow, filled: number): string | null {
  for (const { ino, extent } of core.skeleton.referencesTo(row.segment)) {
    if (extent.segmentOffset + extent.length > filled) return `${core.skeleton.pathOf(ino)}: bytes ${extent.offset}..${add(extent.offset, extent.length)}`;
  }
  return null;
}

async function fromBackup(core: VolumeCore, row: SegmentRow, uncovered: string): Promise<void> {
  core.pin(row.segment);
  try {
    await new Rescue(core).keep(row.segment, null, null);
  } catch (error) {
    if (!isErrorOf(error, 'unavailable')) throw error;
    throw new HoldfastError('corrupt', `${uncovered} are in no journal copy that is here, nor in the backup`, {
      code: 'payload-missing',
      hint: 'Bring back a missing disk and mount again.',
      context: { segment: row.segment },
      cause: error,
    });
  } finally {
    core.unpin(row.segment);
  }
}
