// Records about file data: writes, truncation, holes, relocation, and the slow removal of what nobody can see any more.
// Reads are clipped by the size, so extents past it are garbage, but for unwritten ones: a `trim` row says where it begins, and nothing
// may grow over it.
import { assert } from '../base/assert.js';
import { add, bytesBetween, type FileOffset, fromPlain, larger, pastLargestFile, type PlainOffset, smaller } from '../base/file-offset.js';
import { asContentId } from '../base/ids.js';
import type { ContentId, Ino } from '../base/ids.js';
import { fileBytesMax, rowsPerTurnMax } from '../base/limits.js';
import type { PreallocateRecord, PunchRecord, ReapRecord, RelocateRecord, ShareRecord, TrimRecord, TruncateRecord, WriteRecord } from '../format/records.js';
import type { Inode } from './contract.js';
import type { Connection } from './connection.js';
import { exact } from './exact-column.js';
import type { ExtentMap } from './extents.js';
import { regularType, typeMask } from './inodes.js';
import type { Inodes } from './inodes.js';
import type { Names } from './names.js';
import type { Segments } from './segments.js';
import type { Xattrs } from './xattrs.js';

function statements(db: Connection) {
  return {
    trim: db.prepare<[number], PlainOffset>(`SELECT ${exact('start')} FROM trim WHERE content = ?`).pluck(),
    trims: db.prepare<[number], { readonly content: number; readonly start: PlainOffset }>(`SELECT content, ${exact('start')} AS start FROM trim ORDER BY content LIMIT 0 + ?`),
    setTrim: db.prepare<[number, FileOffset]>('INSERT OR REPLACE INTO trim (content, start) VALUES (?, ?)'),
    endTrim: db.prepare<[number]>('DELETE FROM trim WHERE content = ?'),
    trimCount: db.prepare<[], number>('SELECT count(*) FROM trim').pluck(),
  };
}

const none: readonly never[] = [];

export class FileData {
  readonly #sql: ReturnType<typeof statements>;
  readonly #inodes: Inodes;
  readonly #names: Names;
  readonly #xattrs: Xattrs;
  readonly #extents: ExtentMap;
  readonly #segments: Segments;
  /** Rows of `trim`: almost always none, and then nobody looks. */
  #trims: number;

  constructor(db: Connection, inodes: Inodes, names: Names, xattrs: Xattrs, extents: ExtentMap, segments: Segments) {
    this.#sql = statements(db);
    this.#inodes = inodes;
    this.#names = names;
    this.#xattrs = xattrs;
    this.#extents = extents;
    this.#segments = segments;
    this.#trims = this.#sql.trimCount.get() ?? 0;
  }

