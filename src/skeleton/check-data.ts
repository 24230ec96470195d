// Rules about extents and segments: no overlap, nothing past the size, every reference leads to a segment that can answer it,
// and the live bytes and allocated bytes that are kept equal those that are counted.
import { add, type FileOffset, fromPlain, type PlainOffset } from '../base/file-offset.js';
import { segmentBytesMax } from '../base/limits.js';
import { finding, scan } from './check-scan.js';
import type { Rule } from './check-scan.js';
import { unwritten } from './contract.js';
import type { Connection } from './connection.js';
import { exact } from './exact-column.js';
import { stateDead, stateOpen, stateSealed } from './schema.js';
import { shareOf } from './segments.js';
import type { SegmentColumns } from './segments.js';

interface ExtentRow {
  readonly content: number;
  readonly offset: PlainOffset;
  readonly length: number;
  readonly segment: number;
  readonly segment_offset: number;
}

interface FileRow {
  readonly ino: number;
  readonly size: PlainOffset;
  readonly nlink: number;
  readonly allocated: number;
}

/** Walks extents, then segments: the second needs the first one's sums. */
export function* checkData(db: Connection): Rule {
  const segments = new Map<number, SegmentColumns>();
  for (const row of scan<SegmentColumns>(db, 'SELECT * FROM segment', ['segment'])) {
    if (row === null) yield null;
    else segments.set(row.segment, row);
  }
  const live = new Map<number, number>();
  yield* checkExtents(db, segments, live);
  yield* checkAllocation(db);
  yield* checkSegments(db, segments, live);
}

function* checkExtents(db: Connection, segments: ReadonlyMap<number, SegmentColumns>, live: Map<number, number>): Rule {
  const fileOf = db.prepare<[number], FileRow>(`SELECT ino, ${exact('size')} AS size, nlink, allocated FROM inode WHERE content = ? AND content > 0`);
  const trimOf = db.prepare<[number], PlainOffset>(`SELECT ${exact('start')} FROM trim WHERE content = ?`).pluck();
  let content = -1;
  let file: FileRow | undefined;
  let size: FileOffset = 0;
  /** What lies from here on is garbage. */
  let trim: FileOffset | undefined;
  let end: FileOffset = 0;
  let sum = 0;
  for (const row of scan<ExtentRow>(db, `SELECT content, ${exact('offset')} AS offset, length, segment, segment_offset FROM extent`, ['content', 'extent.offset'])) {
    if (row === null) {
      yield null;
      continue;
    }
    if (row.content !== content) {
      if (file !== undefined && file.allocated !== sum) yield finding('allocated', `inode ${file.ino}`, `allocated is ${file.allocated}, its extents have ${sum} bytes`);
      content = row.content;
      file = fileOf.get(content);
      size = fromPlain(file?.size ?? 0);
      const start = trimOf.get(content);
      trim = start === undefined ? undefined : fromPlain(start);
      end = 0;
      sum = 0;
      if (file === undefined) yield finding('extent-file', `content ${content}`, 'extents of a file that does not exist');
    }
    const subject = `content ${content} at ${row.offset}`;
    const offset = fromPlain(row.offset);
    const rowEnd = add(offset, row.length);
    if (row.length <= 0) yield finding('extent-length', subject, `length ${row.length}`);
    if (offset < end) yield finding('extent-overlap', subject, `begins before the extent in front of it ends (${end})`);
    // Room may be kept past the end of the file.
    if (file !== undefined && rowEnd > size && row.segment !== unwritten && (trim === undefined || offset < trim)) yield finding('extent-size', subject, `ends at ${rowEnd}, the file at ${size}`);
    const segment = segments.get(row.segment);
    const segmentEnd = segment?.state === stateSealed ? segment.length : segmentBytesMax;
    if (segment === undefined || segment.state === stateDead) yield finding('extent-segment', subject, `refers to segment ${row.segment}, which is ${segment === undefined ? 'unknown' : 'dead'}`);
    else if (row.segment === unwritten) {
      if (row.segment_offset !== 0) yield finding('extent-segment', subject, 'an unwritten extent has no place');
    } else if (row.segment_offset < 0 || row.segment_offset + row.length > segmentEnd) yield finding('extent-segment', subject, `reaches past the end of segment ${row.segment}`);
    live.set(row.segment, (live.get(row.segment) ?? 0) + row.length);
    end = rowEnd;
    sum += row.length;
  }
  if (file !== undefined && file.allocated !== sum) yield finding('allocated', `inode ${file.ino}`, `allocated is ${file.allocated}, its extents have ${sum} bytes`);
}

