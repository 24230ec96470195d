// The extent map: (content, offset) -> (segment, offset), without overlaps; what no extent covers is a hole.
// An unwritten extent keeps room for what will be written there: it refers to the segment `unwritten`, at no place in it.
// Every change keeps the live bytes of segments exact and costs in proportion to the rows it touches.
import { assert } from '../base/assert.js';
import { add, bytesBetween, type FileOffset, fromPlain, larger, type PlainOffset, smaller, subtract } from '../base/file-offset.js';
import { asSegmentNumber } from '../base/ids.js';
import type { ContentId, SegmentNumber } from '../base/ids.js';
import { type Extent, unwritten } from './contract.js';
import type { Connection } from './connection.js';
import { exact } from './exact-column.js';
import type { Segments } from './segments.js';

/** offset, length, segment, segmentOffset */
type Row = readonly [FileOffset, number, number, number];
type PlainRow = readonly [PlainOffset, number, number, number];

export interface Reference {
  readonly content: number;
  readonly extent: Extent;
}

/** Overlaps of [start, end): looks from the last extent at or before `start` on. Parameters: content, content, start, start, end, start. */
const overlapping = `FROM extent WHERE content = ?
  AND offset >= coalesce((SELECT offset FROM extent WHERE content = ? AND offset <= ? ORDER BY offset DESC LIMIT 1), ?)
  AND offset < ? AND offset + length > ?`;
type OverlapParameters = [number, number, FileOffset, FileOffset, FileOffset, FileOffset, number];

function statements(db: Connection) {
  return {
    overlapping: db
      .prepare<OverlapParameters, PlainRow>(`SELECT ${exact('offset')}, length, segment, segment_offset ${overlapping} ORDER BY offset LIMIT 0 + ?`)
      .raw(),
    count: db.prepare<OverlapParameters, number>(`SELECT count(*) FROM (SELECT 1 ${overlapping} LIMIT 0 + ?)`).pluck(),
    put: db.prepare<[number, FileOffset, number, number, number]>('INSERT OR REPLACE INTO extent (content, offset, length, segment, segment_offset) VALUES (?, ?, ?, ?, ?)'),
    resize: db.prepare<[number, number, FileOffset]>('UPDATE extent SET length = ? WHERE content = ? AND offset = ?'),
    remove: db.prepare<[number, FileOffset]>('DELETE FROM extent WHERE content = ? AND offset = ?'),
    ofSegment: db
      .prepare<[number, number, FileOffset, number], readonly [number, PlainOffset, number, number]>(
        `SELECT content, ${exact('offset')}, length, segment_offset FROM extent WHERE segment = ? AND (content, offset) > (?, ?) ORDER BY content, offset LIMIT 0 + ?`,
      )
      .raw(),
  };
}

/** Rows of one content, ascending: where the last one is a number, all are. */
function exactRows(rows: PlainRow[]): Row[] {
  if (typeof rows.at(-1)?.[0] !== 'string') return rows as unknown as Row[]; // no text among them
  return rows.map((row) => [fromPlain(row[0]), row[1], row[2], row[3]]);
}

function extentOf(row: Row): Extent {
  return { offset: row[0], length: row[1], segment: asSegmentNumber(row[2]), segmentOffset: row[3] };
}

/** The place in a segment, so much further on. */
function placeAfter(segment: number, segmentOffset: number, bytes: number): number {
  return segment === unwritten ? 0 : segmentOffset + bytes;
}

export class ExtentMap {
  readonly #sql: ReturnType<typeof statements>;
  readonly #segments: Segments;

  constructor(db: Connection, segments: Segments) {
    this.#sql = statements(db);
    this.#segments = segments;
  }

  overlapping(content: ContentId, start: FileOffset, end: FileOffset, limit: number): readonly Extent[] {
    return this.#find(content, start, end, limit).map(extentOf);
  }

  count(content: ContentId, start: FileOffset, end: FileOffset, limit: number): number {
    return this.#sql.count.get(content, content, start, start, end, start, limit) ?? 0;
  }

