// A disk in memory, for the simulation and for tests. It knows what is synced and what is not, at the level of file
// content and of directory entries, and gives the disk that a power loss (or a killed process) would leave behind.
// Every call takes effect and completes in a task that it hands to the scheduler, so the simulation owns all order.
import { AssertionFailure, assert } from '../base/assert.js';
import type { DiskId } from '../base/ids.js';
import { batchAlignBytes, cellBytes } from '../base/limits.js';
import type { Random } from '../base/random.js';
import { crc32c, verifyCells } from '../native/checksum.js';
import { diskClosed, diskFull, fileExists, fileMissing, logAbandoned, shortRead, tooBig } from './disk-errors.js';
import { checkDirectoryPath, checkFilePath } from './disk-path.js';
import type { CellRead, Disk, DiskCounters, DiskSpace, LogFile } from './disk.js';
import { MemoryFile } from './memory-file.js';
import { MemoryTree, type CrashKind, type UnderWay } from './memory-tree.js';

/** Runs the task later: in a microtask, or whenever and in whatever order a simulation likes. */
export type Scheduler = (task: () => void) => void;

export interface MemoryDiskOptions {
  readonly id: DiskId;
  readonly path?: string;
  readonly capacityBytes?: number;
  readonly schedule?: Scheduler;
}

/** What FaultyDisk needs beyond LogFile to fail a sync the way Linux does. */
export interface MemoryLog extends LogFile {
  /** Everything un-synced is lost to syncs from now on, and the log takes no more. */
  failSync(): void;
}

export class MemoryDisk implements Disk {
  readonly id: DiskId;
  readonly path: string;
  readonly #options: MemoryDiskOptions;
  readonly #capacityBytes: number;
  readonly #schedule: Scheduler;
  #tree = new MemoryTree();
  readonly #underWay = new Set<UnderWay>();
  readonly #pending = new Set<Promise<unknown>>();
  #state: 'open' | 'closing' | 'dead' = 'open';
  #counters = { bytesWritten: 0, bytesRead: 0, syncs: 0, errors: 0 };

  constructor(options: MemoryDiskOptions) {
    this.id = options.id;
    this.path = options.path ?? `memory:${options.id}`;
    this.#options = options;
    this.#capacityBytes = options.capacityBytes ?? 2 ** 40;
    this.#schedule = options.schedule ?? queueMicrotask;
  }

