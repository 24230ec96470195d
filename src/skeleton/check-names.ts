// Rules about names and inodes: every entry leads to an inode that knows the entry, every inode is reached by exactly its links.
// Together they give a one-to-one match of entries and links without counting names per inode in memory.
import { ROOT_INO } from '../base/ids.js';
import { printable } from '../base/printable.js';
import { finding, scan } from './check-scan.js';
import type { Rule } from './check-scan.js';
import type { Connection } from './connection.js';
import { directoryType, regularType, typeMask } from './inodes.js';
import { nameCookie, probesMax } from './name-hash.js';

interface DirentRow {
  readonly parent: number;
  readonly cookie: number;
  readonly ino: number;
  readonly type: number;
  readonly name: Buffer;
}

interface InodeRow {
  readonly ino: number;
  readonly content: number;
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly parent: number;
  readonly cookie: number;
  readonly targetLength: number | null;
}

const symlinkType = 0o120000;
const inodeColumns = 'ino, content, mode, nlink, size, parent, cookie, length(target) AS targetLength';

/** Every entry: hash, type, an inode that names it, no name twice. */
export function* checkEntries(db: Connection, nameKey: Buffer): Rule {
  const inode = db.prepare<[number], InodeRow>(`SELECT ${inodeColumns} FROM inode WHERE ino = ?`);
  const other = db.prepare<[number, number, number], number>('SELECT 1 FROM other_name WHERE ino = ? AND parent = ? AND cookie = ?').pluck();
  let near: DirentRow[] = [];
  for (const row of scan<DirentRow>(db, 'SELECT parent, cookie, ino, type, name FROM dirent', ['parent', 'cookie'])) {
    if (row === null) {
      yield null;
      continue;
    }
    const subject = `entry ${printable(row.name)} of directory ${row.parent}`;
    near = near.filter((before) => before.parent === row.parent && before.cookie > row.cookie - probesMax);
    if (near.some((before) => before.name.equals(row.name))) yield finding('entry-twice', subject, 'the name exists twice');
    if (near.length === 0) {
      const parent = inode.get(row.parent);
      if (parent === undefined) yield finding('entry-parent', subject, 'its directory does not exist');
      else if ((parent.mode & typeMask) !== directoryType || parent.nlink === 0) yield finding('entry-parent', subject, 'what should be its directory is none');
    }
    near.push(row);
    const hash = nameCookie(nameKey, row.name);
    if (row.cookie < hash || row.cookie >= hash + probesMax) yield finding('entry-cookie', subject, `cookie ${row.cookie} is not that of the name (${hash})`);
    const target = inode.get(row.ino);
    if (target === undefined) {
      yield finding('entry-inode', subject, `inode ${row.ino} does not exist`);
      continue;
    }
    if ((target.mode & typeMask) !== row.type) yield finding('entry-type', subject, `type ${row.type.toString(8)}, the inode has mode ${target.mode.toString(8)}`);
    const main = target.parent === row.parent && target.cookie === row.cookie;
    const known = other.get(row.ino, row.parent, row.cookie) !== undefined;
    if (!main && !known) yield finding('entry-unknown', subject, `inode ${row.ino} does not know this name`);
    if (main && known) yield finding('entry-unknown', subject, `inode ${row.ino} knows this name twice`);
  }
}

