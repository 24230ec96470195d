// Lists of segments as a root names them: runs of consecutive numbers of one generation, so that even the first flush of a large
// volume, which lacks nearly everything for a day, has small partial roots.
import type { GenerationId, SegmentId, SegmentNumber } from '../base/ids.js';

export interface SegmentRun {
  readonly generation: GenerationId;
  readonly first: SegmentNumber;
  readonly last: SegmentNumber;
}

/** Any order in, ascending by number out. */
export function runsOf(ids: readonly SegmentId[]): readonly SegmentRun[] {
  const runs: { generation: GenerationId; first: SegmentNumber; last: SegmentNumber }[] = [];
  for (const { generation, number } of [...ids].sort((a, b) => a.number - b.number)) {
    const run = runs.at(-1);
    if (run !== undefined && run.generation === generation && run.last + 1 === number) run.last = number;
    else runs.push({ generation, first: number, last: number });
  }
  return runs;
}

export function segmentsIn(runs: readonly SegmentRun[]): number {
  return runs.reduce((sum, { first, last }) => sum + (last - first + 1), 0);
}
