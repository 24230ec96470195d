// The tables of the skeleton, and the file's identity (format version, volume, name key).
// Every column is listed in docs/format/skeleton.md; a change here is a new format version with a reader for the old one.
import { HoldfastError } from '../base/errors.js';
import { asVolumeId } from '../base/ids.js';
import type { VolumeId } from '../base/ids.js';
import { isKnownVersion } from '../format/version.js';
import type { Connection } from './connection.js';

/** 2: delta rows of kind `shared` and with records of version 2. 3: places in files past 2^53 - 1. 4: unwritten extents, and their delta rows. The tables are those of 1. */
export const formatVersion = 4;
/** "HFSK", so that file(1) and we ourselves know the file. */
export const applicationId = 0x4846534b;

export const stateOpen = 0;
export const stateSealed = 1;
export const stateDead = 2;

/** Live shares are kept in this many steps, so that an overwrite rarely touches the index of garbage. */
export const shareSteps = 256;

const tables = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE point (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  applied_lsn INTEGER NOT NULL, generation TEXT, link INTEGER NOT NULL, boot_id TEXT NOT NULL,
  next_ino INTEGER NOT NULL, next_segment INTEGER NOT NULL, merge_cut INTEGER NOT NULL,
  deltas INTEGER NOT NULL, delta_files INTEGER NOT NULL, delta_bytes INTEGER NOT NULL,
  files INTEGER NOT NULL, live_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE inode (
  ino INTEGER PRIMARY KEY, content INTEGER NOT NULL, mode INTEGER NOT NULL, nlink INTEGER NOT NULL,
  uid INTEGER NOT NULL, gid INTEGER NOT NULL, rdev INTEGER NOT NULL, size INTEGER NOT NULL, allocated INTEGER NOT NULL,
  atime_sec INTEGER NOT NULL, atime_nsec INTEGER NOT NULL, mtime_sec INTEGER NOT NULL, mtime_nsec INTEGER NOT NULL,
  ctime_sec INTEGER NOT NULL, ctime_nsec INTEGER NOT NULL, btime_sec INTEGER NOT NULL, btime_nsec INTEGER NOT NULL,
  parent INTEGER NOT NULL, cookie INTEGER NOT NULL, target BLOB
) STRICT;
CREATE UNIQUE INDEX inode_content ON inode (content) WHERE content > 0;

CREATE TABLE dirent (
  parent INTEGER NOT NULL, cookie INTEGER NOT NULL, ino INTEGER NOT NULL, type INTEGER NOT NULL, name BLOB NOT NULL,
  PRIMARY KEY (parent, cookie)
) STRICT, WITHOUT ROWID;

CREATE TABLE other_name (
  ino INTEGER NOT NULL, parent INTEGER NOT NULL, cookie INTEGER NOT NULL, PRIMARY KEY (ino, parent, cookie)
) STRICT, WITHOUT ROWID;

CREATE TABLE xattr (
  ino INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (ino, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE orphan (ino INTEGER PRIMARY KEY) STRICT;

CREATE TABLE extent (
  content INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, segment INTEGER NOT NULL, segment_offset INTEGER NOT NULL,
  PRIMARY KEY (content, offset)
) STRICT, WITHOUT ROWID;
CREATE INDEX extent_segment ON extent (segment);

CREATE TABLE trim (content INTEGER PRIMARY KEY, start INTEGER NOT NULL) STRICT;

CREATE TABLE delta (
  ino INTEGER NOT NULL, lsn INTEGER NOT NULL, kind INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
  segment INTEGER, segment_offset INTEGER NOT NULL, value BLOB,
  sec INTEGER NOT NULL, nsec INTEGER NOT NULL, last_sec INTEGER NOT NULL, last_nsec INTEGER NOT NULL,
  PRIMARY KEY (ino, lsn)
) STRICT, WITHOUT ROWID;
CREATE INDEX delta_lsn ON delta (lsn);

CREATE TABLE segment (
  segment INTEGER PRIMARY KEY, generation TEXT NOT NULL, state INTEGER NOT NULL, length INTEGER NOT NULL, live INTEGER NOT NULL,
  share INTEGER NOT NULL, layout INTEGER NOT NULL, k INTEGER NOT NULL, m INTEGER NOT NULL, e INTEGER NOT NULL,
  shard_bytes INTEGER NOT NULL, present INTEGER NOT NULL, died_lsn INTEGER NOT NULL
) STRICT;
CREATE INDEX segment_open ON segment (segment) WHERE state = ${stateOpen};
CREATE INDEX segment_needs_upload ON segment (segment) WHERE state = ${stateSealed} AND present = 0;
CREATE INDEX segment_droppable ON segment (segment) WHERE state = ${stateSealed} AND live = 0;
CREATE INDEX segment_dead ON segment (segment) WHERE state = ${stateDead};
CREATE INDEX segment_delta_shards ON segment (segment) WHERE state = ${stateSealed} AND present = 1 AND e > 0;
CREATE INDEX segment_garbage ON segment (share) WHERE state = ${stateSealed};

CREATE TABLE shard (
  segment INTEGER NOT NULL, idx INTEGER NOT NULL, disk INTEGER, PRIMARY KEY (segment, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX shard_disk ON shard (disk) WHERE disk IS NOT NULL;

CREATE TABLE disk (
  number INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, path TEXT NOT NULL, state TEXT, reason TEXT NOT NULL,
  sec INTEGER NOT NULL, nsec INTEGER NOT NULL
) STRICT;

CREATE TABLE root (
  sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, cut INTEGER NOT NULL, sec INTEGER NOT NULL, nsec INTEGER NOT NULL,
  deltas INTEGER NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL
) STRICT;
`;

export interface FileIdentity {
  readonly volume: VolumeId;
  /** Key of the name hash, 8 bytes. */
  readonly nameKey: Buffer;
}

/** Creates all tables in an empty database. The caller's transaction makes it one step. */
export function createTables(db: Connection, identity: FileIdentity): void {
  db.pragma(`application_id = ${applicationId}`);
  db.exec(tables);
  const put = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
  put.run('format', String(formatVersion));
  put.run('volume', identity.volume);
  put.run('name-key', identity.nameKey.toString('hex'));
  db.prepare("INSERT INTO point VALUES (1, 0, NULL, 0, '', 2, 1, 0, 0, 0, 0, 1, 0)").run();
}

/** Reads who the file belongs to. Throws 'corrupt' for a file that is no skeleton and 'invalid' for a newer format. */
export function readIdentity(db: Connection, path: string): FileIdentity {
  if (db.pragma('application_id', { simple: true }) !== applicationId) throw foreign(path);
  const rows = db.prepare<[], { key: string; value: string }>('SELECT key, value FROM meta').all();
  const meta = new Map(rows.map((row) => [row.key, row.value]));
  const format = Number(meta.get('format'));
  if (format > formatVersion) {
    throw new HoldfastError('invalid', `the skeleton ${path} has format ${format}; this program knows formats up to ${formatVersion}`, {
      code: 'skeleton-newer',
      hint: 'Use the newer version of holdfast that wrote it.',
      context: { path, format },
    });
  }
  const volume = meta.get('volume');
  const nameKey = meta.get('name-key');
  if (!isKnownVersion(format, formatVersion) || volume === undefined || nameKey === undefined) throw foreign(path);
  return { volume: asVolumeId(volume), nameKey: Buffer.from(nameKey, 'hex') };
}

/** What is written from now on may be of the present format. Part of the open transaction. */
export function raiseFormat(db: Connection): void {
  db.prepare("UPDATE meta SET value = ? WHERE key = 'format' AND value <> ?").run(String(formatVersion), String(formatVersion));
}

function foreign(path: string): HoldfastError {
  return new HoldfastError('corrupt', `${path} is not a skeleton database`, {
    code: 'skeleton-unreadable',
    hint: 'It is rebuilt from the newest image on the disks or in the backup, and the journal.',
    context: { path },
  });
}
