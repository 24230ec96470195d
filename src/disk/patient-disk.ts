// A disk whose calls wait while the process, or the system, can open no further file (EMFILE, ENFILE): that is no failure of the disk,
// and what is waited for comes back when others close theirs. Such a call fails before it has done anything, so it may be made again.
// Reads of data give up after a while, for a program waits for them; what is written is kept in memory and journal meanwhile.
import type { Clock } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { CellRead, Disk } from './disk.js';
import { tooManyFiles } from './disk-errors.js';
import { type DiskCall, WrappedDisk } from './wrapped-disk.js';

const firstDelayMs = 50;
const delayMsMax = 1_000;
/** Also what lies between two lines in the log. */
const readWaitMsMax = 10_000;

export class PatientDisk extends WrappedDisk {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(inner: Disk, clock: Clock, logger: Logger) {
    super(inner);
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Opens nothing. */
  override readCellsNow(path: string, cells: CellRead, into: Buffer): boolean {
    return this.inner.readCellsNow(path, cells, into);
  }

  protected override async around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result> {
    const beganMs = this.#clock.monotonicMs();
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(2 * delayMs, delayMsMax)) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== tooManyFiles) throw error;
        this.#say(error);
        if (call.operation === 'read-cells' && this.#clock.monotonicMs() - beganMs >= readWaitMsMax) throw error;
      }
      await new Promise<void>((resolve) => void this.#clock.after(delayMs, resolve));
    }
  }

  #say(error: HoldfastError): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#saidAtMs < readWaitMsMax) return;
    this.#saidAtMs = now;
    this.#logger.error({ disk: this.path, error: messageOf(error), try: error.hint }, 'no further file can be opened; what needs one waits');
  }
}
