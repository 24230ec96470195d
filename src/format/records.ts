// The journal's records: every change of the skeleton is exactly one of these, applied the same way
// live and in replay. They carry results (the inode number that was given, the time that was read), never questions,
// so that applying them to equal skeletons gives equal skeletons. Bytes: src/format/record-codec.ts, docs/format.
import type { Timespec } from '../base/clock.js';
import type { FileOffset } from '../base/file-offset.js';
import type { ContentId, DiskId, GenerationId, Ino, Lsn, SegmentNumber } from '../base/ids.js';

// ---- names and attributes -------------------------------------------------------------------

/** New inode with one name. `mode` carries the file type bits; `content` equals the number given for its extents. */
export interface CreateRecord {
  readonly type: 'create';
  readonly ino: Ino;
  /** 0 for anything but regular files. */
  readonly content: ContentId;
  readonly parent: Ino;
  /** Raw bytes, 1..255, no '/' and no NUL. */
  readonly name: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  /** Symlink target, else null. */
  readonly target: Buffer | null;
  readonly time: Timespec;
}

/** New regular file without a name (O_TMPFILE): an orphan until a `link` gives it one. `mode` and `content` as in `create`. */
export interface TemporaryRecord {
  readonly type: 'temporary';
  readonly ino: Ino;
  readonly content: ContentId;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly time: Timespec;
}

/** One more name; also the first of an inode that was made without one, which is no orphan from then on. */
export interface LinkRecord {
  readonly type: 'link';
  readonly ino: Ino;
  readonly parent: Ino;
  readonly name: Buffer;
  readonly time: Timespec;
}

/** Removes a name. At link count 0 the inode becomes an orphan, gone when `reap` has taken its extents. For directories (rmdir) too. */
export interface UnlinkRecord {
  readonly type: 'unlink';
  readonly ino: Ino;
  readonly parent: Ino;
  readonly name: Buffer;
  readonly time: Timespec;
}

/** Moves a name; an existing target name loses its inode as by `unlink`. With `exchange` both names swap their inodes. */
export interface RenameRecord {
  readonly type: 'rename';
  readonly fromParent: Ino;
  readonly fromName: Buffer;
  readonly toParent: Ino;
  readonly toName: Buffer;
  readonly exchange: boolean;
  readonly time: Timespec;
}

/** Sets the given attributes; absent (undefined) ones stay. `ctime` is always set. */
export interface AttributeRecord {
  readonly type: 'attribute';
  readonly ino: Ino;
  /** Permission bits only (07777); the file type never changes. */
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly atime?: Timespec | undefined;
  readonly mtime?: Timespec | undefined;
  readonly ctime: Timespec;
}

/** Sets or (value null) removes one extended attribute; sets ctime. */
export interface XattrRecord {
  readonly type: 'xattr';
  readonly ino: Ino;
  readonly name: Buffer;
  readonly value: Buffer | null;
  readonly time: Timespec;
}

// ---- file data ------------------------------------------------------------------------------

/** `length` bytes at `offset` now live at (segment, segmentOffset). Size grows to cover them; mtime and ctime are set. */
export interface WriteRecord {
  readonly type: 'write';
  readonly ino: Ino;
  readonly offset: FileOffset;
  readonly length: number;
  readonly segment: SegmentNumber;
  readonly segmentOffset: number;
  readonly time: Timespec;
}

/** As `write`, with bytes that are there already because other extents refer to them: nothing new has to reach the backup. */
export interface ShareRecord {
  readonly type: 'share';
  readonly ino: Ino;
  readonly offset: FileOffset;
  readonly length: number;
  readonly segment: SegmentNumber;
  readonly segmentOffset: number;
  readonly time: Timespec;
}

/** Sets the size. Extents past a smaller size go: up to `rowsPerTurnMax` rows at once, the rest by `trim` records. */
export interface TruncateRecord {
  readonly type: 'truncate';
  readonly ino: Ino;
  readonly size: FileOffset;
  readonly time: Timespec;
}

/** The range becomes a hole; the size stays. Covers at most `rowsPerTurnMax` extents (the caller slices). */
export interface PunchRecord {
  readonly type: 'punch';
  readonly ino: Ino;
  readonly offset: FileOffset;
  readonly length: FileOffset;
  readonly time: Timespec;
}

/**
 * The holes of the range become unwritten extents: they read as zeros, and room is kept for what will be written there. The size stays;
 * sets ctime. Covers at most `rowsPerTurnMax` extents (the caller slices).
 */
export interface PreallocateRecord {
  readonly type: 'preallocate';
  readonly ino: Ino;
  readonly offset: FileOffset;
  readonly length: FileOffset;
  readonly time: Timespec;
}

/** Takes up to `limit` extents off a truncated content that still has some past its size; ends its `trim` row when none is left. */
export interface TrimRecord {
  readonly type: 'trim';
  readonly content: ContentId;
  readonly limit: number;
}