  create(path: string, buffers: readonly Buffer[]): Promise<void> {
    checkFilePath(path);
    return this.#change({ type: 'create', path, buffers }, buffers, () => {
      if (this.#tree.exists(path)) throw fileExists(this.#action('create', path));
      this.#put(path, buffers);
    });
  }

  replace(path: string, buffers: readonly Buffer[]): Promise<void> {
    checkFilePath(path);
    return this.#change({ type: 'replace', path, buffers }, buffers, () => this.#put(path, buffers));
  }

  openLog(path: string, bytes: number): Promise<MemoryLog> {
    checkFilePath(path);
    return this.#change({ type: 'log', path, bytes }, [], () => {
      const file = this.#tree.get(path) ?? MemoryFile.zeros(0);
      this.#checkRoom(path, bytes - file.size);
      file.grow(bytes);
      file.sync();
      this.#tree.enter(path, file);
      this.#counters.syncs += 2;
      return this.#log(path, file);
    });
  }

  read(path: string, offset: number, into: Buffer): Promise<void> {
    checkFilePath(path);
    return this.#run(() => {
      const done = this.#existing(path).read(offset, into);
      this.#counters.bytesRead += done;
      if (done < into.length) throw shortRead(this.#action('read', path));
    });
  }

  readAll(path: string, bytesMax: number): Promise<Buffer> {
    checkFilePath(path);
    return this.#run(() => {
      const file = this.#existing(path);
      if (file.size > bytesMax) throw tooBig(this.#action('read', path));
      this.#counters.bytesRead += file.size;
      return file.readAll();
    });
  }

  readCells(path: string, cells: CellRead, into: Buffer): Promise<readonly number[]> {
    checkFilePath(path);
    assert(into.length === cells.cellCount * cellBytes, 'the buffer holds exactly the cells');
    return this.#run(() => this.#verified(this.#existing(path), cells, into));
  }

  /** Everything is in memory here. */
  readCellsNow(path: string, cells: CellRead, into: Buffer): boolean {
    const file = this.#state === 'open' ? this.#tree.get(path) : null;
    return file !== null && file !== undefined && this.#verified(file, cells, into).length === 0;
  }

  remove(path: string): Promise<void> {
    checkFilePath(path);
    return this.#change({ type: 'remove', path }, [], () => this.#tree.remove(path));
  }

  list(path: string): Promise<readonly string[]> {
    checkDirectoryPath(path);
    return this.#run(() => this.#tree.list(path));
  }

  size(path: string): Promise<number | null> {
    checkFilePath(path);
    return this.#run(() => this.#tree.get(path)?.size ?? null);
  }

  nextData(path: string, from: number): Promise<number | null> {
    checkFilePath(path);
    return this.#run(() => this.#existing(path).nextData(from));
  }

  /** There is nothing but the medium here. */
  uncache(path: string): Promise<void> {
    checkFilePath(path);
    return this.#run(() => void this.#existing(path));
  }

  space(): Promise<DiskSpace> {
    return this.#run(() => ({ totalBytes: this.#capacityBytes, freeBytes: this.#freeBytes(), fileRoomBytes: Number.POSITIVE_INFINITY }));
  }

  counters(): DiskCounters {
    return { ...this.#counters };
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing';
    if (this.#state === 'closing') await Promise.allSettled(this.#pending);
  }

  // ---- for tests and the simulation -----------------------------------------------------------

  /** This disk is dead from now on: nothing under way takes effect or settles any more. Gives the disk that is left. */
  crash(random: Random, kind: CrashKind = 'power'): MemoryDisk {
    const left = this.afterCrash(random, kind);
    this.#state = 'dead';
    return left;
  }

  /** The disk that a crash at this moment would leave; this one goes on. */
  afterCrash(random: Random, kind: CrashKind = 'power'): MemoryDisk {
    const left = new MemoryDisk(this.#options);
    left.#tree = this.#tree.afterCrash(this.#underWay, random, kind);
    return left;
  }

  /** Changes a file behind everyone's back (bit rot, a truncated or vanished file): null removes it. Durable. */
  tamper(path: string, change: (bytes: Buffer) => Buffer | null): void {
    const changed = change(this.#existing(path).readAll());
    this.#tree.forget(path);
    if (changed !== null) this.#tree.enter(path, MemoryFile.of(Buffer.from(changed)));
  }

  /** All files, sorted. */
  paths(): readonly string[] {
    return this.#tree.paths();
  }

  // ---- within ---------------------------------------------------------------------------------

  #log(path: string, file: MemoryFile): MemoryLog {
    let failed = false;
    let closed = false;
    const write = (offset: number, buffers: readonly Buffer[]): void => {
      if (failed) throw logAbandoned(this.#action('write', path));
      const bytes = Buffer.concat(buffers);
      this.#checkRoom(path, offset + bytes.length - file.size);
      file.write(offset, bytes);
      this.#counters.bytesWritten += bytes.length;
    };
    const sync = (): void => {
      if (failed) throw logAbandoned(this.#action('sync', path));
      file.sync();
      this.#counters.syncs += 1;
    };
    const log: MemoryLog = {
      write: (offset, buffers) => {
        assert(!closed, 'a closed log is not written');
        assert(offset % batchAlignBytes === 0, 'log writes start at aligned offsets');
        return this.#change({ type: 'write', file, offset, buffers }, buffers, () => write(offset, buffers));
      },
      sync: () => {
        assert(!closed, 'a closed log is not synced');
        return this.#run(sync);
      },
      writeDurably: async (offset, buffers) => {
        await log.write(offset, buffers);
        await log.sync();
      },
      failSync: () => {
        failed = true;
        file.failSync();
      },
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    };
    return log;
  }

  /** A call that changes something: remembered until it took effect, since a crash may leave a part of it. */
  #change<Result>(call: UnderWay, buffers: readonly Buffer[], effect: () => Result): Promise<Result> {
    const before = checksumOf(buffers);
    if (this.#state === 'open') this.#underWay.add(call);
    return this.#run(() => {
      this.#underWay.delete(call);
      assert(checksumOf(buffers) === before, 'buffers stay untouched until the call resolves');
      return effect();
    });
  }

  /** Absolute numbers of bad cells. */
  #verified(file: MemoryFile, cells: CellRead, into: Buffer): readonly number[] {
    const { firstCell, cellCount, seed } = cells;
    const table = Buffer.alloc(4 * cellCount);
    const tableBytes = file.read(cells.tableOffset + 4 * firstCell, table);
    const dataBytes = file.read(cells.dataOffset + cellBytes * firstCell, into);
    this.#counters.bytesRead += tableBytes + dataBytes;
    const whole = Math.min(Math.floor(tableBytes / 4), Math.floor(dataBytes / cellBytes));
    const bad = verifyCells(into.subarray(0, whole * cellBytes), table.subarray(0, 4 * whole), firstCell, seed);
    const absent = Array.from({ length: cellCount - whole }, (_, index) => firstCell + whole + index);
    return [...bad, ...absent];
  }

  #run<Result>(effect: () => Result): Promise<Result> {
    if (this.#state === 'closing') return Promise.reject(diskClosed(this.path));
    const done = new Promise<Result>((resolve, reject) => {
      this.#schedule(() => {
        if (this.#state === 'dead') return;
        try {
          resolve(effect());
        } catch (error) {
          // A bug must not pass for a failure of the disk.
          if (error instanceof AssertionFailure) throw error;
          reject(error);
        }
      });
    });
    this.#pending.add(done);
    const forget = (): void => void this.#pending.delete(done);
    done.then(forget, forget);
    return done;
  }

  #put(path: string, buffers: readonly Buffer[]): void {
    const bytes = Buffer.concat(buffers);
    this.#checkRoom(path, bytes.length);
    this.#tree.enter(path, MemoryFile.of(bytes));
    this.#counters.bytesWritten += bytes.length;
    this.#counters.syncs += 2;
  }

  #existing(path: string): MemoryFile {
    const file = this.#tree.get(path);
    if (file === undefined) throw fileMissing(this.#action('read', path));
    return file;
  }

  #freeBytes(): number {
    return Math.max(0, this.#capacityBytes - this.#tree.usedBytes());
  }

  #checkRoom(path: string, bytes: number): void {
    if (bytes > 0 && bytes > this.#freeBytes()) throw diskFull(this.#action('write', path));
  }

  #action(verb: string, file: string): { readonly verb: string; readonly disk: string; readonly file: string } {
    return { verb, disk: this.path, file };
  }
}

function checksumOf(buffers: readonly Buffer[]): number {
  let crc = 0;
  for (const buffer of buffers) crc = crc32c(buffer, crc);
  return crc;
}
