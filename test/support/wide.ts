// Places in files for tests, reckoned with bigints alone: what src/base/file-offset.ts does in two ways is done here in one.
import type { FileOffset } from '../../src/base/file-offset.js';

/** The largest place whose number is exact. */
export const exactMax = 2n ** 53n - 1n;
/** The largest file there is. */
export const largest = 2n ** 63n - 1n;

/** As the code under test gives it. */
export function place(value: bigint): FileOffset {
  return value > exactMax || value < -exactMax ? value : Number(value);
}
