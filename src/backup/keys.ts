// Every key below the prefix of a backup, in one place. Bytes behind them: docs/format/backup.md.
import { asGenerationId, asSegmentNumber, type GenerationId, type Lsn, type SegmentId, type SegmentNumber, segmentName } from '../base/ids.js';

/** Says whose prefix this is; written first, by init. */
export const markerKey = 'holdfast.json';
export const rootPrefix = 'roots/';
export const segmentPrefix = 'segments/';
export const packPrefix = 'packs/';
export const announcementPrefix = 'images/';
export const intentPrefix = 'intents/';
export const probePrefix = 'probes/';

/** Ten digits: byte order is number order. */
export function rootKey(sequence: number): string {
  return rootPrefix + sequence.toString().padStart(10, '0');
}

/** null for names that are no root's. */
export function rootSequence(key: string): number | null {
  const match = /^roots\/(\d{10})$/.exec(key);
  return match === null ? null : Number(match[1]);
}

/** Segment numbers that share a folder: a directory of a backup stays small, a listing of one is one or two requests. */
export const segmentsPerFolder = 1_024;

export function folderOf(segment: SegmentNumber): number {
  return Math.floor(segment / segmentsPerFolder);
}

export function segmentFolder(folder: number): string {
  return `${segmentPrefix}${folder.toString(16)}/`;
}

export function segmentKey(id: SegmentId): string {
  return segmentFolder(folderOf(id.number)) + segmentName(id);
}

export function segmentOfKey(key: string): SegmentId | null {
  const match = /\/([0-9a-f]{16})-([0-9a-f]{12,14})$/.exec(key);
  if (match === null) return null;
  const id = { generation: asGenerationId(match[1] ?? ''), number: asSegmentNumber(Number.parseInt(match[2] ?? '', 16)) };
  return Number.isSafeInteger(id.number) && segmentKey(id) === key ? id : null;
}

/** `<lsn 16 hex>-<generation>`: announcements sort by LSN. */
export function pointName(lsn: Lsn, generation: GenerationId): string {
  return `${lsn.toString(16).padStart(16, '0')}-${generation}`;
}

export function announcementKey(lsn: Lsn, generation: GenerationId): string {
  return announcementPrefix + pointName(lsn, generation);
}
