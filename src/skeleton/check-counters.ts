// Rules about delta rows and about every number that is kept rather than counted.
import { messageOf } from '../base/errors.js';
import { finding, scan } from './check-scan.js';
import type { Rule } from './check-scan.js';
import type { Connection } from './connection.js';
import { dataCode, decodeValue, holeCode, kindCount, sharedCode, unwrittenCode } from './deltas.js';

interface DeltaColumns {
  readonly ino: number;
  readonly lsn: number;
  readonly kind: number;
  readonly length: number;
  readonly segment: number | null;
  readonly value: Buffer | null;
}

interface Point {
  readonly applied_lsn: number;
  readonly next_ino: number;
  readonly next_segment: number;
  readonly deltas: number;
  readonly delta_files: number;
  readonly delta_bytes: number;
  readonly files: number;
  readonly live_bytes: number;
}

export function* checkCounters(db: Connection): Rule {
  const point = db.prepare<[], Point>('SELECT * FROM point').get();
  if (point === undefined) {
    yield finding('point', 'commit point', 'it is missing');
    return;
  }
  yield* checkDeltas(db, point);
  const sums = { files: 0, live_bytes: 0 };
  let inoMax = 0;
  for (const row of scan<{ ino: number; content: number; allocated: number }>(db, 'SELECT ino, content, allocated FROM inode', ['ino'])) {
    if (row === null) {
      yield null;
      continue;
    }
    sums.files += 1;
    sums.live_bytes += row.allocated;
    inoMax = Math.max(inoMax, row.ino, row.content);
  }
  for (const name of ['files', 'live_bytes'] as const) {
    if (point[name] !== sums[name]) yield finding('counter', name, `kept ${point[name]}, counted ${sums[name]}`);
  }
  if (point.next_ino <= inoMax) yield finding('counter', 'next_ino', `${point.next_ino} was given already (${inoMax})`);
  const segmentMax = db.prepare<[], number | null>('SELECT max(segment) FROM segment').pluck().get() ?? 0;
  if (point.next_segment <= segmentMax) yield finding('counter', 'next_segment', `${point.next_segment} was given already (${segmentMax})`);
  const cutMax = db.prepare<[], number | null>('SELECT max(cut) FROM root').pluck().get() ?? 0;
  if (cutMax > point.applied_lsn) yield finding('root', `cut ${cutMax}`, `lies behind the applied LSN ${point.applied_lsn}`);
}

function* checkDeltas(db: Connection, point: Point): Rule {
  let rows = 0;
  let files = 0;
  let bytes = 0;
  let ino = -1;
  for (const row of scan<DeltaColumns>(db, 'SELECT ino, lsn, kind, length, segment, value FROM delta', ['ino', 'lsn'])) {
    if (row === null) {
      yield null;
      continue;
    }
    const subject = `delta ${row.lsn} of inode ${row.ino}`;
    rows += 1;
    if (row.ino !== ino) files += 1;
    ino = row.ino;
    if (row.kind === dataCode) bytes += row.length;
    const placed = row.kind === dataCode || row.kind === sharedCode;
    const plain = placed || row.kind === holeCode || row.kind === unwrittenCode;
    if (row.kind < 0 || row.kind >= kindCount) yield finding('delta', subject, `unknown kind ${row.kind}`);
    if ((row.segment !== null) !== placed || (row.value === null) !== plain) yield finding('delta', subject, 'its columns do not fit its kind');
    if (row.lsn > point.applied_lsn || row.ino >= point.next_ino) yield finding('delta', subject, 'it lies in the future');
    const malformed = row.value === null ? null : decodingError(row.value);
    if (malformed !== null) yield finding('delta', subject, malformed);
  }
  if (point.deltas !== rows) yield finding('counter', 'deltas', `kept ${point.deltas}, counted ${rows}`);
  if (point.delta_files !== files) yield finding('counter', 'delta_files', `kept ${point.delta_files}, counted ${files}`);
  if (point.delta_bytes !== bytes) yield finding('counter', 'delta_bytes', `kept ${point.delta_bytes}, counted ${bytes}`);
}

function decodingError(value: Buffer): string | null {
  try {
    decodeValue(value);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
