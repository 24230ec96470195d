// What a mounted volume gives to src/filesystem, src/daemon and src/recovery: the one place that orders durability.
// Changes are synchronous (skeleton + journal buffer) once admitted; durability is asked for with sync().
import type { Clock } from '../base/clock.js';
import type { FileOffset, PlainOffset } from '../base/file-offset.js';
import type { Ino, Lsn } from '../base/ids.js';
import type { FileRecord } from '../format/records.js';
import type { Backlog, RootRow, Skeleton } from '../skeleton/contract.js';

/** The reading side of the skeleton; changes go through Volume.apply. */
export type SkeletonView = Pick<
  Skeleton,
  'lookup' | 'inode' | 'childNames' | 'childrenWithInodes' | 'hasChildren' | 'parentOf' | 'symlinkTarget' | 'xattr' | 'xattrNames' | 'pathOf' | 'nextIno' | 'extents' | 'extentCount' | 'use' | 'deltas' | 'backlog' | 'roots' | 'lastRoot'
>;

export interface VolumeSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly files: number;
}

/** A range of a file that no source could give. */
export interface LostRange {
  readonly path: string;
  readonly offset: PlainOffset;
  readonly length: number;
}

export interface FlushLacks {
  /** Segments that neither disks nor journal nor backup have any more. */
  readonly segments: number;
  /** What of which files is in them: the first ones of them all. */
  readonly ranges: readonly LostRange[];
  /** There are more than these. */
  readonly more: boolean;
}

export interface FlushOptions {
  /** The last entry in the backup is damaged, and the user says that it is no other owner's. */
  readonly pastDamagedRoot?: boolean;
}

export interface FlushReport {
  readonly root: RootRow | null;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
  readonly segmentsUploaded: number;
  readonly imageBytes: number;
  /** What the root names as lost: all else is in the backup, and these segments keep what is left of them. */
  readonly lacks: FlushLacks;
  readonly elapsedMs: number;
}

export type FlushProgress = (step: 'point' | 'segments' | 'image' | 'root' | 'release', done: number, total: number) => void;

export interface Volume {
  readonly clock: Clock;
  readonly view: SkeletonView;
  readonly readOnly: boolean;

  /**
   * May a change that adds `bytes` of data go ahead right now? null: yes, and it stays so until the next await.
   * A promise: wait for it (a consistency point is being cut, buffers are being sealed, the budget is exhausted, the journal is short of room, what was deleted gives its room back), then ask again.
   * Throws HoldfastError 'full' (journal-room) when the journal can take no more and nothing can be released; never for what `frees` room, soon or late.
   */
  admit(bytes: number, frees?: boolean): Promise<void> | null;
  /** null: there is room for so many bytes, or nothing that was deleted is left to give its room back. A promise: wait for it, then ask again. */
  roomFor(bytes: FileOffset): Promise<void> | null;
  /** Applies one admitted change and appends it to the journal. Synchronous. The caller has checked POSIX preconditions. Not for writes and shares. A temporary inode is held before its record. */
  apply(record: FileRecord): Lsn;
  /** Writes admitted bytes (at most requestBytesMax). Synchronous: copies `data` into the open segment. Throws HoldfastError 'full' (volume-full) and changes nothing when it would not fit. */
  write(ino: Ino, offset: FileOffset, data: Buffer): void;
  /**
   * [toOffset, + length) becomes what [fromOffset, + length) of the other file is (or of the same: they do not overlap), by
   * referring to the same places; both files are regular, and the source reaches that far. Synchronous; admitted for no bytes.
   * Gives how much was done, from the left: fewer than `length` where the turn would get long, at least one byte.
   */
  share(from: Ino, fromOffset: FileOffset, to: Ino, toOffset: FileOffset, length: number): number;
  /** Reads [offset, offset + length), clipped to the file size, holes as zeros. A Buffer at once when all is in memory, else a promise. 'unavailable' (segment-unreadable) names the range that no source has. */
  read(ino: Ino, offset: FileOffset, length: number): Buffer | Promise<Buffer>;
  /** Durable from its resolution on: every change answered before the call. */
  sync(): Promise<void>;

  /** Reference counts of the kernel and of open handles decide when an unlinked inode may go. */
  hold(ino: Ino): void;
  unhold(ino: Ino, count: number): void;

  space(): VolumeSpace;
  backlog(): Backlog;
  /** One flush at a time; a second call while one runs gives 'conflict' (flush-busy). 'invalid' (no-backup) without a target, 'corrupt' (backup-root-damaged) where nobody can tell whose the backup is. */
  flush(progress?: FlushProgress, options?: FlushOptions): Promise<FlushReport>;
  /** Flush conditions that hold now, in words (`age 3601 s >= 3600 s`); empty: nothing is due. */
  due(): readonly string[];
  /** Writers are slowed down or parked, and only a flush makes room for them. */
  readonly writersWait: boolean;
  /** Everything durable, image published, journal closed. Idempotent. Rejects (volume-failed) when that could not be had; all is let go of even then. */
  close(): Promise<void>;
}
