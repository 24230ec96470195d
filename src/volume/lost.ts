// Names what cannot be had: the files and byte ranges that refer to a segment.
import { toPlain } from '../base/file-offset.js';
import type { SegmentNumber } from '../base/ids.js';
import type { Skeleton } from '../skeleton/contract.js';
import type { LostRange } from './contract.js';

/** Ranges of lost files in a report: `holdfast rebuild --dry-run` names them all. */
const rangesMax = 1_000;

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
