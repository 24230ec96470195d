// Inode rows: reading them, and the small updates that records consist of.
// Rows that were read or changed lately are kept: a new file is asked for half a dozen times before it is closed. What changes again and
// again (sizes, times, links of a directory) is written before a commit, or when there are many: whoever reads rows gets the kept ones first.
// A row also carries one of the inode's names (parent, cookie): the only one of a directory, the main one of anything else.
import { assert } from '../base/assert.js';
import type { Timespec } from '../base/clock.js';
import { type FileOffset, fromPlain, type PlainOffset } from '../base/file-offset.js';
import { asContentId, asIno } from '../base/ids.js';
import type { ContentId, Ino } from '../base/ids.js';
import type { AttributeRecord, CreateRecord } from '../format/records.js';
import type { Inode, ListedChild } from './contract.js';
import type { Connection } from './connection.js';
import type { Counters } from './counters.js';
import { exact } from './exact-column.js';

export const typeMask = 0o170000;
export const directoryType = 0o040000;
export const regularType = 0o100000;

const columns = `i.ino, i.content, i.mode, i.nlink, i.uid, i.gid, i.rdev, ${exact('i.size')}, i.allocated, i.atime_sec, i.atime_nsec, i.mtime_sec, i.mtime_nsec, i.ctime_sec, i.ctime_nsec, i.btime_sec, i.btime_nsec`;
type Columns = readonly [
  number, number, number, number, number, number, number, PlainOffset, number,
  number, number, number, number, number, number, number, number,
];

/** Rows kept; past it all are read anew. */
const keptMax = 4_096;
/** Rows whose change is not written yet: so many are written in the turn that meets the bound. */
const unwrittenMax = 256;

/** A place in the tree of names. */
export interface NamePlace {
  readonly parent: number;
  readonly cookie: number;
}

export function isDirectory(mode: number): boolean {
  return (mode & typeMask) === directoryType;
}

function inodeOf(row: readonly [...Columns, ...unknown[]]): Inode {
  return {
    ino: asIno(row[0]),
    content: asContentId(row[1]),
    mode: row[2],
    nlink: row[3],
    uid: row[4],
    gid: row[5],
    rdev: row[6],
    size: fromPlain(row[7]),
    allocated: row[8],
    atime: { sec: row[9], nsec: row[10] },
    mtime: { sec: row[11], nsec: row[12] },
    ctime: { sec: row[13], nsec: row[14] },
    btime: { sec: row[15], nsec: row[16] },
  };
}

