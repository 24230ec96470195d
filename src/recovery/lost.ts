// Names what cannot be had: the files and byte ranges that refer to a segment.
import type { SegmentNumber } from '../base/ids.js';
import type { Skeleton } from '../skeleton/contract.js';
import type { LostRange } from './contract.js';

export function lostRanges(skeleton: Skeleton, segment: SegmentNumber): readonly LostRange[] {
  const ranges: LostRange[] = [];
  for (const { ino, extent } of skeleton.referencesTo(segment)) ranges.push({ path: skeleton.pathOf(ino), offset: extent.offset, length: extent.length });
  return ranges;
}
