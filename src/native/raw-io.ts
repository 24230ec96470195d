// Raw functions of native/glue/io.cc: per-disk queues and threads. Every function with a token starts a job whose
// outcome comes with a batch to the listener; what the jobs do is said in native/core/disk.h.
import type { Batch } from './completion-table.js';

export interface RawIo {
  ioListen(listener: (batch: Batch) => void): void;
  /** Gives the number of a disk with threads and no directory yet: diskOpen comes first. */
  diskStart(): number;
  /** Nothing may be under way. */
  diskStop(disk: number, token: 0): void;
  /** Bytes written, bytes read, syncs, errors. */
  diskCounters(disk: number, token: 0): readonly [number, number, number, number];

  /** Result: [device, inode, device of the parent directory]. */
  diskOpen(disk: number, token: number, path: string): void;
  diskCreate(disk: number, token: number, path: string, buffers: readonly Buffer[]): void;
  diskReplace(disk: number, token: number, path: string, buffers: readonly Buffer[]): void;
  /** Result: number of the log. */
  diskOpenLog(disk: number, token: number, path: string, bytes: number): void;
  diskLogWrite(disk: number, token: number, log: number, offset: number, buffers: readonly Buffer[]): void;
  /** Both in one job. */
  diskLogWriteDurably(disk: number, token: number, log: number, offset: number, buffers: readonly Buffer[]): void;
  diskLogSync(disk: number, token: number, log: number): void;
  diskLogClose(disk: number, token: number, log: number): void;
  diskRead(disk: number, token: number, path: string, offset: number, into: Buffer): void;
  /** Result: Buffer. */
  diskReadAll(disk: number, token: number, path: string, bytesMax: number): void;
  /** Result: absolute numbers of bad cells. */
  diskReadCells(
    disk: number,
    token: number,
    path: string,
    tableOffset: number,
    dataOffset: number,
    firstCell: number,
    cellCount: number,
    seed: number,
    into: Buffer,
  ): void;
  /** On this thread, from the kernel's memory: true when the cells were there and are right. `token` is 0. */
  diskReadCellsNow(
    disk: number,
    token: 0,
    path: string,
    tableOffset: number,
    dataOffset: number,
    firstCell: number,
    cellCount: number,
    seed: number,
    into: Buffer,
  ): boolean;
  diskRemove(disk: number, token: number, path: string): void;
  /** Result: string[]. */
  diskList(disk: number, token: number, path: string): void;
  /** Result: number; ENOENT when there is no such file. */
  diskSize(disk: number, token: number, path: string): void;
  /** Result: number; -1 when there is no data from there on. */
  diskNextData(disk: number, token: number, path: string, from: number): void;
  diskUncache(disk: number, token: number, path: string): void;
  /** Result: [total bytes, free bytes]. */
  diskSpace(disk: number, token: number): void;
}
