// What the skeleton promises: the namespace and all bookkeeping in SQLite, changed only by apply(record).
// One writer connection with an open transaction; commit points are given by the volume. No file data in here.
import type { Timespec } from '../base/clock.js';
import type { FileOffset } from '../base/file-offset.js';
import { asSegmentNumber, type ContentId, type DiskId, type GenerationId, type Ino, type Lsn, type SegmentNumber } from '../base/ids.js';
import type { DiskState, JournalRecord, SegmentLayout } from '../format/records.js';
import type { NameList } from './name-list.js';

export interface Inode {
  readonly ino: Ino;
  readonly content: ContentId;
  /** File type and permission bits, as st_mode. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: FileOffset;
  /** Bytes under extents: st_blocks is this / 512, rounded up. */
  readonly allocated: number;
  readonly atime: Timespec;
  readonly mtime: Timespec;
  readonly ctime: Timespec;
  readonly btime: Timespec;
}

/** An entry and what it names, as one list gives it. */
export interface ListedChild {
  readonly name: Buffer;
  readonly cookie: number;
  readonly inode: Inode;
}

export interface DirectoryEntry {
  readonly name: Buffer;
  readonly ino: Ino;
  /** File type bits alone; the permissions stand in the inode. */
  readonly mode: number;
  /** Stable while the entry exists, whatever else changes; > 2; listing resumes after it. */
  readonly cookie: number;
}

/** An extent that refers to this segment, which no segment ever is, has no bytes: room is kept for them, and it reads as zeros. */
export const unwritten = asSegmentNumber(0);

export interface Extent {
  readonly offset: FileOffset;
  readonly length: number;
  readonly segment: SegmentNumber;
  readonly segmentOffset: number;
}

export type SegmentState = 'open' | 'sealed' | 'dead';

/** `only-here`: sealed and not in the backup; `needs-upload`: of these, those that something refers to; `dead-here`: dead with shards left. */
export type SegmentFilter = 'all' | 'open' | 'only-here' | 'needs-upload' | 'droppable' | 'dead' | 'dead-here' | 'delta-shards';

export interface SegmentRow {
  readonly segment: SegmentNumber;
  readonly generation: GenerationId;
  readonly state: SegmentState;
  /** Bytes used; 0 while open. */
  readonly length: number;
  /** Bytes that extents refer to; ranges that several share count for each. */
  readonly live: number;
  /** null while open. */
  readonly layout: SegmentLayout | null;
  /** Disk of shard i; null where the shard is lost or was given up. Length k + m + e. */
  readonly disks: readonly (DiskId | null)[];
  /** The backup is proven to hold it. */
  readonly present: boolean;
  /** LSN at which it died; 0 otherwise. */
  readonly diedLsn: Lsn;
}

/** shared: a copy that refers to bytes which were there already. */
export type DeltaKind = 'data' | 'hole' | 'size' | 'attribute' | 'xattr' | 'name' | 'shared' | 'unwritten';

/** One update since the last root. Contiguous data and repeated attribute updates of one inode are merged. */
export interface DeltaRow {
  readonly lsn: Lsn;
  readonly ino: Ino;
  readonly kind: DeltaKind;
  readonly offset: FileOffset;
  /** Of data and shared: within a segment. */
  readonly length: FileOffset;
  /** data, shared: where the bytes are. */
  readonly segment: SegmentNumber | null;
  readonly segmentOffset: number;
  /** The new values (encoded record) for everything but data, hole and shared. */
  readonly value: Buffer | null;
  /** When its first update came. */
  readonly time: Timespec;
  /** When the last one that was merged into it came: the mtime and ctime that data and holes leave. */
  readonly lastTime: Timespec;
}

export interface Backlog {
  readonly deltas: number;
  readonly files: number;
  /** Bytes under data deltas. */
  readonly bytes: number;
  /** Time of the oldest delta; null when there is none. */
  readonly oldest: Timespec | null;
}

export interface RootRow {
  readonly sequence: number;
  readonly epoch: number;
  readonly cut: Lsn;
  readonly time: Timespec;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
}

export interface DiskRow {
  readonly disk: DiskId;
  readonly path: string;
  readonly state: DiskState;
  readonly reason: string;
  readonly since: Timespec;
}

/** Written with every commit. `link`, `generation` and `bootId` decide whether the file is trusted at the next mount. */
export interface CommitPoint {
  readonly appliedLsn: Lsn;
  readonly generation: GenerationId;
  readonly link: number;
  readonly bootId: string;
}

export interface SpaceUse {
  readonly files: number;
  /** Bytes under extents of all files. */
  readonly liveBytes: number;
  /** Those of unwritten extents among them. */
  readonly unwrittenBytes: number;
}

