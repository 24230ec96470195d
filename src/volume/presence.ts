// Is what the backup is believed to hold still there? (rule 8) One folder of segment numbers at a time: the store lists it, and only an
// object that is not listed in its full size is asked for by itself. What it lost is taken back: protected and uploaded again, loudly.
import type { Backup } from '../backup/backup.js';
import { folderOf, segmentsPerFolder } from '../backup/keys.js';
import { asSegmentNumber, type SegmentNumber } from '../base/ids.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';

/** Rows looked at in one turn. */
const rowsPerTurn = 200;

/** The first folder at or after this one with a segment in it; null: there is none. */
export function folderFrom(core: VolumeCore, folder: number): number | null {
  const [first] = core.skeleton.segments(before(folder), 1, 'all');
  return first === undefined ? null : folderOf(first.segment);
}

/** Segments of a folder that the backup is believed to hold, dead ones (older roots need them) included. */
export async function presentIn(core: VolumeCore, folder: number): Promise<readonly SegmentRow[]> {
  const present: SegmentRow[] = [];
  for (let after = before(folder); ; ) {
    const rows = core.skeleton.segments(after, rowsPerTurn, 'all').filter((row) => folderOf(row.segment) === folder);
    present.push(...rows.filter((row) => row.present && row.length > 0));
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsPerTurn) return present;
    after = last.segment;
    await core.ports.clock.turn();
  }
}

/** Of these segments those whose object is not there, or not in its full size with a header that verifies. 'unavailable' when the store does not say. */
export async function missingOf(backup: Backup, folder: number, rows: readonly SegmentRow[]): Promise<readonly SegmentRow[]> {
  if (rows.length === 0) return [];
  // An empty directory where a disk is not mounted, or another bucket, would look like the loss of everything.
  await backup.checkMarker();
  const listed = await backup.segments.listed(folder);
  const missing: SegmentRow[] = [];
  for (const row of rows) {
    const id = { generation: row.generation, number: row.segment };
    if (!backup.segments.isListed(listed, id, row.length) && (await backup.segments.length(id)) === null) missing.push(row);
  }
  return missing;
}

/** From here on the segment counts as un-backed-up. False: it is not alive any more, or nobody believed it to be there. */
export async function takeBackPresence(core: VolumeCore, segment: SegmentNumber, reason: string): Promise<boolean> {
  // What was recorded while a commit is under way does not show yet: the segment may have died.
  while (core.committing) await core.ports.clock.turn();
  const row = core.skeleton.segment(segment);
  if (row?.state !== 'sealed' || !row.present) return false;
  core.ports.logger.error({ segment, reason }, 'the backup lost the object of a segment; it is protected here and uploaded again by the next flush');
  core.record({ type: 'presence', segment, present: false });
  core.presenceLost = true;
  return true;
}

function before(folder: number): SegmentNumber {
  return asSegmentNumber(Math.max(0, folder * segmentsPerFolder - 1));
}