/** Takes up to `limit` extents and xattrs off an orphan (link count 0); removes its inode row when none is left. */
export interface ReapRecord {
  readonly type: 'reap';
  readonly ino: Ino;
  readonly limit: number;
}

// ---- segments -------------------------------------------------------------------------------

/** How a sealed segment is cut. Layout numbers of one segment start at 1 and only grow. */
export interface SegmentLayout {
  readonly number: number;
  readonly k: number;
  readonly m: number;
  readonly e: number;
  /** Data bytes per shard without header and table: ceil(length / k) rounded up to a cell. */
  readonly shardBytes: number;
}

export interface SegmentOpenRecord {
  readonly type: 'segment-open';
  readonly segment: SegmentNumber;
  readonly generation: GenerationId;
}

/** Its shards are durable: index i lies on `disks[i]` (k data, then m parity, then e delta shards). Also a new layout of a sealed segment. */
export interface SegmentSealRecord {
  readonly type: 'segment-seal';
  readonly segment: SegmentNumber;
  /** Bytes used; at most `segmentBytesMax`. */
  readonly length: number;
  readonly layout: SegmentLayout;
  readonly disks: readonly DiskId[];
}

/** One extent now lives elsewhere with the same bytes. Applies only where (content, offset) still points to the old place. */
export interface RelocateRecord {
  readonly type: 'relocate';
  readonly content: ContentId;
  readonly offset: FileOffset;
  readonly length: number;
  readonly fromSegment: SegmentNumber;
  readonly fromOffset: number;
  readonly toSegment: SegmentNumber;
  readonly toOffset: number;
}

/** Death: nothing refers to it. Asserted when applied. Shards may be removed once this is durable and every kept image is newer. */
export interface SegmentDropRecord {
  readonly type: 'segment-drop';
  readonly segment: SegmentNumber;
}

/** Its shards are removed from the disks; the row goes unless the backup still has it (then state `dead`, no shards). */
export interface SegmentForgetRecord {
  readonly type: 'segment-forget';
  readonly segment: SegmentNumber;
}

/** Shard `index` of the current layout lies on `disk` now; null: it is lost or was removed. */
export interface ShardMoveRecord {
  readonly type: 'shard-move';
  readonly segment: SegmentNumber;
  readonly index: number;
  readonly disk: DiskId | null;
}

/** The delta shards of these segments are given up (layout.e becomes 0). Written before the files are removed. */
export interface DeltaShardDropRecord {
  readonly type: 'delta-shard-drop';
  readonly segments: readonly SegmentNumber[];
}

// ---- backup ---------------------------------------------------------------------------------

/** The backup is proven to hold (present) or found to miss (not present) this segment. */
export interface PresenceRecord {
  readonly type: 'presence';
  readonly segment: SegmentNumber;
  readonly present: boolean;
}

/** Starts a flush: delta rows up to `cut` belong to it; later updates never merge into them. */
export interface FlushBeginRecord {
  readonly type: 'flush-begin';
  readonly cut: Lsn;
}

/** The root is in the backup. From here its deltas may be released. */
export interface RootRecord {
  readonly type: 'root';
  /** Number in the backup's one key sequence. */
  readonly sequence: number;
  readonly epoch: number;
  /** The image stands for everything up to here. */
  readonly cut: Lsn;
  readonly time: Timespec;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
}

/** Removes up to `limit` delta rows with an LSN at or below `cut`. */
export interface DeltaReleaseRecord {
  readonly type: 'delta-release';
  readonly cut: Lsn;
  readonly limit: number;
}

/** The backup object of a dead segment, or a retired root, is gone. */
export interface BackupForgetRecord {
  readonly type: 'backup-forget';
  readonly segments: readonly SegmentNumber[];
  readonly roots: readonly number[];
}

// ---- disks ----------------------------------------------------------------------------------

export type DiskState = 'healthy' | 'suspect' | 'failed' | 'missing' | 'leaving' | 'gone';

export interface DiskRecord {
  readonly type: 'disk';
  readonly disk: DiskId;
  readonly path: string;
  readonly state: DiskState;
  readonly reason: string;
  readonly time: Timespec;
}

export type FileRecord =
  | CreateRecord
  | TemporaryRecord
  | LinkRecord
  | UnlinkRecord
  | RenameRecord
  | AttributeRecord
  | XattrRecord
  | WriteRecord
  | ShareRecord
  | TruncateRecord
  | PunchRecord
  | PreallocateRecord
  | TrimRecord
  | ReapRecord;

export type StoreRecord =
  | SegmentOpenRecord
  | SegmentSealRecord
  | RelocateRecord
  | SegmentDropRecord
  | SegmentForgetRecord
  | ShardMoveRecord
  | DeltaShardDropRecord
  | PresenceRecord
  | FlushBeginRecord
  | RootRecord
  | DeltaReleaseRecord
  | BackupForgetRecord
  | DiskRecord;

export type JournalRecord = FileRecord | StoreRecord;
