// One row for every update since the last root, by inode and LSN; contiguous and repeated updates merge into the inode's latest row.
// The rows of an inode in LSN order rebuild it from its version at the last root (relocation aside: a row says where the update put
// its bytes). A row never changes once a flush has begun that covers it. Times of directories follow from the rows of their entries.
import { assert } from '../base/assert.js';
import type { Timespec } from '../base/clock.js';
import { add, type FileOffset, fromPlain, type PlainOffset } from '../base/file-offset.js';
import { asIno, asLsn, asSegmentNumber } from '../base/ids.js';
import type { Ino, Lsn } from '../base/ids.js';
import { ByteReader, ByteWriter } from '../format/bytes.js';
import { decodeRecord, encodeRecord } from '../format/record-codec.js';
import type { AttributeRecord, DeltaReleaseRecord, FileRecord, PreallocateRecord, PunchRecord, ShareRecord, TruncateRecord, WriteRecord, XattrRecord } from '../format/records.js';
import type { Backlog, DeltaKind, DeltaRow } from './contract.js';
import type { Connection } from './connection.js';
import type { Counters } from './counters.js';
import { exact } from './exact-column.js';

const kinds: readonly DeltaKind[] = ['data', 'hole', 'size', 'attribute', 'xattr', 'name', 'shared', 'unwritten'];
const codeOf = (kind: DeltaKind): number => kinds.indexOf(kind);
export const dataCode = codeOf('data');
export const holeCode = codeOf('hole');
export const sharedCode = codeOf('shared');
export const unwrittenCode = codeOf('unwritten');
export const kindCount = kinds.length;

/** Rows that one record can add: an exchange or a replacing rename has two. */
const rowsPerRecordMax = 2;

interface Columns {
  readonly ino: number;
  readonly lsn: number;
  readonly kind: number;
  readonly offset: PlainOffset;
  readonly length: PlainOffset;
  readonly segment: number | null;
  readonly segment_offset: number;
  readonly value: Buffer | null;
  readonly sec: number;
  readonly nsec: number;
  readonly last_sec: number;
  readonly last_nsec: number;
}

/** What a release looks at; `length` is exact for data. */
interface ReleasedColumns {
  readonly ino: number;
  readonly lsn: number;
  readonly kind: number;
  readonly length: number;
}

type LatestColumns = Pick<Columns, 'lsn' | 'kind' | 'offset' | 'length' | 'segment' | 'segment_offset'>;

/** The latest row of an inode, as far as merging looks at it. */
interface Latest {
  readonly lsn: number;
  readonly kind: number;
  readonly offset: FileOffset;
  length: FileOffset;
  readonly segment: number | null;
  readonly segment_offset: number;
}

/** Inodes whose latest row is remembered: what is written again and again is found without a query. */
const latestMax = 4_096;

const columns = `ino, lsn, kind, ${exact('offset')} AS offset, ${exact('length')} AS length, segment, segment_offset, value, sec, nsec, last_sec, last_nsec`;

