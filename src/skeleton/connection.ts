// Opens SQLite files the way the skeleton needs them, and turns unreadable ones into our own errors.
// The live database is a cache (rule 6): nothing here is ever synced; what must last is in the journal.
// Statements of this folder say `LIMIT 0 + ?`: SQLite plans by the value of a bare `LIMIT ?` and therefore compiles the statement
// again whenever it is bound (measured: 8 us a query instead of 1.5).
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { HoldfastError, messageOf } from '../base/errors.js';
import { Sqlite } from './sqlite.js';

export type Connection = Database.Database;

/** SQLite's own page size, equal to the memory page and a divisor of an image chunk. */
export const pageBytes = 4096;
const cacheBytesDefault = 64 * 1024 * 1024;
/** Locks between our own connections last for a moment only; past this something is wrong. */
const busyTimeoutMs = 10_000;

export interface ConnectionOptions {
  readonly create?: boolean;
  readonly readOnly?: boolean;
  readonly cacheBytes?: number;
}

export function openConnection(path: string, options: ConnectionOptions = {}): Connection {
  let db: Connection | undefined;
  try {
    db = new Sqlite(path, { fileMustExist: options.create !== true, readonly: options.readOnly === true, timeout: busyTimeoutMs });
    if (options.create === true) db.pragma(`page_size = ${pageBytes}`);
    if (options.readOnly !== true) db.pragma('journal_mode = WAL');
    db.pragma('synchronous = OFF');
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('locking_mode = NORMAL');
    db.pragma(`cache_size = -${Math.floor((options.cacheBytes ?? cacheBytesDefault) / 1024)}`);
    db.pragma('temp_store = MEMORY');
    return db;
  } catch (error) {
    db?.close();
    throw unreadable(path, error);
  }
}

/** A database that cannot be used as it is: the caller builds it anew from an image and the journal. */
export function unreadable(path: string, error: unknown): HoldfastError {
  return new HoldfastError('corrupt', `the skeleton database ${path} cannot be read: ${messageOf(error)}`, {
    code: 'skeleton-unreadable',
    hint: 'It is only a cache: it is rebuilt from the newest image on the disks or in the backup, and the journal.',
    context: { path },
    cause: error,
  });
}

/** SQLite says that the file is damaged; not that it could not be opened, or that somebody had it locked. */
export function saysDamaged(error: unknown): boolean {
  const said = error instanceof HoldfastError ? error.cause : error;
  return said instanceof Sqlite.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(said.code);
}

/** Bytes of the write-ahead log that belongs to a database file. */
export function walPath(path: string): string {
  return `${path}-wal`;
}

/** Does the file begin as an SQLite database does? Cheap look before opening, which would create or alter files beside it. */
export function looksLikeDatabase(path: string): boolean {
  if (!existsSync(path)) return false;
  const head = Buffer.alloc(16);
  const file = openSync(path, 'r');
  try {
    return readSync(file, head, 0, 16, 0) === 16 && head.toString('latin1') === 'SQLite format 3\0';
  } finally {
    closeSync(file);
  }
}
