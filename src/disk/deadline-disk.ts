// A disk whose calls give up after a time: a disk that hangs becomes an error that others can work around. As long as a call that
// gave up goes on, later ones fail at once: who needs the disk waits for the limit once, not once a call. Reads wait for reads only:
// of a disk that takes no writes (a frozen filesystem) much can still be read.
//
// Lifetime of buffers: a call that gave up may still be going on, reading from or writing into its buffers. They are in
// quarantine: not to be changed, and what is in them not to be believed, until `buffersReleased(error)` resolves.
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { CellRead, Disk } from './disk.js';
import { WrappedDisk, type DiskCall, type DiskOperation } from './wrapped-disk.js';

const reading: ReadonlySet<DiskOperation> = new Set(['read', 'read-all', 'read-cells', 'list', 'size', 'next-data', 'uncache', 'space']);
const closing: ReadonlySet<DiskOperation> = new Set(['close', 'log-close']);

const released = new WeakMap<object, Promise<void>>();

/** Resolves when the buffers of the call that failed with `error` are free; at once for every error but 'disk-hanging'. */
export function buffersReleased(error: unknown): Promise<void> {
  const waiting = typeof error === 'object' && error !== null ? released.get(error) : undefined;
  return waiting ?? Promise.resolve();
}

export class DeadlineDisk extends WrappedDisk {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #hanging = 0;
  #hangingReads = 0;

  constructor(inner: Disk, clock: Clock, limitMs: number) {
    super(inner);
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Calls that gave up and are still going on. */
  get hanging(): number {
    return this.#hanging;
  }

  override readCellsNow(path: string, cells: CellRead, into: Buffer): boolean {
    return this.#hangingReads === 0 && this.inner.readCellsNow(path, cells, into);
  }

  protected override around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result> {
    const reads = reading.has(call.operation);
    if ((reads ? this.#hangingReads : this.#hanging) > 0) {
      // What is closed is closed when the disk comes back; nobody waits for it, and what it says then interests nobody.
      if (closing.has(call.operation)) void work().catch(() => undefined);
      return Promise.reject(hangingError(this.path, call, `was not begun: an earlier call has not finished within ${this.#limitMs} ms`));
    }
    return new Promise<Result>((resolve, reject) => {
      const real = work();
      let late = false;
      const timer = this.#clock.after(this.#limitMs, () => {
        late = true;
        this.#hanging += 1;
        if (reads) this.#hangingReads += 1;
        const error = hangingError(this.path, call, `has not finished within ${this.#limitMs} ms`);
        // Whether it fails in the end does not matter any more: it counted as failed.
        const end = (): void => {
          this.#hanging -= 1;
          if (reads) this.#hangingReads -= 1;
        };
        released.set(error, real.then(end, end));
        reject(error);
      });
      const settle = (action: () => void): void => {
        timer.cancel();
        if (!late) action();
      };
      real.then(
        (result) => settle(() => resolve(result)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }
}

function hangingError(disk: string, call: DiskCall, how: string): HoldfastError {
  const what = `${call.operation}${call.path === '' ? '' : ` of ${call.path}`}`;
  return new HoldfastError('unavailable', `disk ${disk} hangs: ${what} ${how}`, {
    code: 'disk-hanging',
    hint: 'Look at the kernel log (dmesg), the cable and the SMART state of the disk.',
    context: { disk, file: call.path, operation: call.operation },
  });
}
