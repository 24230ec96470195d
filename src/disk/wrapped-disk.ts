// What all wrappers share: every call of a disk, and of its logs, goes through the one method `around`.
// A wrapper overrides it and says with its name what it adds.
import type { DiskId } from '../base/ids.js';
import type { CellRead, Disk, DiskCounters, DiskSpace, LogFile } from './disk.js';

export type DiskOperation =
  | 'create'
  | 'replace'
  | 'open-log'
  | 'log-write'
  | 'log-sync'
  | 'log-write-durably'
  | 'log-close'
  | 'read'
  | 'read-all'
  | 'read-cells'
  | 'remove'
  | 'list'
  | 'size'
  | 'next-data'
  | 'uncache'
  | 'space'
  | 'close';

/** One call, as a wrapper sees it. */
export interface DiskCall {
  readonly operation: DiskOperation;
  /** '' where the call has none. */
  readonly path: string;
  /** Position in the file, for log-write, log-write-durably and read. */
  readonly offset: number;
  /** Bytes that are to be written or read; 0 where unknown. */
  readonly bytes: number;
  /** Where a read puts its bytes. */
  readonly into?: Buffer;
  readonly cells?: CellRead;
  /** The wrapped log, for calls of a log. */
  readonly log?: LogFile;
}

export abstract class WrappedDisk implements Disk {
  readonly id: DiskId;
  readonly path: string;
  protected readonly inner: Disk;

  constructor(inner: Disk) {
    this.id = inner.id;
    this.path = inner.path;
    this.inner = inner;
  }

  /** `work` is the call on the wrapped disk: to be made once, never, or later. */
  protected abstract around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result>;

  create(path: string, buffers: readonly Buffer[]): Promise<void> {
    return this.around(callOf('create', path, lengthOf(buffers)), () => this.inner.create(path, buffers));
  }

  replace(path: string, buffers: readonly Buffer[]): Promise<void> {
    return this.around(callOf('replace', path, lengthOf(buffers)), () => this.inner.replace(path, buffers));
  }

  async openLog(path: string, bytes: number): Promise<LogFile> {
    const log = await this.around(callOf('open-log', path, bytes), () => this.inner.openLog(path, bytes));
    return {
      write: (offset, buffers) =>
        this.around({ ...callOf('log-write', path, lengthOf(buffers)), offset, log }, () => log.write(offset, buffers)),
      sync: () => this.around({ ...callOf('log-sync', path, 0), log }, () => log.sync()),
      writeDurably: (offset, buffers) => this.writeDurably(log, { ...callOf('log-write-durably', path, lengthOf(buffers)), offset, log }, buffers),
      close: () => this.around({ ...callOf('log-close', path, 0), log }, () => log.close()),
    };
  }

  protected writeDurably(log: LogFile, call: DiskCall, buffers: readonly Buffer[]): Promise<void> {
    return this.around(call, () => log.writeDurably(call.offset, buffers));
  }

  read(path: string, offset: number, into: Buffer): Promise<void> {
    return this.around({ ...callOf('read', path, into.length), offset, into }, () => this.inner.read(path, offset, into));
  }

  readAll(path: string, bytesMax: number): Promise<Buffer> {
    return this.around(callOf('read-all', path, 0), () => this.inner.readAll(path, bytesMax));
  }

  readCells(path: string, cells: CellRead, into: Buffer): Promise<readonly number[]> {
    const call = { ...callOf('read-cells', path, into.length), into, cells };
    return this.around(call, () => this.inner.readCells(path, cells, into));
  }

  /** What a wrapper does to calls it does not do to this one: unless it says otherwise, nothing is ever there. */
  readCellsNow(_path: string, _cells: CellRead, _into: Buffer): boolean {
    return false;
  }

  remove(path: string): Promise<void> {
    return this.around(callOf('remove', path, 0), () => this.inner.remove(path));
  }

  list(path: string): Promise<readonly string[]> {
    return this.around(callOf('list', path, 0), () => this.inner.list(path));
  }

  size(path: string): Promise<number | null> {
    return this.around(callOf('size', path, 0), () => this.inner.size(path));
  }

  nextData(path: string, from: number): Promise<number | null> {
    return this.around({ ...callOf('next-data', path, 0), offset: from }, () => this.inner.nextData(path, from));
  }

  uncache(path: string): Promise<void> {
    return this.around(callOf('uncache', path, 0), () => this.inner.uncache(path));
  }

  space(): Promise<DiskSpace> {
    return this.around(callOf('space', '', 0), () => this.inner.space());
  }

  counters(): DiskCounters {
    return this.inner.counters();
  }

  close(): Promise<void> {
    return this.around(callOf('close', '', 0), () => this.inner.close());
  }
}

function callOf(operation: DiskOperation, path: string, bytes: number): DiskCall {
  return { operation, path, offset: 0, bytes };
}

function lengthOf(buffers: readonly Buffer[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.length, 0);
}
