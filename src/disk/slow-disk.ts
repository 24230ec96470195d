// A disk whose syncs take their time, as those of a disk with platters do: everything that is durable when it resolves comes `syncMs` later.
// Reads and writes stay as they are. For measurements and tests.
import { type Clock, sleep } from '../base/clock.js';
import type { CellRead, Disk } from './disk.js';
import { type DiskCall, type DiskOperation, WrappedDisk } from './wrapped-disk.js';

const synced: readonly DiskOperation[] = ['create', 'replace', 'open-log', 'log-sync'];

export class SlowDisk extends WrappedDisk {
  readonly #clock: Clock;
  readonly #syncMs: number;

  constructor(inner: Disk, clock: Clock, syncMs: number) {
    super(inner);
    this.#clock = clock;
    this.#syncMs = syncMs;
  }

  /** Nothing is synced. */
  override readCellsNow(path: string, cells: CellRead, into: Buffer): boolean {
    return this.inner.readCellsNow(path, cells, into);
  }

  protected override async around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result> {
    const result = await work();
    if (synced.includes(call.operation)) await sleep(this.#clock, this.#syncMs);
    return result;
  }
}
