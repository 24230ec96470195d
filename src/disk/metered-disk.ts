// A disk that tells an observer how long each call took. The daemon turns that into metrics.
import type { Clock } from '../base/clock.js';
import type { DiskId } from '../base/ids.js';
import type { CellRead, Disk } from './disk.js';
import { WrappedDisk, type DiskCall, type DiskOperation } from './wrapped-disk.js';

export interface DiskObservation {
  readonly disk: DiskId;
  readonly operation: DiskOperation;
  readonly bytes: number;
  readonly durationMs: number;
  readonly failed: boolean;
}

export class MeteredDisk extends WrappedDisk {
  readonly #clock: Clock;
  readonly #observe: (observation: DiskObservation) => void;

  constructor(inner: Disk, clock: Clock, observe: (observation: DiskObservation) => void) {
    super(inner);
    this.#clock = clock;
    this.#observe = observe;
  }

  /** No call of the disk: it takes no time that anybody would look at. */
  override readCellsNow(path: string, cells: CellRead, into: Buffer): boolean {
    return this.inner.readCellsNow(path, cells, into);
  }

  protected override async around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result> {
    const startMs = this.#clock.monotonicMs();
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      const durationMs = this.#clock.monotonicMs() - startMs;
      this.#observe({ disk: this.id, operation: call.operation, bytes: call.bytes, durationMs, failed });
    }
  }
}