/** Files whose space is counted though they have no extents, and trims that belong to nothing. */
function* checkAllocation(db: Connection): Rule {
  const extent = db.prepare<[number], number>('SELECT 1 FROM extent WHERE content = ? LIMIT 1').pluck();
  for (const row of scan<{ ino: number; content: number }>(db, 'SELECT ino, content FROM inode WHERE allocated <> 0', ['ino'])) {
    if (row === null) yield null;
    else if (row.content === 0 || extent.get(row.content) === undefined) yield finding('allocated', `inode ${row.ino}`, 'space is counted, but there are no extents');
  }
  const size = db.prepare<[number], PlainOffset>(`SELECT ${exact('size')} FROM inode WHERE content = ? AND content > 0`).pluck();
  for (const row of scan<{ content: number; start: PlainOffset }>(db, `SELECT content, ${exact('start')} AS start FROM trim`, ['content'])) {
    if (row === null) {
      yield null;
      continue;
    }
    const fileSize = size.get(row.content);
    if (fileSize === undefined || fromPlain(fileSize) > fromPlain(row.start)) yield finding('trim', `content ${row.content}`, `a trim from ${row.start} for a file of size ${fileSize ?? 'unknown'}`);
  }
}

function* checkSegments(db: Connection, segments: ReadonlyMap<number, SegmentColumns>, live: ReadonlyMap<number, number>): Rule {
  const shards = db.prepare<[number], { idx: number; disk: number | null }>('SELECT idx, disk FROM shard WHERE segment = ? ORDER BY idx');
  const described = new Set(db.prepare<[], number>('SELECT number FROM disk WHERE state IS NOT NULL').pluck().all());
  let turn = 0;
  for (const row of segments.values()) {
    const subject = `segment ${row.segment}`;
    const counted = live.get(row.segment) ?? 0;
    if (row.live !== counted) yield finding('live-bytes', subject, `live is ${row.live}, extents refer to ${counted} bytes`);
    if (row.state === stateSealed && row.share !== shareOf(row.live, row.length)) yield finding('live-share', subject, `share ${row.share} does not fit ${row.live} of ${row.length} bytes`);
    if ((row.state === stateDead) !== row.died_lsn > 0) yield finding('segment-state', subject, `state ${row.state} with a death at LSN ${row.died_lsn}`);
    const rows = shards.all(row.segment);
    const expected = row.k + row.m + row.e;
    const whole = rows.length === expected && rows.every((shard, index) => shard.idx === index);
    const forgotten = row.state === stateDead && rows.length === 0;
    if (!whole && !forgotten) yield finding('shards', subject, `${rows.length} shards stand in the table, the layout has ${expected}`);
    if (row.state === stateOpen && (expected !== 0 || row.present !== 0)) yield finding('segment-state', subject, 'an open segment has a layout or a backup');
    if (row.state === stateSealed && (row.k < 1 || row.layout < 1 || row.shard_bytes * row.k < row.length)) yield finding('layout', subject, 'its layout cannot hold its bytes');
    const disks = rows.flatMap((shard) => (shard.disk === null ? [] : [shard.disk]));
    if (new Set(disks).size !== disks.length) yield finding('shards', subject, 'two shards lie on one disk');
    if (disks.some((disk) => !described.has(disk))) yield finding('shards', subject, 'a shard lies on a disk that nothing is known about');
    if (++turn % 1_000 === 0) yield null;
  }
  for (const row of scan<{ segment: number }>(db, 'SELECT DISTINCT segment FROM shard', ['segment'])) {
    if (row === null) yield null;
    else if (!segments.has(row.segment)) yield finding('shards', `segment ${row.segment}`, 'shards of a segment that does not exist');
  }
}