/** Every inode: its links, its main name, its kind. */
export function* checkInodes(db: Connection): Rule {
  const entry = db.prepare<[number, number], number>('SELECT ino FROM dirent WHERE parent = ? AND cookie = ?').pluck();
  const others = db.prepare<[number], number>('SELECT count(*) FROM other_name WHERE ino = ?').pluck();
  const subdirectories = db.prepare<[number], number>(`SELECT count(*) FROM dirent WHERE parent = ? AND type = ${directoryType}`).pluck();
  const orphan = db.prepare<[number], number>('SELECT 1 FROM orphan WHERE ino = ?').pluck();
  const child = db.prepare<[number], number>('SELECT 1 FROM dirent WHERE parent = ? LIMIT 1').pluck();
  for (const row of scan<InodeRow>(db, `SELECT ${inodeColumns} FROM inode`, ['ino'])) {
    if (row === null) {
      yield null;
      continue;
    }
    const subject = `inode ${row.ino}`;
    const type = row.mode & typeMask;
    const names = others.get(row.ino) ?? 0;
    if ((orphan.get(row.ino) !== undefined) !== (row.nlink === 0)) yield finding('orphan', subject, `link count ${row.nlink} does not agree with the list of orphans`);
    if (row.nlink === 0) {
      if (names > 0 || row.parent !== 0) yield finding('link-count', subject, 'it has no links, and yet a name');
      if (type === directoryType && child.get(row.ino) !== undefined) yield finding('link-count', subject, 'a removed directory has entries');
    } else {
      const links = type === directoryType ? 2 + (subdirectories.get(row.ino) ?? 0) : 1 + names;
      if (row.nlink !== links) yield finding('link-count', subject, `link count is ${row.nlink}, there are ${links}`);
      if (type === directoryType && names > 0) yield finding('link-count', subject, 'a directory has more than one name');
      if (row.ino !== ROOT_INO && entry.get(row.parent, row.cookie) !== row.ino) yield finding('inode-name', subject, 'its name leads elsewhere');
    }
    if ((type === regularType) !== row.content > 0) yield finding('inode-content', subject, `content ${row.content} with mode ${row.mode.toString(8)}`);
    if ((type === symlinkType) !== (row.targetLength !== null)) yield finding('inode-target', subject, 'only symbolic links have a target, all of them');
    if (type === symlinkType && row.size !== row.targetLength) yield finding('inode-size', subject, `size ${row.size}, target of ${row.targetLength} bytes`);
  }
}

/** Every directory leads up to the root. */
export function* checkReachability(db: Connection): Rule {
  const parents = new Map<number, number>();
  for (const row of scan<{ ino: number; parent: number }>(db, `SELECT ino, parent FROM inode WHERE mode & ${typeMask} = ${directoryType} AND nlink > 0`, ['ino'])) {
    if (row === null) yield null;
    else parents.set(row.ino, row.parent);
  }
  if (parents.get(ROOT_INO) !== ROOT_INO) yield finding('root', `inode ${ROOT_INO}`, 'the root directory is missing or has another parent than itself');
  const reached = new Set<number>([ROOT_INO]);
  let turn = 0;
  for (const start of parents.keys()) {
    const way = new Set<number>();
    let at: number | undefined = start;
    while (at !== undefined && !reached.has(at) && !way.has(at)) {
      way.add(at);
      at = parents.get(at);
    }
    if (at === undefined || way.has(at)) yield finding('reachability', `inode ${start}`, at === undefined ? 'a parent above this directory is missing' : 'the directory is its own ancestor');
    // Also an unreachable way is remembered: it is reported once, at its first directory.
    for (const ino of way) reached.add(ino);
    if (++turn % 1_000 === 0) yield null;
  }
}

/** Side tables name nothing that does not exist. */
export function* checkSideTables(db: Connection): Rule {
  const entry = db.prepare<[number, number], number>('SELECT ino FROM dirent WHERE parent = ? AND cookie = ?').pluck();
  for (const row of scan<{ ino: number; parent: number; cookie: number }>(db, 'SELECT ino, parent, cookie FROM other_name', ['ino', 'parent', 'cookie'])) {
    if (row === null) yield null;
    else if (entry.get(row.parent, row.cookie) !== row.ino) yield finding('other-name', `inode ${row.ino}`, `a further name in directory ${row.parent} leads elsewhere`);
  }
  const inode = db.prepare<[number], number>('SELECT 1 FROM inode WHERE ino = ?').pluck();
  for (const table of ['xattr', 'orphan']) {
    for (const row of scan<{ ino: number }>(db, `SELECT DISTINCT ino FROM ${table}`, ['ino'])) {
      if (row === null) yield null;
      else if (inode.get(row.ino) === undefined) yield finding(table, `inode ${row.ino}`, `rows of a missing inode in ${table}`);
    }
  }
}
