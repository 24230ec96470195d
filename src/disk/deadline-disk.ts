// A disk whose calls give up after a time: a disk that hangs becomes an error that others can work around.
//
// Lifetime of buffers: a call that gave up may still be going on, reading from or writing into its buffers. They are in
// quarantine: not to be changed, and what is in them not to be believed, until `buffersReleased(error)` resolves.
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Disk } from './disk.js';
import { WrappedDisk, type DiskCall } from './wrapped-disk.js';

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

  constructor(inner: Disk, clock: Clock, limitMs: number) {
    super(inner);
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Calls that gave up and are still going on. */
  get hanging(): number {
    return this.#hanging;
  }

  protected override around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const real = work();
      let late = false;
      const timer = this.#clock.after(this.#limitMs, () => {
        late = true;
        this.#hanging += 1;
        const error = hangingError(this.path, call, this.#limitMs);
        // Whether it fails in the end does not matter any more: it counted as failed.
        const end = (): void => void (this.#hanging -= 1);
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

function hangingError(disk: string, call: DiskCall, limitMs: number): HoldfastError {
  const what = `${call.operation}${call.path === '' ? '' : ` of ${call.path}`}`;
  return new HoldfastError('unavailable', `disk ${disk} hangs: ${what} has not finished within ${limitMs} ms`, {
    code: 'disk-hanging',
    hint: 'Look at the kernel log (dmesg), the cable and the SMART state of the disk.',
    context: { disk, file: call.path, operation: call.operation, limitMs },
  });
}
