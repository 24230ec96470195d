// A disk of this machine: a directory that is held open, worked on by the addon's threads (native/core/disk.h).
// All it adds to DiskQueue are checks, the meaning of failures, and an orderly end.
import { assert } from '../base/assert.js';
import { isErrorOf } from '../base/errors.js';
import type { DiskId } from '../base/ids.js';
import { batchAlignBytes, cellBytes, diskBytesPerFile, diskFilesReserve } from '../base/limits.js';
import { NativeFailure } from '../native/completion-table.js';
import { DiskQueue } from '../native/disk-queue.js';
import { diskClosed, diskError } from './disk-errors.js';
import { checkDirectoryPath, checkFilePath } from './disk-path.js';
import type { CellRead, Disk, DiskCounters, DiskSpace, LogFile } from './disk.js';

export class LocalDisk implements Disk {
  readonly id: DiskId;
  readonly path: string;
  readonly #queue: DiskQueue;
  #underWay = 0;
  #closing: Promise<void> | undefined;
  #lastCounters: DiskCounters | undefined;
  #wakeClose: (() => void) | undefined;

  /** `queue` is open on `path` and belongs to this disk from now on. */
  constructor(path: string, id: DiskId, queue: DiskQueue) {
    this.path = path;
    this.id = id;
    this.#queue = queue;
  }

  /** Opens the directory `path` whatever it holds; `openDisk` in label.ts is what checks whose it is. */
  static async open(path: string, id: DiskId): Promise<LocalDisk> {
    return new LocalDisk(path, id, await openQueue(path));
  }

  create(path: string, buffers: readonly Buffer[]): Promise<void> {
    checkFilePath(path);
    return this.#run('create', path, () => this.#queue.create(path, buffers));
  }

  replace(path: string, buffers: readonly Buffer[]): Promise<void> {
    checkFilePath(path);
    return this.#run('replace', path, () => this.#queue.replace(path, buffers));
  }

  async openLog(path: string, bytes: number): Promise<LogFile> {
    checkFilePath(path);
    const log = await this.#run('open log', path, () => this.#queue.openLog(path, bytes));
    return new LocalLog(this.#queue, log, (verb, work) => this.#run(verb, path, work));
  }

  read(path: string, offset: number, into: Buffer): Promise<void> {
    checkFilePath(path);
    return this.#run('read', path, () => this.#queue.read(path, offset, into));
  }

  readAll(path: string, bytesMax: number): Promise<Buffer> {
    checkFilePath(path);
    return this.#run('read', path, () => this.#queue.readAll(path, bytesMax));
  }

  readCells(path: string, cells: CellRead, into: Buffer): Promise<readonly number[]> {
    checkFilePath(path);
    assert(into.length === cells.cellCount * cellBytes, 'the buffer holds exactly the cells');
    return this.#run('read', path, () => this.#queue.readCells(path, cells, into));
  }

  /** The path was checked when the file was read for the first time; before that nothing is found. */
  readCellsNow(path: string, cells: CellRead, into: Buffer): boolean {
    return this.#closing === undefined && this.#queue.readCellsNow(path, cells, into);
  }

  remove(path: string): Promise<void> {
    checkFilePath(path);
    return this.#run('remove', path, () => this.#queue.remove(path));
  }

  list(path: string): Promise<readonly string[]> {
    checkDirectoryPath(path);
    return this.#run('list', path, () => this.#queue.list(path));
  }

  size(path: string): Promise<number | null> {
    checkFilePath(path);
    return this.#run('look at', path, async () => {
      try {
        return await this.#queue.size(path);
      } catch (error) {
        if (error instanceof NativeFailure && error.reason === 'ENOENT') return null;
        throw error;
      }
    });
  }

  async nextData(path: string, from: number): Promise<number | null> {
    checkFilePath(path);
    const found = await this.#run('look at', path, () => this.#queue.nextData(path, from));
    return found < 0 ? null : found;
  }

  uncache(path: string): Promise<void> {
    checkFilePath(path);
    return this.#run('look at', path, () => this.#queue.uncache(path));
  }

  async space(): Promise<DiskSpace> {
    const [totalBytes, freeBytes, freeFiles] = await this.#run('ask for space', '', () => this.#queue.space());
    // A full table of inodes is a full disk, whatever room there is in bytes; little by little, so that what was admitted still finds its place.
    return { totalBytes, freeBytes, fileRoomBytes: Math.max(0, freeFiles - diskFilesReserve) * diskBytesPerFile };
  }

  counters(): DiskCounters {
    if (this.#lastCounters !== undefined) return this.#lastCounters;
    const [bytesWritten, bytesRead, syncs, errors] = this.#queue.counters();
    return { bytesWritten, bytesRead, syncs, errors };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#wakeClose = resolve));
    this.#lastCounters = this.counters();
    this.#queue.stop();
  }

  async #run<Result>(verb: string, file: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw diskClosed(this.path);
    this.#underWay += 1;
    try {
      return await work();
    } catch (error) {
      throw diskError({ verb, disk: this.path, file }, error);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#wakeClose?.();
    }
  }
}

/** Opens the directory; 'unavailable' or 'missing' when it cannot be. */
export async function openQueue(path: string): Promise<DiskQueue> {
  try {
    return await DiskQueue.open(path);
  } catch (error) {
    throw diskError({ verb: 'open', disk: path, file: 'its directory' }, error);
  }
}

type Run = <Result>(verb: string, work: () => Promise<Result>) => Promise<Result>;

class LocalLog implements LogFile {
  readonly #queue: DiskQueue;
  readonly #log: number;
  readonly #run: Run;
  #closed = false;

  constructor(queue: DiskQueue, log: number, run: Run) {
    this.#queue = queue;
    this.#log = log;
    this.#run = run;
  }

  write(offset: number, buffers: readonly Buffer[]): Promise<void> {
    assert(!this.#closed, 'a closed log is not written');
    assert(offset % batchAlignBytes === 0, 'log writes start at aligned offsets');
    return this.#run('write', () => this.#queue.logWrite(this.#log, offset, buffers));
  }

  sync(): Promise<void> {
    assert(!this.#closed, 'a closed log is not synced');
    return this.#run('sync', () => this.#queue.logSync(this.#log));
  }

  writeDurably(offset: number, buffers: readonly Buffer[]): Promise<void> {
    assert(!this.#closed, 'a closed log is not written');
    assert(offset % batchAlignBytes === 0, 'log writes start at aligned offsets');
    return this.#run('write and sync', () => this.#queue.logWriteDurably(this.#log, offset, buffers));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#run('close', () => this.#queue.logClose(this.#log));
    } catch (error) {
      // The disk was closed before: that closed its logs.
      if (!isErrorOf(error, 'closed')) throw error;
    }
  }
}
