// Where a scrub has come to and what the last one found, in a small file beside the live database. It is worth nothing but time: one that
// is lost, damaged or of another volume makes the scrub begin again. Written at once, as the database is: some KiB, never synced.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { SegmentNumber, VolumeId } from '../base/ids.js';
import { crc32c } from '../native/checksum.js';
import type { ScrubReport } from './scrub-report.js';

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
  try {
    const [checksum = '', text = ''] = readFileSync(path, 'utf8').split('\n');
    if (checksum !== checksumOf(text)) return neverScrubbed;
    const saved = JSON.parse(text) as { readonly version: number; readonly volume: VolumeId } & ScrubState; // written below, as its checksum says
    return saved.version === version && saved.volume === volume ? { running: saved.running, last: saved.last } : neverScrubbed;
  } catch {
    return neverScrubbed; // not there, not readable: it begins again
  }
}

/** After a killed process the old or the new one is there. Not durable: a power loss may take it back. */
export function saveScrubState(path: string, volume: VolumeId, state: ScrubState): void {
  const text = JSON.stringify({ version, volume, ...state });
  writeFileSync(`${path}.new`, `${checksumOf(text)}\n${text}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function checksumOf(text: string): string {
  return crc32c(Buffer.from(text)).toString(16).padStart(8, '0');
}
