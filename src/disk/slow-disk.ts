// A disk whose syncs take their time, as those of a disk with platters do: everything that is durable when it resolves comes `syncMs` later.
// Reads and writes stay as they are. For measurements and tests.
import { type Clock, sleep } from '../base/clock.js';
import type { CellRead, Disk } from './disk.js';
import { type DiskCall, type DiskOperation, WrappedDisk } from './wrapped-disk.js';

/** What of a disk is durable when it resolves. Every operation is named, so that a new one is not forgotten. */
const synced: Readonly<Record<DiskOperation, boolean>> = {
  create: true,
  replace: true,
  'open-log': true,
  'log-sync': true,
  'log-write-durably': true,
  'log-write': false,
  'log-close': false,
  read: false,
  'read-all': false,
  'read-cells': false,
  remove: false,
  list: false,
  size: false,
  'next-data': false,
  uncache: false,
  space: false,
  close: false,
};

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
    if (synced[call.operation]) await sleep(this.#clock, this.#syncMs);
    return result;
  }
}