  trims(limit: number): readonly { readonly content: ContentId; readonly from: FileOffset }[] {
    // Asked before every change.
    if (this.#trims === 0) return none;
    return this.#sql.trims.all(limit).map((row) => ({ content: asContentId(row.content), from: fromPlain(row.start) }));
  }

  write(record: WriteRecord | ShareRecord): void {
    const { offset, length } = record;
    const end = add(offset, length);
    assert(length > 0 && offset >= 0 && !pastLargestFile(end), 'a write has bytes and stays inside the largest file');
    const inode = this.#file(record.ino);
    const size = larger(inode.size, end);
    this.#assertClearOfTrim(inode, size);
    const added = this.#extents.put(inode.content, offset, length, record.segment, record.segmentOffset);
    this.#inodes.setData(inode, size, added, record.time);
  }

  truncate(record: TruncateRecord): void {
    assert(record.size >= 0 && !pastLargestFile(record.size), 'a size is one that a file may have');
    const inode = this.#file(record.ino);
    let freed = 0;
    if (record.size <= inode.size) {
      // Past the size there is only what a trim has still to remove, and what was preallocated.
      const end = this.#trims === 0 && this.#segments.unwrittenBytes === 0 ? inode.size : fileBytesMax;
      const cleared = this.#extents.clear(inode.content, record.size, end, rowsPerTurnMax);
      freed = cleared.freed;
      if (cleared.more) this.#setTrim(inode.content, record.size);
      else this.#endTrim(inode.content);
    } else {
      this.#assertClearOfTrim(inode, record.size);
    }
    this.#inodes.setData(inode, record.size, -freed, record.time);
  }

  punch(record: PunchRecord): void {
    const inode = this.#file(record.ino);
    const end = add(record.offset, record.length);
    assert(record.length > 0 && record.offset >= 0 && !pastLargestFile(end), 'a hole has a length and stays inside the largest file');
    const { freed, more } = this.#extents.clear(inode.content, record.offset, end, rowsPerTurnMax);
    assert(!more, `a hole covers at most ${rowsPerTurnMax} extents`);
    this.#inodes.setData(inode, inode.size, -freed, record.time);
  }

  preallocate(record: PreallocateRecord): void {
    const inode = this.#file(record.ino);
    const end = add(record.offset, record.length);
    assert(record.length > 0 && record.offset >= 0 && !pastLargestFile(end), 'room is kept for a range inside the largest file');
    this.#assertClearOfTrim(inode, end);
    this.#segments.keepUnwritten();
    const { added, more } = this.#extents.fill(inode.content, record.offset, end, rowsPerTurnMax);
    assert(!more, `what is preallocated at once covers at most ${rowsPerTurnMax} extents`);
    this.#inodes.addAllocated(record.ino, added);
    this.#inodes.changed(record.ino, record.time);
  }

  trim(record: TrimRecord): void {
    const start = this.#trimStart(record.content);
    assert(start !== undefined, `content ${record.content} has a trim under way`);
    const ino = this.#inodes.ofContent(record.content);
    assert(ino !== null, `content ${record.content} belongs to a file`);
    const { freed, more } = this.#extents.clear(record.content, start, fileBytesMax, record.limit);
    this.#inodes.addAllocated(ino, -freed);
    if (!more) this.#endTrim(record.content);
  }

  reap(record: ReapRecord): void {
    const inode = this.#inodes.need(record.ino);
    assert(inode.nlink === 0, `inode ${record.ino} is an orphan`);
    const { freed, rows, more } = this.#extents.clear(inode.content, 0, fileBytesMax, record.limit);
    this.#inodes.addAllocated(record.ino, -freed);
    if (more || this.#xattrs.removeSome(record.ino, record.limit - rows)) return;
    this.#endTrim(inode.content);
    this.#names.removeOrphan(record.ino);
    this.#inodes.remove(record.ino);
  }

  /** Only what still lies at the old place moves: the file may have changed since its bytes were copied. */
  relocate(record: RelocateRecord): void {
    const end = add(record.offset, record.length);
    for (const old of this.#extents.overlapping(record.content, record.offset, end, Number.MAX_SAFE_INTEGER)) {
      const samePlace = old.segment === record.fromSegment && old.segmentOffset + bytesBetween(old.offset, record.offset) === record.fromOffset;
      if (!samePlace) continue;
      const from = larger(old.offset, record.offset);
      const to = smaller(add(old.offset, old.length), end);
      this.#extents.put(record.content, from, bytesBetween(from, to), record.toSegment, record.toOffset + bytesBetween(record.offset, from));
    }
  }

  #file(ino: Ino): Inode {
    const inode = this.#inodes.need(ino);
    assert((inode.mode & typeMask) === regularType, `inode ${ino} is a regular file`);
    return inode;
  }

  #assertClearOfTrim(inode: Inode, size: FileOffset): void {
    if (this.#trims === 0 || size <= inode.size) return;
    const start = this.#trimStart(inode.content);
    assert(start === undefined || size <= start, `inode ${inode.ino} does not grow over a trim that is under way`);
  }

  #trimStart(content: ContentId): FileOffset | undefined {
    const start = this.#sql.trim.get(content);
    return start === undefined ? undefined : fromPlain(start);
  }

  #setTrim(content: ContentId, start: FileOffset): void {
    this.#endTrim(content);
    this.#sql.setTrim.run(content, start);
    this.#trims += 1;
  }

  #endTrim(content: ContentId): void {
    if (this.#trims > 0 && this.#sql.endTrim.run(content).changes > 0) this.#trims -= 1;
  }
}
