// What a failed disk operation means for the pool. Anything that is not one of our errors is a bug or a simulated death:
// it is thrown on, never taken for a broken disk.
import { HoldfastError } from '../base/errors.js';

/** failed: the disk did not do it. full: no room. conflict: the name is taken. damaged: the file is missing or too short. */
export type DiskFault = 'failed' | 'full' | 'conflict' | 'damaged';

export function classify(error: unknown): DiskFault {
  if (!(error instanceof HoldfastError)) throw error;
  switch (error.kind) {
    case 'full':
      return 'full';
    case 'conflict':
      return 'conflict';
    case 'missing':
    case 'corrupt':
      return 'damaged';
    case 'unavailable':
    case 'closed':
      return 'failed';
    default:
      throw error;
  }
}
