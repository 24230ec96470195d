// Port: one local disk, a directory on its own filesystem. Paths are relative to it, use '/', and never leave it.
// Every call runs on the disk's own threads and queue; none blocks the caller's thread. Calls may run concurrently;
// order between them holds only where one awaits the other. Errors: HoldfastError 'unavailable' (EIO, gone, read-only;
// codes disk-io, disk-gone, disk-read-only), 'full' (disk-full), 'missing' (disk-file-missing), 'conflict' (disk-file-exists).
import type { DiskId } from '../base/ids.js';

export interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** What shards may still take as far as the number of files is concerned; Infinity where nothing bounds it. */
  readonly fileRoomBytes: number;
}

/** What passed through this disk since it was opened. */
export interface DiskCounters {
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly syncs: number;
  readonly errors: number;
}

/** A preallocated file that is appended to and synced by its one owner. Offsets are multiples of `batchAlignBytes`. */
export interface LogFile {
  /** Writes the buffers one after another at `offset`. Resolves when the kernel has them; durable only after `sync`. Buffers must stay untouched until then. */
  write(offset: number, buffers: readonly Buffer[]): Promise<void>;
  /** fdatasync. After a failure the file must never be synced again: abandon it. */
  sync(): Promise<void>;
  /** write() and sync() as one call, for who waits for both: a switch of threads less. Whatever fails, the file must be abandoned. */
  writeDurably(offset: number, buffers: readonly Buffer[]): Promise<void>;
  close(): Promise<void>;
}

/** Where the cells of a shard-shaped file are and how their checksums are seeded: see src/format/shard.ts. */
export interface CellRead {
  /** Byte position of the CRC table in the file. */
  readonly tableOffset: number;
  /** Byte position of cell 0. */
  readonly dataOffset: number;
  readonly firstCell: number;
  readonly cellCount: number;
  /** CRC32C of the shard's identity; cell i is expected to have crc32c(data, crc32c(u32le(i), seed)). */
  readonly seed: number;
}

/** HF_CELLS_NOW_MAX in native/core/disk.h: more are better read beside the event loop. */
export const cellsNowMax = 16;

export interface Disk {
  readonly id: DiskId;
  /** Where it is, for messages. */
  readonly path: string;

  /** Creates a new file with these bytes. Durable (data, size and directory entry) when it resolves. Never overwrites: 'conflict' when it exists. Missing directories are made (durably). */
  create(path: string, buffers: readonly Buffer[]): Promise<void>;
  /** Like `create`, but atomically replaces what is there: after a crash the old or the new file is whole. */
  replace(path: string, buffers: readonly Buffer[]): Promise<void>;
  /** Creates (or, existing, opens) a log file with `bytes` preallocated; its directory entry is durable when this resolves. */
  openLog(path: string, bytes: number): Promise<LogFile>;
  /** Reads exactly `into.length` bytes; a shorter file gives 'corrupt' (disk-short-read). */
  read(path: string, offset: number, into: Buffer): Promise<void>;
  /** Whole small file (at most `bytesMax`, else 'invalid'). */
  readAll(path: string, bytesMax: number): Promise<Buffer>;
  /** Reads whole cells into `into` (cellCount x 4096 bytes) and verifies each on the disk's thread. Resolves to the indexes (absolute) of bad cells; [] when all are right. A short file makes the missing cells bad. */
  readCells(path: string, cells: CellRead, into: Buffer): Promise<readonly number[]>;
  /**
   * The same at once and without waiting, from memory of the operating system: true when `into` holds the cells and all are right. False
   * says nothing, not even that anything is wrong: readCells tells. Worth asking for at most `cellsNowMax` cells of a file that was read before.
   */
  readCellsNow(path: string, cells: CellRead, into: Buffer): boolean;
  /** Removes a file; fine when it does not exist. Not durable by itself. */
  remove(path: string): Promise<void>;
  /** Names in a directory (files and directories, no order); [] when it does not exist. */
  list(path: string): Promise<readonly string[]>;
  /** Size in bytes, or null when it does not exist. */
  size(path: string): Promise<number | null>;
  /**
   * The first place at or above `from` where the file may hold something that was written; null when it holds nothing from there on: all
   * zeros. A filesystem that keeps no account of that gives `from` itself.
   */
  nextData(path: string, from: number): Promise<number | null>;
  /** The operating system forgets what it has of the file in memory, as far as it can: what is read next comes from the medium. */
  uncache(path: string): Promise<void>;
  space(): Promise<DiskSpace>;
  counters(): DiskCounters;
  /** Waits for what is under way, then lets go. Further calls give 'closed'. */
  close(): Promise<void>;
}
