// A clock for tests of waiting: timers fire at once (in order of their time), and time jumps to them.
import type { Clock, Timer, Timespec } from '../../src/base/clock.js';

export class QuickClock implements Clock {
  #nowMs = 1_000_000;
  readonly delays: number[] = [];

  now(): Timespec {
    return { sec: Math.floor(this.#nowMs / 1000), nsec: (this.#nowMs % 1000) * 1_000_000 };
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  after(delayMs: number, action: () => void): Timer {
    this.delays.push(delayMs);
    let cancelled = false;
    setImmediate(() => {
      if (cancelled) return;
      this.#nowMs += delayMs;
      action();
    });
    return { cancel: () => (cancelled = true) };
  }
}
