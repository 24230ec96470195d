// One disk of the addon as promises: its own queue and threads, nothing on the event loop or on libuv's pool.
// Failures are NativeFailure; what they mean is decided in src/disk. Buffers must stay untouched until the promise settles.
import { addon } from './addon.js';
import { CompletionTable } from './completion-table.js';

const table = new CompletionTable();
addon.ioListen(table.deliver);

export interface QueuedCellRead {
  readonly tableOffset: number;
  readonly dataOffset: number;
  readonly firstCell: number;
  readonly cellCount: number;
  readonly seed: number;
}

/** Where the directory of a disk is. A mount point's device differs from its parent's. */
export interface Place {
  readonly device: number;
  readonly inode: number;
  readonly parentDevice: number;
}

export class DiskQueue {
  readonly #disk: number;
  #place: Place = { device: 0, inode: 0, parentDevice: 0 };

  private constructor(disk: number) {
    this.#disk = disk;
  }

  get place(): Place {
    return this.#place;
  }

  /** Starts the threads and opens the directory; it stays open until `stop`. */
  static async open(path: string): Promise<DiskQueue> {
    const queue = new DiskQueue(addon.diskStart());
    try {
      const found = await table.run<readonly [number, number, number]>((token) =>
        addon.diskOpen(queue.#disk, token, path),
      );
      queue.#place = { device: found[0], inode: found[1], parentDevice: found[2] };
    } catch (error) {
      queue.stop();
      throw error;
    }
    return queue;
  }

  /** Ends the threads. Nothing may be under way. */
  stop(): void {
    addon.diskStop(this.#disk, 0);
  }

  /** Bytes written, bytes read, syncs, errors. */
  counters(): readonly [number, number, number, number] {
    return addon.diskCounters(this.#disk, 0);
  }

  create(path: string, buffers: readonly Buffer[]): Promise<void> {
    return table.run((token) => addon.diskCreate(this.#disk, token, path, buffers));
  }

  replace(path: string, buffers: readonly Buffer[]): Promise<void> {
    return table.run((token) => addon.diskReplace(this.#disk, token, path, buffers));
  }

  /** Number of the log for logWrite, logSync and logClose. */
  openLog(path: string, bytes: number): Promise<number> {
    return table.run((token) => addon.diskOpenLog(this.#disk, token, path, bytes));
  }

  logWrite(log: number, offset: number, buffers: readonly Buffer[]): Promise<void> {
    return table.run((token) => addon.diskLogWrite(this.#disk, token, log, offset, buffers));
  }

  logSync(log: number): Promise<void> {
    return table.run((token) => addon.diskLogSync(this.#disk, token, log));
  }

  logWriteDurably(log: number, offset: number, buffers: readonly Buffer[]): Promise<void> {
    return table.run((token) => addon.diskLogWriteDurably(this.#disk, token, log, offset, buffers));
  }

  logClose(log: number): Promise<void> {
    return table.run((token) => addon.diskLogClose(this.#disk, token, log));
  }

  read(path: string, offset: number, into: Buffer): Promise<void> {
    return table.run((token) => addon.diskRead(this.#disk, token, path, offset, into));
  }

  readAll(path: string, bytesMax: number): Promise<Buffer> {
    return table.run((token) => addon.diskReadAll(this.#disk, token, path, bytesMax));
  }

  /** Absolute numbers of bad cells. */
  readCells(path: string, cells: QueuedCellRead, into: Buffer): Promise<readonly number[]> {
    const { tableOffset, dataOffset, firstCell, cellCount, seed } = cells;
    return table.run((token) =>
      addon.diskReadCells(this.#disk, token, path, tableOffset, dataOffset, firstCell, cellCount, seed, into),
    );
  }

  /** Synchronous and without waiting: true when the cells were in the kernel's memory and are right. */
  readCellsNow(path: string, cells: QueuedCellRead, into: Buffer): boolean {
    const { tableOffset, dataOffset, firstCell, cellCount, seed } = cells;
    return addon.diskReadCellsNow(this.#disk, 0, path, tableOffset, dataOffset, firstCell, cellCount, seed, into);
  }

  remove(path: string): Promise<void> {
    return table.run((token) => addon.diskRemove(this.#disk, token, path));
  }

  list(path: string): Promise<readonly string[]> {
    return table.run((token) => addon.diskList(this.#disk, token, path));
  }

  size(path: string): Promise<number> {
    return table.run((token) => addon.diskSize(this.#disk, token, path));
  }

  /** -1: none. */
  nextData(path: string, from: number): Promise<number> {
    return table.run((token) => addon.diskNextData(this.#disk, token, path, from));
  }

  uncache(path: string): Promise<void> {
    return table.run((token) => addon.diskUncache(this.#disk, token, path));
  }

  /** Total bytes, free bytes, files that can still be made. */
  space(): Promise<readonly [number, number, number]> {
    return table.run((token) => addon.diskSpace(this.#disk, token));
  }
}
