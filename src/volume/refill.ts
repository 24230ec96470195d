// Un-sealed segments of the last life get their bytes back from the journal and are sealed soon after.
// Every byte that a file refers to must be covered: what was fsynced is, by the journal's promise; a hole means damage.
import { HoldfastError } from '../base/errors.js';
import { asSegmentNumber } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { PayloadRange } from '../format/payload.js';
import type { RecoveredJournal } from '../journal/contract.js';
import type { VolumeCore } from './core.js';

export async function refillOpenSegments(core: VolumeCore, recovered: RecoveredJournal): Promise<void> {
  for (const row of core.skeleton.segments(asSegmentNumber(0), rowsPerTurnMax, 'open')) {
    const ranges: PayloadRange[] = [];
    for await (const range of recovered.payloadOf(row.segment)) ranges.push(range);
    ranges.sort((a, b) => a.offset - b.offset);
    let filled = 0;
    for (const range of ranges) {
      if (range.offset > filled) break;
      if (range.offset + range.bytes.length <= filled) continue;
      core.pool.refill({ generation: row.generation, number: row.segment }, { ...range, offset: filled, bytes: range.bytes.subarray(filled - range.offset) });
      filled = range.offset + range.bytes.length;
    }
    if (filled > 0) core.refilled = { segments: core.refilled.segments + 1, bytes: core.refilled.bytes + filled };
    for (const { ino, extent } of core.skeleton.referencesTo(row.segment)) {
      if (extent.segmentOffset + extent.length <= filled) continue;
      throw new HoldfastError('corrupt', `${core.skeleton.pathOf(ino)}: bytes ${extent.offset}..${extent.offset + extent.length} are in no journal copy that is here`, {
        code: 'payload-missing',
        hint: 'Bring back a missing disk and mount again.',
        context: { segment: row.segment },
      });
    }
  }
  dropEmpty(core);
  // Sealed in the background: from then on nothing depends on the old journal files.
  core.pool.rotate();
}

/** Opened, but nothing that survived was ever written to them. */
function dropEmpty(core: VolumeCore): void {
  const filled = new Set(core.pool.unsealed());
  for (const row of core.skeleton.segments(asSegmentNumber(0), rowsPerTurnMax, 'open')) {
    if (!filled.has(row.segment)) core.record({ type: 'segment-drop', segment: row.segment });
  }
}