export interface CheckFinding {
  readonly rule: string;
  readonly subject: string;
  readonly detail: string;
}

export interface Skeleton {
  // ---- names and attributes (every call is a handful of indexed rows) ----
  lookup(parent: Ino, name: Buffer): Inode | null;
  inode(ino: Ino): Inode | null;
  /** Up to `limit` entries after `cookie` (0: from the start), with no order but that of cookies. */
  childNames(parent: Ino, cookie: number, limit: number): NameList;
  /** The same with their inodes. */
  childrenWithInodes(parent: Ino, cookie: number, limit: number): readonly ListedChild[];
  hasChildren(parent: Ino): boolean;
  /** Parent of a directory; the root's is itself. */
  parentOf(directory: Ino): Ino;
  symlinkTarget(ino: Ino): Buffer | null;
  xattr(ino: Ino, name: Buffer): Buffer | null;
  xattrNames(ino: Ino): readonly Buffer[];
  /** A name by which the inode can be reached, as text (base/printable); `(unlinked)` for orphans. */
  pathOf(ino: Ino): string;
  /** Numbers that were never given before: every call gives another one. */
  nextIno(): Ino;
  nextSegment(): SegmentNumber;

  // ---- data ----
  /** Extents overlapping [offset, offset + length), ascending, not clipped; at most `limit`. The range ends at `fileBytesMax` or before. */
  extents(content: ContentId, offset: FileOffset, length: FileOffset, limit: number): readonly Extent[];
  /** Counts rows a punch or overwrite of the range would touch, stopping at `limit`. */
  extentCount(content: ContentId, offset: FileOffset, length: FileOffset, limit: number): number;
  /** Files and ranges that refer to a segment: for naming what is lost. Cost: rows of that segment. */
  referencesTo(segment: SegmentNumber): Iterable<{ readonly ino: Ino; readonly content: ContentId; readonly extent: Extent }>;

  // ---- segments, disks, deltas, roots ----
  segment(segment: SegmentNumber): SegmentRow | null;
  /** Ascending, after the given number; at most `limit`. */
  segments(after: SegmentNumber, limit: number, filter: SegmentFilter): readonly SegmentRow[];
  segmentsOn(disk: DiskId, after: SegmentNumber, limit: number): readonly SegmentRow[];
  /** Sealed segments with the smallest live share first, below `liveShare`; at most `limit`. Those with nothing alive are `droppable` instead. */
  garbage(liveShare: number, limit: number): readonly SegmentRow[];
  disks(): readonly DiskRow[];
  backlog(): Backlog;
  /** In LSN order after `after`; about `limit` (rows of one LSN are not parted). */
  deltas(ino: Ino | null, after: Lsn, limit: number): readonly DeltaRow[];
  roots(): readonly RootRow[];
  lastRoot(): RootRow | null;
  orphans(after: Ino, limit: number): readonly Ino[];
  /** Contents with a trim under way, and where the garbage begins. */
  trims(limit: number): readonly { readonly content: ContentId; readonly from: FileOffset }[];
  use(): SpaceUse;

  // ---- changes ----
  /** Applies one record inside the open transaction. Deterministic. Violated preconditions are assertions: the caller checked. */
  apply(lsn: Lsn, record: JournalRecord): void;
  readonly appliedLsn: Lsn;

  // ---- durability ----
  /** COMMIT with the point, then BEGIN. Between them `between` runs (image capture); reads may go on. */
  commit(point: CommitPoint, between?: () => Promise<void>): Promise<void>;
  /** The point of the last commit; null in a fresh file. */
  commitPoint(): CommitPoint | null;
  /** Proves reachability, link counts, sizes, extents, live counts, segment references, counters. Walks everything (own read connection, in slices); for `holdfast check`. `pagesOnly`: is the file in order below all that, beside the event loop. */
  check(pagesOnly?: boolean): AsyncIterable<CheckFinding>;
  close(): void;
}

/** The database file as a sequence of chunks that stays still between capture() and release(). */
export interface ImageSource {
  /** Between COMMIT and BEGIN: checkpoints the WAL into the file (off the main thread) and notes which pages changed. From then to release() no checkpoint moves pages. */
  capture(): Promise<void>;
  release(): void;
  /** Size of the file at capture. */
  readonly bytes: number;
  /** Chunks changed since the last call of `published(consumer)`, ascending; null: unknown, all of them are candidates. */
  changed(consumer: 'disks' | 'backup'): readonly number[] | null;
  published(consumer: 'disks' | 'backup'): void;
  read(chunk: number): Promise<Buffer>;
  /** Off the main thread: a PASSIVE checkpoint that keeps the WAL from growing, unless an image is captured. */
  checkpoint(): Promise<void>;
  close(): Promise<void>;
}
