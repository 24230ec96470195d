// Makes, opens and judges skeleton files. What an open one does is in sqlite-skeleton.ts.
// A file is refused, never repaired: what cannot be used as it is gets built anew from an image and the journal.
import { existsSync } from 'node:fs';
import type { Timespec } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Random } from '../base/random.js';
import { looksLikeDatabase, openConnection, unreadable } from './connection.js';
import type { Connection } from './connection.js';
import { createTables, readIdentity } from './schema.js';
import { SqliteSkeleton } from './sqlite-skeleton.js';
import type { SkeletonOptions } from './sqlite-skeleton.js';

export type { SkeletonOptions, SqliteSkeleton } from './sqlite-skeleton.js';

export interface NewSkeletonOptions extends SkeletonOptions {
  readonly rootUid: number;
  readonly rootGid: number;
  readonly time: Timespec;
  readonly random: Random;
}

const rootMode = 0o040755;

/** A fresh skeleton: the root directory and nothing else. 'conflict' when the file exists. */
export function createSkeleton(path: string, options: NewSkeletonOptions): SqliteSkeleton {
  if (existsSync(path)) {
    throw new HoldfastError('conflict', `a skeleton is to be made at ${path}, where a file is already`, { code: 'skeleton-exists', context: { path } });
  }
  const db = openConnection(path, { create: true });
  const { time } = options;
  db.exec('BEGIN');
  createTables(db, { volume: options.volume, nameKey: options.random.bytes(8) });
  db.prepare('INSERT INTO inode VALUES (1, 0, ?, 2, ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, NULL)').run(
    rootMode, options.rootUid, options.rootGid, time.sec, time.nsec, time.sec, time.nsec, time.sec, time.nsec, time.sec, time.nsec,
  );
  db.exec('COMMIT');
  db.close();
  return openSkeleton(path, options);
}

/** 'missing' (skeleton-missing), 'corrupt' (skeleton-unreadable): build it anew; 'invalid' (skeleton-newer, skeleton-foreign): do not touch it. */
export function openSkeleton(path: string, options: SkeletonOptions): SqliteSkeleton {
  if (!existsSync(path)) {
    throw new HoldfastError('missing', `there is no skeleton at ${path}`, { code: 'skeleton-missing', context: { path } });
  }
  if (!looksLikeDatabase(path)) throw unreadable(path, 'it does not begin as an SQLite file');
  const db = openConnection(path, options.cacheBytes === undefined ? {} : { cacheBytes: options.cacheBytes });
  try {
    const identity = readIdentity(db, path);
    if (identity.volume !== options.volume) {
      throw new HoldfastError('invalid', `the skeleton ${path} belongs to volume ${identity.volume}, not to ${options.volume}`, {
        code: 'skeleton-foreign',
        hint: 'Two volumes share a state directory: give each its own.',
        context: { path, volume: identity.volume },
      });
    }
    return new SqliteSkeleton(path, db, identity, options);
  } catch (error) {
    db.close();
    throw error instanceof HoldfastError ? error : unreadable(path, error);
  }
}

/** Does SQLite find the whole file in order? Reads all of it: for a file that nobody vouches for. */
export function skeletonIsSound(path: string): boolean {
  if (!looksLikeDatabase(path)) return false;
  let db: Connection | undefined;
  try {
    db = openConnection(path);
    return db.pragma('quick_check(1)', { simple: true }) === 'ok';
  } catch {
    return false; // an answer, not a failure: such a file is built anew
  } finally {
    db?.close();
  }
}