function statements(db: Connection) {
  return {
    latest: db.prepare<[number], LatestColumns>(`SELECT lsn, kind, ${exact('offset')} AS offset, ${exact('length')} AS length, segment, segment_offset FROM delta WHERE ino = ? ORDER BY lsn DESC LIMIT 1`),
    value: db.prepare<[number, number], Buffer | null>('SELECT value FROM delta WHERE ino = ? AND lsn = ?').pluck(),
    insert: db.prepare('INSERT INTO delta VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    extend: db.prepare<[FileOffset, Buffer | null, number, number, number, number]>('UPDATE delta SET length = ?, value = ?, last_sec = ?, last_nsec = ? WHERE ino = ? AND lsn = ?'),
    all: db.prepare<[number, number], Columns>(`SELECT ${columns} FROM delta WHERE lsn > ? ORDER BY lsn, ino LIMIT 0 + ?`),
    ofInode: db.prepare<[number, number, number], Columns>(`SELECT ${columns} FROM delta WHERE ino = ? AND lsn > ? ORDER BY lsn LIMIT 0 + ?`),
    oldest: db.prepare<[], Timespec>('SELECT sec, nsec FROM delta ORDER BY lsn, ino LIMIT 1'),
    upTo: db.prepare<[number, number], ReleasedColumns>('SELECT ino, lsn, kind, length FROM delta WHERE lsn <= ? ORDER BY lsn, ino LIMIT 0 + ?'),
    remove: db.prepare<[number, number]>('DELETE FROM delta WHERE ino = ? AND lsn = ?'),
    any: db.prepare<[number], number>('SELECT 1 FROM delta WHERE ino = ? LIMIT 1').pluck(),
  };
}

export function encodeValue(record: FileRecord): Buffer {
  const writer = new ByteWriter(64);
  encodeRecord(writer, record);
  return Buffer.from(writer.bytes());
}

/** The record in a row's `value`. */
export function decodeValue(value: Buffer): FileRecord {
  const record = decodeRecord(new ByteReader(value, 'delta-malformed', 'value of a delta row'));
  return record as FileRecord; // only file records are ever encoded above
}

function rowOf(row: Columns): DeltaRow {
  const kind = kinds[row.kind];
  assert(kind !== undefined, 'a delta row has a known kind');
  return {
    lsn: asLsn(row.lsn),
    ino: asIno(row.ino),
    kind,
    offset: fromPlain(row.offset),
    length: fromPlain(row.length),
    segment: row.segment === null ? null : asSegmentNumber(row.segment),
    segmentOffset: row.segment_offset,
    value: row.value,
    time: { sec: row.sec, nsec: row.nsec },
    lastTime: { sec: row.last_sec, nsec: row.last_nsec },
  };
}

export class Deltas {
  readonly #sql: ReturnType<typeof statements>;
  readonly #counters: Counters;
  /** Time of the first row; undefined: look again. */
  #oldest: Timespec | null | undefined;
  /** Equal to the rows; an inode leaves it when its rows are released. */
  readonly #latest = new Map<number, Latest>();

  constructor(db: Connection, counters: Counters) {
    this.#sql = statements(db);
    this.#counters = counters;
  }

  // ---- reading ----

  backlog(): Backlog {
    this.#oldest ??= this.#sql.oldest.get() ?? null;
    const { deltas, deltaFiles, deltaBytes } = this.#counters;
    return { deltas, files: deltaFiles, bytes: deltaBytes, oldest: this.#oldest };
  }

  /** Rows of one LSN stay together: an answer for all inodes may have one more than `limit`. */
  list(ino: Ino | null, after: Lsn, limit: number): readonly DeltaRow[] {
    if (ino !== null) return this.#sql.ofInode.all(ino, after, limit).map(rowOf);
    const rows = this.#sql.all.all(after, limit + rowsPerRecordMax - 1);
    const last = rows[limit - 1];
    const cut = rows.findIndex((row, index) => index >= limit && row.lsn !== last?.lsn);
    return (cut === -1 ? rows : rows.slice(0, cut)).map(rowOf);
  }

  // ---- records ----

  data(lsn: Lsn, record: WriteRecord | ShareRecord): void {
    const { offset, length, segment, segmentOffset, time } = record;
    const kind = record.type === 'write' ? 'data' : 'shared';
    // What is shared is counted where it was written.
    if (kind === 'data') this.#counters.deltaBytes += length;
    const latest = this.#latestOf(record.ino);
    if (
      this.#mergeable(latest, kind) && add(latest.offset, latest.length) === offset &&
      latest.segment === segment && add(latest.segment_offset, latest.length) === segmentOffset
    ) {
      this.#extend(latest, record.ino, add(latest.length, length), null, time);
    } else {
      this.#insert(latest, lsn, record.ino, kind, offset, length, segment, segmentOffset, null, time);
    }
  }

  hole(lsn: Lsn, record: PunchRecord): void {
    this.#range(lsn, 'hole', record);
  }

  unwritten(lsn: Lsn, record: PreallocateRecord): void {
    this.#range(lsn, 'unwritten', record);
  }

  /** `keepsRoom`: somewhere are unwritten extents, perhaps past the end of this file. */
  size(lsn: Lsn, record: TruncateRecord, keepsRoom: boolean): void {
    // A larger size after a smaller one is no repetition: the smaller one removed data. Nor is a smaller one after one that grew the file
    // over room that is kept.
    this.#replaceOrInsert(lsn, record.ino, 'size', record, record.time, (old) => {
      return old.type === 'truncate' && record.size <= old.size && !keepsRoom ? record : null;
    });
  }

  attribute(lsn: Lsn, record: AttributeRecord): void {
    this.#replaceOrInsert(lsn, record.ino, 'attribute', record, record.ctime, (old) => {
      return old.type === 'attribute' ? mergedAttributes(old, record) : null;
    });
  }

  xattr(lsn: Lsn, record: XattrRecord): void {
    this.#replaceOrInsert(lsn, record.ino, 'xattr', record, record.time, (old) => {
      return old.type === 'xattr' && old.name.equals(record.name) ? record : null;
    });
  }

  /** `record` as it concerns this inode. */
  name(lsn: Lsn, ino: Ino, record: FileRecord, time: Timespec): void {
    const latest = record.type === 'create' ? undefined : this.#latestOf(ino);
    this.#insert(latest, lsn, ino, 'name', 0, 0, null, 0, encodeValue(record), time);
  }

  release(record: DeltaReleaseRecord): void {
    const rows = this.#sql.upTo.all(record.cut, record.limit);
    const inodes = new Set<number>();
    for (const row of rows) {
      this.#sql.remove.run(row.ino, row.lsn);
      inodes.add(row.ino);
      if (row.kind === dataCode) this.#counters.deltaBytes -= row.length;
    }
    this.#counters.deltas -= rows.length;
    for (const ino of inodes) {
      this.#latest.delete(ino);
      if (this.#sql.any.get(ino) === undefined) this.#counters.deltaFiles -= 1;
    }
    if (rows.length > 0) this.#oldest = undefined;
  }

  #range(lsn: Lsn, kind: 'hole' | 'unwritten', { ino, offset, length, time }: PunchRecord | PreallocateRecord): void {
    const latest = this.#latestOf(ino);
    if (this.#mergeable(latest, kind) && add(latest.offset, latest.length) === offset) {
      this.#extend(latest, ino, add(latest.length, length), null, time);
    } else {
      this.#insert(latest, lsn, ino, kind, offset, length, null, 0, null, time);
    }
  }

  #replaceOrInsert(lsn: Lsn, ino: Ino, kind: DeltaKind, record: FileRecord, time: Timespec, merge: (old: FileRecord) => FileRecord | null): void {
    const latest = this.#latestOf(ino);
    const value = this.#mergeable(latest, kind) ? this.#sql.value.get(ino, latest.lsn) : null;
    const merged = value ? merge(decodeValue(value)) : null;
    if (merged !== null && latest !== undefined) {
      this.#extend(latest, ino, latest.length, encodeValue(merged), time);
    } else {
      this.#insert(latest, lsn, ino, kind, 0, 0, null, 0, encodeValue(record), time);
    }
  }

  #latestOf(ino: Ino): Latest | undefined {
    const known = this.#latest.get(ino);
    if (known !== undefined) return known;
    const row = this.#sql.latest.get(ino);
    if (row === undefined) return undefined;
    const latest = { ...row, offset: fromPlain(row.offset), length: fromPlain(row.length) };
    this.#remember(ino, latest);
    return latest;
  }

  #remember(ino: Ino, latest: Latest): void {
    if (this.#latest.size >= latestMax) this.#latest.clear();
    this.#latest.set(ino, latest);
  }

  #extend(latest: Latest, ino: Ino, length: FileOffset, value: Buffer | null, time: Timespec): void {
    this.#sql.extend.run(length, value, time.sec, time.nsec, ino, latest.lsn);
    latest.length = length;
  }

  #mergeable(latest: Latest | undefined, kind: DeltaKind): latest is Latest {
    return latest !== undefined && latest.lsn > this.#counters.mergeCut && latest.kind === codeOf(kind);
  }

  #insert(
    latest: Latest | undefined, lsn: Lsn, ino: Ino, kind: DeltaKind, offset: FileOffset, length: FileOffset,
    segment: number | null, segmentOffset: number, value: Buffer | null, time: Timespec,
  ): void {
    this.#sql.insert.run(ino, lsn, codeOf(kind), offset, length, segment, segmentOffset, value, time.sec, time.nsec, time.sec, time.nsec);
    this.#remember(ino, { lsn, kind: codeOf(kind), offset, length, segment, segment_offset: segmentOffset });
    this.#counters.deltas += 1;
    if (latest === undefined) this.#counters.deltaFiles += 1;
    if (this.#oldest === null) this.#oldest = time;
  }
}

/** Attributes after both updates. */
function mergedAttributes(old: AttributeRecord, next: AttributeRecord): AttributeRecord {
  return {
    type: 'attribute',
    ino: next.ino,
    mode: next.mode ?? old.mode,
    uid: next.uid ?? old.uid,
    gid: next.gid ?? old.gid,
    atime: next.atime ?? old.atime,
    mtime: next.mtime ?? old.mtime,
    ctime: next.ctime,
  };
}
