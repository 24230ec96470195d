// A clock that moves only when the test says so; timers fire in order as it passes them.
import type { Clock, Timer, Timespec } from '../../../src/base/clock.js';

export class HandClock implements Clock {
  #ms = 1_900_000_000_000;
  #timers: { readonly at: number; readonly action: () => void }[] = [];

  now(): Timespec {
    return { sec: Math.floor(this.#ms / 1000), nsec: (this.#ms % 1000) * 1_000_000 };
  }

  monotonicMs(): number {
    return this.#ms;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { at: this.#ms + delayMs, action };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Passes the time; after each timer everything that waits gets its turns. */
  async pass(ms: number): Promise<void> {
    const end = this.#ms + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#ms = Math.max(this.#ms, next.at);
      next.action();
      await settle();
    }
    this.#ms = end;
    await settle();
  }
}

/** A few turns of the event loop: enough for promises that wait for each other, not for I/O. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}
