// Time as it is passed into components, so that a simulation can own it.
// Only this folder and src/daemon may touch Date.now, setTimeout and process.hrtime.

/** Seconds since 1970 (may be negative) and nanoseconds 0..999,999,999. */
export interface Timespec {
  readonly sec: number;
  readonly nsec: number;
}

export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock with all the precision there is. */
  now(): Timespec;
  /** Milliseconds on a clock that never goes back; origin unspecified. */
  monotonicMs(): number;
  /** Calls `action` once after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer;
  /** Resolves in a later turn of the event loop: long work gives others a chance between slices. */
  turn(): Promise<void>;
}

export class SystemClock implements Clock {
  readonly #originNs = process.hrtime.bigint();
  readonly #originWallNs = BigInt(Date.now()) * 1_000_000n;
  #lastWallMs = 0;
  #offsetNs = 0n;

  now(): Timespec {
    // hrtime gives the nanoseconds, Date.now corrects for steps of the wall clock.
    const wallMs = Date.now();
    let ns = this.#originWallNs + (process.hrtime.bigint() - this.#originNs) + this.#offsetNs;
    if (wallMs !== this.#lastWallMs) {
      this.#lastWallMs = wallMs;
      const drift = BigInt(wallMs) * 1_000_000n - ns;
      if (drift > 20_000_000n || drift < -20_000_000n) {
        this.#offsetNs += drift;
        ns += drift;
      }
    }
    return { sec: Number(ns / 1_000_000_000n), nsec: Number(ns % 1_000_000_000n) };
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, action: () => void): Timer {
    const handle = setTimeout(action, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Resolves after `delayMs` on the given clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** What the promise gives, or `late` when it has given nothing after `limitMs` on the given clock. It goes on all the same. */
export function within<T, Late>(clock: Clock, limitMs: number, promise: Promise<T>, late: Late): Promise<T | Late> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () => resolve(late));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

export function secondsOf(time: Timespec): number {
  return time.sec + time.nsec / 1e9;
}
