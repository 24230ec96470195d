// The tree of names: directory entries, hard links, orphans.
// An entry's place is (parent, cookie); the cookie is the keyed hash of its name, or one of the next few when that is taken. So one
// b-tree serves lookup and listing, and a cookie never changes while its entry lives.
import { assert } from '../base/assert.js';
import type { Timespec } from '../base/clock.js';
import { asIno, ROOT_INO } from '../base/ids.js';
import type { Ino } from '../base/ids.js';
import { printable } from '../base/printable.js';
import type { Inode } from './contract.js';
import type { Connection } from './connection.js';
import { isDirectory, typeMask } from './inodes.js';
import type { Inodes, NamePlace } from './inodes.js';
import { nameCookie, probesMax } from './name-hash.js';
import type { NameList } from './name-list.js';

export interface Entry extends NamePlace {
  readonly ino: Ino;
  readonly type: number;
}

interface DirentRow {
  readonly cookie: number;
  readonly ino: number;
  readonly type: number;
  readonly name: Buffer;
}

/** Longest chain of parents that pathOf follows. */
const depthMax = 10_000;

function statements(db: Connection) {
  return {
    near: db.prepare<[number, number, number], DirentRow>('SELECT cookie, ino, type, name FROM dirent WHERE parent = ? AND cookie BETWEEN ? AND ?'),
    at: db.prepare<[number, number], Buffer>('SELECT name FROM dirent WHERE parent = ? AND cookie = ?').pluck(),
    list: db
      .prepare<[number, number, number], readonly [Buffer | null, string, string, string]>(
        `SELECT CAST(group_concat(name || '/', '') AS BLOB), json_group_array(ino), json_group_array(cookie), json_group_array(type)
         FROM (SELECT name, ino, cookie, type FROM dirent WHERE parent = ? AND cookie > ? ORDER BY cookie LIMIT 0 + ?)`,
      )
      .raw(),
    any: db.prepare<[number], number>('SELECT 1 FROM dirent WHERE parent = ? LIMIT 1').pluck(),
    insert: db.prepare<[number, number, number, number, Buffer]>('INSERT OR IGNORE INTO dirent (parent, cookie, ino, type, name) VALUES (?, ?, ?, ?, ?)'),
    replace: db.prepare<[number, number, number, number]>('UPDATE dirent SET ino = ?, type = ? WHERE parent = ? AND cookie = ?'),
    remove: db.prepare<[number, number]>('DELETE FROM dirent WHERE parent = ? AND cookie = ?'),
    otherFirst: db.prepare<[number], NamePlace>('SELECT parent, cookie FROM other_name WHERE ino = ? ORDER BY parent, cookie LIMIT 1'),
    otherInsert: db.prepare<[number, number, number]>('INSERT INTO other_name (ino, parent, cookie) VALUES (?, ?, ?)'),
    otherRemove: db.prepare<[number, number, number]>('DELETE FROM other_name WHERE ino = ? AND parent = ? AND cookie = ?'),
    orphanInsert: db.prepare<[number]>('INSERT INTO orphan (ino) VALUES (?)'),
    orphanRemove: db.prepare<[number]>('DELETE FROM orphan WHERE ino = ?'),
    orphans: db.prepare<[number, number], number>('SELECT ino FROM orphan WHERE ino > ? ORDER BY ino LIMIT 0 + ?').pluck(),
  };
}

export class Names {
  readonly #sql: ReturnType<typeof statements>;
  readonly #inodes: Inodes;
  readonly #key: Buffer;

  constructor(db: Connection, inodes: Inodes, key: Buffer) {
    this.#sql = statements(db);
    this.#inodes = inodes;
    this.#key = key;
  }

