// Names what cannot be had: the files and byte ranges that refer to a segment.
import { isErrorOf } from '../base/errors.js';
import { add, toPlain } from '../base/file-offset.js';
import type { SegmentNumber } from '../base/ids.js';
import { cellBytes } from '../base/limits.js';
import type { SegmentPlace } from '../pool/contract.js';
import type { Extent, Skeleton } from '../skeleton/contract.js';
import type { LostRange } from './contract.js';
import type { VolumeCore } from './core.js';

/** Ranges of lost files in a report: `holdfast rebuild --dry-run` names them all. */
const rangesMax = 1_000;

/** A segment that is lost in part is tried in pieces of this size, and where one cannot be read cell by cell. */
const pieceBytes = 64 * 1024;

export function lostRanges(skeleton: Skeleton, segment: SegmentNumber): readonly LostRange[] {
  const ranges: LostRange[] = [];
  for (const { ino, extent } of skeleton.referencesTo(segment)) ranges.push({ path: skeleton.pathOf(ino), offset: toPlain(extent.offset), length: extent.length });
  return ranges;
}

export function firstLostRanges(skeleton: Skeleton, segments: readonly SegmentNumber[]): { readonly ranges: readonly LostRange[]; readonly more: boolean } {
  const ranges: LostRange[] = [];
  for (const segment of segments) {
    if (ranges.length > rangesMax) break;
    ranges.push(...lostRanges(skeleton, segment));
  }
  return { ranges: ranges.slice(0, rangesMax), more: ranges.length > rangesMax };
}

/** Of what files have in a segment whose shards are bad, what cannot be read. The caller has pinned it. */
export async function unreadableRanges(core: VolumeCore, place: SegmentPlace): Promise<readonly LostRange[]> {
  const lost: LostRange[] = [];
  for (const { ino, extent } of [...core.skeleton.referencesTo(place.id.number)]) {
    for (const { at, length } of await unreadablePieces(core, place, extent)) {
      lost.push({ path: core.skeleton.pathOf(ino), offset: toPlain(add(extent.offset, at)), length });
    }
  }
  return lost;
}

/** Within the extent; neighbours are one. */
async function unreadablePieces(core: VolumeCore, place: SegmentPlace, { segmentOffset, length }: Extent): Promise<readonly { readonly at: number; readonly length: number }[]> {
  const pieces: { at: number; length: number }[] = [];
  for (const piece of cut(segmentOffset, segmentOffset + length, pieceBytes)) {
    if (await canBeRead(core, place, piece)) continue;
    for (const cell of cut(piece.from, piece.to, cellBytes)) {
      if (await canBeRead(core, place, cell)) continue;
      const last = pieces.at(-1);
      if (last !== undefined && segmentOffset + last.at + last.length === cell.from) last.length += cell.to - cell.from;
      else pieces.push({ at: cell.from - segmentOffset, length: cell.to - cell.from });
    }
  }
  return pieces;
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

/** At the multiples of `size`. */
function* cut(from: number, end: number, size: number): Iterable<Piece> {
  for (let at = from; at < end; ) {
    const to = Math.min(end, (Math.floor(at / size) + 1) * size);
    yield { from: at, to };
    at = to;
  }
}

async function canBeRead(core: VolumeCore, place: SegmentPlace, { from, to }: Piece): Promise<boolean> {
  try {
    await core.pool.read(place, from, Buffer.allocUnsafe(to - from));
    return true;
  } catch (error) {
    if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
    return false;
  }
}