  /** References to a segment after (content, offset), ascending. */
  ofSegment(segment: SegmentNumber, content: number, offset: FileOffset, limit: number): readonly Reference[] {
    return this.#sql.ofSegment
      .all(segment, content, offset, limit)
      .map((row) => ({ content: row[0], extent: { offset: fromPlain(row[1]), length: row[2], segment, segmentOffset: row[3] } }));
  }

  /** Maps [start, start + length) to the segment; gives the bytes that came under extents anew. */
  put(content: ContentId, start: FileOffset, length: number, segment: SegmentNumber, segmentOffset: number): number {
    const end = add(start, length);
    // One byte to the left, so that an extent that ends where this one begins is seen: it may simply grow.
    const rows = this.#find(content, start === 0 ? 0 : subtract(start, 1), end, Number.MAX_SAFE_INTEGER);
    const before = rows[0];
    const grows =
      before !== undefined && add(before[0], before[1]) === start && before[2] === segment && placeAfter(segment, before[3], before[1]) === segmentOffset;
    // The row at `start` is replaced by the new one below: no need to remove it first.
    const freed = this.#clear(content, start, end, rows, grows ? -1 : start);
    if (grows) this.#sql.resize.run(before[1] + length, content, before[0]);
    else this.#sql.put.run(content, start, length, segment, segmentOffset);
    this.#segments.addLive(segment, length);
    return length - freed;
  }

  /** Makes the holes of [start, end) unwritten extents, at most `limit` + 1 of them; gives the bytes that came under extents. */
  fill(content: ContentId, start: FileOffset, end: FileOffset, limit: number): { readonly added: number; readonly more: boolean } {
    const rows = this.#find(content, start, end, limit + 1);
    let added = 0;
    let from = start;
    for (const [offset, length] of rows) {
      if (offset > from) added += this.put(content, from, bytesBetween(from, offset), unwritten, 0);
      from = add(offset, length);
    }
    if (rows.length > limit) return { added, more: from < end };
    if (end > from) added += this.put(content, from, bytesBetween(from, end), unwritten, 0);
    return { added, more: false };
  }

  /** Makes [start, end) a hole in at most `limit` rows, from the left; gives the bytes freed and whether rows are left. */
  clear(content: ContentId, start: FileOffset, end: FileOffset, limit: number): { readonly freed: number; readonly rows: number; readonly more: boolean } {
    const rows = this.#find(content, start, end, limit + 1);
    const more = rows.length > limit;
    if (more) rows.pop();
    return { freed: this.#clear(content, start, end, rows), rows: rows.length, more };
  }

  #find(content: number, start: FileOffset, end: FileOffset, limit: number): Row[] {
    return exactRows(this.#sql.overlapping.all(content, content, start, start, end, start, limit));
  }

  #clear(content: ContentId, start: FileOffset, end: FileOffset, rows: readonly Row[], replaced: FileOffset = -1): number {
    let freed = 0;
    let segment = -1;
    let segmentFreed = 0;
    for (const [offset, length, rowSegment, segmentOffset] of rows) {
      const rowEnd = add(offset, length);
      const from = larger(offset, start);
      const to = smaller(rowEnd, end);
      if (from >= to) continue;
      if (offset < start) this.#sql.resize.run(bytesBetween(offset, start), content, offset);
      else if (offset !== replaced) this.#sql.remove.run(content, offset);
      if (rowEnd > end) this.#sql.put.run(content, end, bytesBetween(end, rowEnd), rowSegment, placeAfter(rowSegment, segmentOffset, bytesBetween(offset, end)));
      if (rowSegment !== segment && segmentFreed > 0) {
        this.#segments.addLive(asSegmentNumber(segment), -segmentFreed);
        segmentFreed = 0;
      }
      segment = rowSegment;
      segmentFreed += bytesBetween(from, to);
      freed += bytesBetween(from, to);
    }
    if (segmentFreed > 0) this.#segments.addLive(asSegmentNumber(segment), -segmentFreed);
    assert(freed <= subtract(end, start), 'extents do not overlap');
    return freed;
  }
}
