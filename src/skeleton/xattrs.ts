// Extended attributes: name and value by inode. Most inodes have none, and every new file is asked for one or two: who has none is remembered.
import type { Ino } from '../base/ids.js';
import type { XattrRecord } from '../format/records.js';
import type { Connection } from './connection.js';

function statements(db: Connection) {
  return {
    get: db.prepare<[number, Buffer], Buffer>('SELECT value FROM xattr WHERE ino = ? AND name = ?').pluck(),
    names: db.prepare<[number], Buffer>('SELECT name FROM xattr WHERE ino = ? ORDER BY name').pluck(),
    put: db.prepare<[number, Buffer, Buffer]>('INSERT OR REPLACE INTO xattr (ino, name, value) VALUES (?, ?, ?)'),
    remove: db.prepare<[number, Buffer]>('DELETE FROM xattr WHERE ino = ? AND name = ?'),
    some: db.prepare<[number, number], Buffer>('SELECT name FROM xattr WHERE ino = ? ORDER BY name LIMIT 0 + ?').pluck(),
  };
}

/** Inodes that are known to have none; past it all are looked up anew. */
const bareMax = 8_192;

export class Xattrs {
  readonly #sql: ReturnType<typeof statements>;
  readonly #bare = new Set<number>();

  constructor(db: Connection) {
    this.#sql = statements(db);
  }

  get(ino: Ino, name: Buffer): Buffer | null {
    if (this.#bare.has(ino)) return null;
    const value = this.#sql.get.get(ino, name);
    if (value !== undefined) return value;
    if (this.#sql.some.get(ino, 1) === undefined) this.created(ino);
    return null;
  }

  /** A new inode has none. */
  created(ino: Ino): void {
    if (this.#bare.size >= bareMax) this.#bare.clear();
    this.#bare.add(ino);
  }

  names(ino: Ino): readonly Buffer[] {
    return this.#sql.names.all(ino);
  }

  set(record: XattrRecord): void {
    this.#bare.delete(record.ino);
    if (record.value === null) this.#sql.remove.run(record.ino, record.name);
    else this.#sql.put.run(record.ino, record.name, record.value);
  }

  /** Takes up to `limit` of them off; true when some are left. */
  removeSome(ino: Ino, limit: number): boolean {
    const names = this.#sql.some.all(ino, limit + 1);
    const gone = names.slice(0, limit);
    for (const name of gone) this.#sql.remove.run(ino, name);
    return gone.length < names.length;
  }
}