function statements(db: Connection) {
  return {
    get: db.prepare<[number], Columns>(`SELECT ${columns} FROM inode i WHERE i.ino = ?`).raw(),
    byName: db
      .prepare<[number, number, number, Buffer], Columns>(
        `SELECT ${columns} FROM dirent d CROSS JOIN inode i ON i.ino = d.ino WHERE d.parent = ? AND d.cookie BETWEEN ? AND ? AND d.name = ?`,
      )
      .raw(),
    ofDirectory: db
      .prepare<[number, number, number], readonly [...Columns, number, Buffer]>(
        `SELECT ${columns}, d.cookie, d.name FROM dirent d CROSS JOIN inode i ON i.ino = d.ino WHERE d.parent = ? AND d.cookie > ? ORDER BY d.cookie LIMIT 0 + ?`,
      )
      .raw(),
    ofContent: db.prepare<[number], number>('SELECT ino FROM inode WHERE content = ? AND content > 0').pluck(),
    insert: db.prepare('INSERT INTO inode VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    remove: db.prepare<[number]>('DELETE FROM inode WHERE ino = ?'),
    target: db.prepare<[number], Buffer | null>('SELECT target FROM inode WHERE ino = ?').pluck(),
    place: db.prepare<[number], NamePlace>('SELECT parent, cookie FROM inode WHERE ino = ?'),
    setPlace: db.prepare<[number, number, number]>('UPDATE inode SET parent = ?, cookie = ? WHERE ino = ?'),
    update: db.prepare(
      `UPDATE inode SET mode = ?, nlink = ?, uid = ?, gid = ?, size = ?, allocated = ?, atime_sec = ?, atime_nsec = ?,
       mtime_sec = ?, mtime_nsec = ?, ctime_sec = ?, ctime_nsec = ? WHERE ino = ?`,
    ),
  };
}

export class Inodes {
  readonly #sql: ReturnType<typeof statements>;
  readonly #counters: Counters;
  readonly #kept = new Map<number, Inode>();
  /** Kept ones that are ahead of their rows. */
  readonly #unwritten = new Set<number>();

  constructor(db: Connection, counters: Counters) {
    this.#sql = statements(db);
    this.#counters = counters;
  }

  /** Writes what is only kept. Before a commit. */
  settle(): void {
    for (const ino of this.#unwritten) this.#write(ino);
  }

  get(ino: number): Inode | null {
    const kept = this.#kept.get(ino);
    if (kept !== undefined) return kept;
    const row = this.#sql.get.get(ino);
    return row === undefined ? null : this.#keep(inodeOf(row));
  }

  /** For records: their inodes exist. */
  need(ino: number): Inode {
    const inode = this.get(ino);
    assert(inode !== null, `inode ${ino} exists`);
    return inode;
  }

  byName(parent: number, cookieFrom: number, cookieTo: number, name: Buffer): Inode | null {
    const row = this.#sql.byName.get(parent, cookieFrom, cookieTo, name);
    return row === undefined ? null : (this.#kept.get(row[0]) ?? this.#keep(inodeOf(row)));
  }

  ofDirectory(parent: number, cookie: number, limit: number): readonly ListedChild[] {
    return this.#sql.ofDirectory.all(parent, cookie, limit).map((row) => ({ name: row[18], cookie: row[17], inode: this.#kept.get(row[0]) ?? inodeOf(row) }));
  }

  /** The inode whose extents these are; null when it is gone. */
  ofContent(content: ContentId): Ino | null {
    const ino = this.#sql.ofContent.get(content);
    return ino === undefined ? null : asIno(ino);
  }

  insert(record: Omit<CreateRecord, 'type' | 'parent' | 'name'>, place: NamePlace): void {
    const { time } = record;
    const directory = isDirectory(record.mode);
    this.#sql.insert.run(
      record.ino, record.content, record.mode, directory ? 2 : 1, record.uid, record.gid, record.rdev, record.target?.length ?? 0,
      time.sec, time.nsec, time.sec, time.nsec, time.sec, time.nsec, time.sec, time.nsec, place.parent, place.cookie, record.target,
    );
    this.#keep({
      ino: record.ino,
      content: record.content,
      mode: record.mode,
      nlink: directory ? 2 : 1,
      uid: record.uid,
      gid: record.gid,
      rdev: record.rdev,
      size: record.target?.length ?? 0,
      allocated: 0,
      atime: time,
      mtime: time,
      ctime: time,
      btime: time,
    });
    this.#counters.files += 1;
    this.#counters.nextIno = Math.max(this.#counters.nextIno, record.ino + 1, record.content + 1);
  }

  remove(ino: Ino): void {
    this.#unwritten.delete(ino);
    this.#kept.delete(ino);
    this.#sql.remove.run(ino);
    this.#counters.files -= 1;
  }

  target(ino: Ino): Buffer | null {
    return this.#sql.target.get(ino) ?? null;
  }

  place(ino: number): NamePlace | null {
    return this.#sql.place.get(ino) ?? null;
  }

  setPlace(ino: number, place: NamePlace): void {
    this.#sql.setPlace.run(place.parent, place.cookie, ino);
  }

  /** A directory gained or lost an entry; `links` is the change of its subdirectories. */
  touchDirectory(ino: number, links: number, time: Timespec): void {
    const inode = this.need(ino);
    assert(isDirectory(inode.mode) && inode.nlink > 0, `inode ${ino} is a linked directory`);
    this.#change({ ...inode, nlink: inode.nlink + links, mtime: time, ctime: time });
  }

  setLinks(ino: number, nlink: number, time: Timespec): void {
    this.#change({ ...this.need(ino), nlink, ctime: time });
  }

  /** Sets ctime. */
  changed(ino: number, time: Timespec): void {
    this.#change({ ...this.need(ino), ctime: time });
  }

  /** After a change of data: size, bytes under extents, mtime and ctime. */
  setData(inode: Inode, size: FileOffset, allocatedChange: number, time: Timespec): void {
    const allocated = inode.allocated + allocatedChange;
    assert(allocated >= 0, `inode ${inode.ino} has no negative space`);
    this.#counters.liveBytes += allocatedChange;
    this.#change({ ...inode, size, allocated, mtime: time, ctime: time });
  }

  addAllocated(ino: Ino, change: number): void {
    this.#counters.liveBytes += change;
    const inode = this.need(ino);
    this.#change({ ...inode, allocated: inode.allocated + change });
  }

  setAttributes(record: AttributeRecord): void {
    const inode = this.need(record.ino);
    this.#change({
      ...inode,
      mode: record.mode === undefined ? inode.mode : (inode.mode & typeMask) | (record.mode & 0o7777),
      uid: record.uid ?? inode.uid,
      gid: record.gid ?? inode.gid,
      atime: record.atime ?? inode.atime,
      mtime: record.mtime ?? inode.mtime,
      ctime: record.ctime,
    });
  }

  #change(inode: Inode): void {
    this.#keep(inode);
    this.#unwritten.add(inode.ino);
    if (this.#unwritten.size > unwrittenMax) this.settle();
  }

  #keep(inode: Inode): Inode {
    if (this.#kept.size >= keptMax) {
      this.settle();
      this.#kept.clear();
    }
    this.#kept.set(inode.ino, inode);
    return inode;
  }

  #write(ino: number): void {
    const inode = this.#kept.get(ino);
    assert(inode !== undefined, 'what is not written is kept');
    const { mode, nlink, uid, gid, size, allocated, atime, mtime, ctime } = inode;
    const { changes } = this.#sql.update.run(mode, nlink, uid, gid, size, allocated, atime.sec, atime.nsec, mtime.sec, mtime.nsec, ctime.sec, ctime.nsec, ino);
    assert(changes === 1, `inode ${ino} exists`);
    this.#unwritten.delete(ino);
  }
}
