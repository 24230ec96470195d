// Runs the skeleton's check of itself on an open volume: at a consistency point, since it reads what is committed, and under the image lock,
// since a captured image keeps the log from being emptied.
import { isErrorOf } from '../base/errors.js';
import type { CheckFinding } from '../skeleton/contract.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';

const attemptsMax = 5;

/** 'conflict' (check-interrupted) when consistency points got in its way again and again. */
export function skeletonFindings(core: VolumeCore, points: ConsistencyPoints, pagesOnly = false): Promise<readonly CheckFinding[]> {
  return core.imageLock.run(async () => {
    for (let attempt = 1; ; attempt++) {
      await points.cut();
      try {
        return await collect(core.skeleton.check(pagesOnly));
      } catch (error) {
        // A checkpoint moved the pages that were being read: the next look sees a newer state.
        if (!(isErrorOf(error, 'conflict') && error.code === 'check-interrupted') || attempt === attemptsMax) throw error;
      }
    }
  });
}

async function collect(findings: AsyncIterable<CheckFinding>): Promise<readonly CheckFinding[]> {
  const all: CheckFinding[] = [];
  for await (const finding of findings) all.push(finding);
  return all;
}
