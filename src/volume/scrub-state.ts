// Where a scrub has come to and what the last one found, in a small file beside the live database. It is worth nothing but time: one that
// is lost, damaged or of another volume makes the scrub begin again.
import type { SegmentNumber, VolumeId } from '../base/ids.js';
import type { ScrubReport } from './scrub-report.js';
import { loadStateFile, saveStateFile } from './state-file.js';

const version = 1;

export interface ScrubPosition {
  /** Segments up to here are done. */
  readonly after: SegmentNumber;
  /** Length of the segments that are done. */
  readonly doneBytes: number;
  readonly report: ScrubReport;
}

export interface ScrubState {
  /** The one under way. */
  readonly running: ScrubPosition | null;
  readonly last: ScrubReport | null;
}

export const neverScrubbed: ScrubState = { running: null, last: null };

export function loadScrubState(path: string, volume: VolumeId): ScrubState {
  const saved = loadStateFile(path, volume, version) as ScrubState | null; // saved below
  return saved === null ? neverScrubbed : { running: saved.running, last: saved.last };
}

export function saveScrubState(path: string, volume: VolumeId, state: ScrubState): void {
  saveStateFile(path, volume, version, state);
}