  lookup(parent: Ino, name: Buffer): Inode | null {
    const cookie = nameCookie(this.#key, name);
    return this.#inodes.byName(parent, cookie, cookie + probesMax - 1, name);
  }

  childNames(parent: Ino, cookie: number, limit: number): NameList {
    const row = this.#sql.list.get(parent, cookie, limit);
    assert(row !== undefined, 'an aggregate has one row');
    const numbers = (text: string): readonly number[] => JSON.parse(text) as readonly number[]; // json_group_array of integers
    return { names: row[0] ?? Buffer.alloc(0), inos: numbers(row[1]), cookies: numbers(row[2]), types: numbers(row[3]) };
  }

  hasChildren(parent: Ino): boolean {
    return this.#sql.any.get(parent) !== undefined;
  }

  pathOf(ino: Ino): string {
    const parts: string[] = [];
    let at: number = ino;
    for (let depth = 0; at !== ROOT_INO; depth++) {
      const place = this.#inodes.place(at);
      const name = place === null ? undefined : this.#sql.at.get(place.parent, place.cookie);
      if (place === null || name === undefined || depth > depthMax) return '(unlinked)';
      parts.push(printable(name));
      at = place.parent;
    }
    return `/${parts.reverse().join('/')}`;
  }

  /** The entry of a name that a record says is there. */
  need(parent: Ino, name: Buffer): Entry {
    const entry = this.find(parent, name);
    assert(entry !== null, `a name to change exists in directory ${parent}`);
    return entry;
  }

  find(parent: Ino, name: Buffer): Entry | null {
    const cookie = nameCookie(this.#key, name);
    for (const row of this.#sql.near.all(parent, cookie, cookie + probesMax - 1)) {
      if (row.name.equals(name)) return { parent, cookie: row.cookie, ino: asIno(row.ino), type: row.type };
    }
    return null;
  }

  /** New entry; the name must be free. Gives its place. */
  insert(parent: Ino, name: Buffer, ino: Ino, mode: number): NamePlace {
    const first = nameCookie(this.#key, name);
    // Nearly always the first place is free; the caller has looked whether the name is.
    if (this.#sql.insert.run(parent, first, ino, mode & typeMask, name).changes === 1) return { parent, cookie: first };
    const taken = new Set<number>();
    for (const row of this.#sql.near.all(parent, first, first + probesMax - 1)) {
      assert(!row.name.equals(name), `the name is free in directory ${parent}`);
      taken.add(row.cookie);
    }
    let cookie = first;
    while (taken.has(cookie)) cookie++;
    assert(cookie < first + probesMax, 'a keyed hash does not collide eight times');
    assert(this.#sql.insert.run(parent, cookie, ino, mode & typeMask, name).changes === 1, 'a place that nobody has is free');
    return { parent, cookie };
  }

  /** A further name of an inode that has one: its row names the first, other_name the rest. */
  addOther(ino: Ino, place: NamePlace): void {
    this.#sql.otherInsert.run(ino, place.parent, place.cookie);
  }

  /** An inode without a name, from its beginning. */
  addOrphan(ino: Ino, time: Timespec): void {
    this.#orphan(ino, time);
  }

  /** The first name of an inode that had none; the caller sets the links. */
  adopt(ino: Ino, place: NamePlace): void {
    this.removeOrphan(ino);
    this.#inodes.setPlace(ino, place);
  }

  /** Takes the entry away and with it one link. The inode becomes an orphan with its last one. */
  unlink(entry: Entry, time: Timespec): Inode {
    const inode = this.#inodes.need(entry.ino);
    this.#sql.remove.run(entry.parent, entry.cookie);
    if (isDirectory(inode.mode)) {
      assert(entry.ino !== ROOT_INO && !this.hasChildren(entry.ino), `directory ${entry.ino} is empty`);
      this.#orphan(inode.ino, time);
    } else if (inode.nlink === 1) {
      this.#orphan(inode.ino, time);
    } else {
      this.#forgetPlace(entry.ino, entry);
      this.#inodes.setLinks(entry.ino, inode.nlink - 1, time);
    }
    return inode;
  }

  /** Takes the entry away; its inode goes to `to` (an entry inserted already). */
  move(entry: Entry, to: NamePlace): void {
    this.#sql.remove.run(entry.parent, entry.cookie);
    this.#changePlace(entry.ino, entry, to);
  }

  exchange(one: Entry, other: Entry): void {
    if (one.ino === other.ino) return;
    this.#sql.replace.run(other.ino, other.type, one.parent, one.cookie);
    this.#sql.replace.run(one.ino, one.type, other.parent, other.cookie);
    this.#changePlace(one.ino, one, other);
    this.#changePlace(other.ino, other, one);
  }

  orphans(after: Ino, limit: number): readonly Ino[] {
    return this.#sql.orphans.all(after, limit).map(asIno);
  }

  /** Ends the orphan row; asserts that there is one. */
  removeOrphan(ino: Ino): void {
    assert(this.#sql.orphanRemove.run(ino).changes === 1, `inode ${ino} is an orphan`);
  }

  #orphan(ino: Ino, time: Timespec): void {
    this.#inodes.setLinks(ino, 0, time);
    this.#inodes.setPlace(ino, { parent: 0, cookie: 0 });
    this.#sql.orphanInsert.run(ino);
  }

  #changePlace(ino: Ino, from: NamePlace, to: NamePlace): void {
    if (this.#isMain(ino, from)) {
      this.#inodes.setPlace(ino, to);
    } else {
      assert(this.#sql.otherRemove.run(ino, from.parent, from.cookie).changes === 1, `inode ${ino} is known under its other name`);
      this.#sql.otherInsert.run(ino, to.parent, to.cookie);
    }
  }

  #forgetPlace(ino: Ino, place: NamePlace): void {
    let gone = place;
    if (this.#isMain(ino, place)) {
      const next = this.#sql.otherFirst.get(ino);
      assert(next !== undefined, `inode ${ino} has another name`);
      this.#inodes.setPlace(ino, next);
      gone = next;
    }
    assert(this.#sql.otherRemove.run(ino, gone.parent, gone.cookie).changes === 1, `inode ${ino} is known under its other name`);
  }

  #isMain(ino: Ino, place: NamePlace): boolean {
    const main = this.#inodes.place(ino);
    return main !== null && main.parent === place.parent && main.cookie === place.cookie;
  }
}
