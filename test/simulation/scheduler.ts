// Virtual time and the order of everything that happens in a simulated world. Work of disks, stores and timers waits here
// and is let through one at a time in an order that only the seed decides. Nothing real is waited for.
import type { Clock, Timer, Timespec } from '../../src/base/clock.js';
import type { SeededRandom } from '../../src/base/random.js';

/** Milliseconds at least: a machine that is busy with other things lets a call to the state directory wait for long. */
const idleMax = 60_000;
/** Most calls to the state directory are over by then. */
const spinsMax = 50;

interface Waiting {
  readonly atMs: number;
  readonly task: () => void;
}

export class Scheduler {
  readonly #random: SeededRandom;
  #ready: (() => void)[] = [];
  #timers: Waiting[] = [];
  #nowMs = 0;
  #tick = 0;
  steps = 0;
  /** The machine died: nothing happens any more until the next run(). */
  halted = false;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Nothing that waits for a time happens any more. */
  forgetTimers(): void {
    this.#timers = [];
  }

  /** Runs later, in no particular order. */
  readonly defer = (task: () => void): void => {
    this.#ready.push(task);
  };

  /** Forgets everything that waits: the machine lost power. */
  clear(): void {
    this.#ready = [];
    this.#timers = [];
  }

  /** Lets things happen until the promise is settled, or gives 'stopped' after `stepsMax`. */
  async run<T>(promise: Promise<T>, stepsMax: number): Promise<T | 'stopped'> {
    let settled = false;
    this.halted = false;
    let idle = 0;
    const watch = (): void => {
      settled = true;
    };
    promise.then(watch, watch);
    for (let step = 0; step < stepsMax; ) {
      // Promise reactions run in between; setImmediate comes after all of them.
      await new Promise((resolve) => setImmediate(resolve));
      if (settled) return promise;
      if (this.halted) return 'stopped';
      // The state directory is a real one: its calls take real time, and nothing else goes on meanwhile, so that the seed alone decides.
      if (realCallsUnderWay() || !this.#step()) {
        if (++idle > idleMax) throw new Error('the simulated world is stuck: nothing waits, and the promise is not settled');
        if (idle > spinsMax) await new Promise((resolve) => setTimeout(resolve, 1));
      } else {
        idle = 0;
        step++;
      }
    }
    return settled ? promise : 'stopped';
  }

  /** Lets so much happen and no more; less when nothing is left that could happen. */
  async let(stepsMax: number): Promise<void> {
    for (let step = 0, spins = 0; step < stepsMax; ) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.halted) return;
      if (realCallsUnderWay()) {
        if (++spins > spinsMax) await new Promise((resolve) => setTimeout(resolve, 1));
      } else if (this.#step()) {
        step++;
        spins = 0;
      } else if (++spins > spinsMax) return;
    }
  }

  #step(): boolean {
    this.steps++;
    if (this.#ready.length === 0 || (this.#timers.length > 0 && this.#random.below(16) === 0)) {
      if (!this.#fireTimer()) return this.#ready.length > 0;
      return true;
    }
    const index = this.#random.below(this.#ready.length);
    const task = this.#ready[index];
    this.#ready.splice(index, 1);
    task?.();
    return true;
  }

  #fireTimer(): boolean {
    let first = 0;
    for (const [index, timer] of this.#timers.entries()) if (timer.atMs < (this.#timers[first]?.atMs ?? 0)) first = index;
    const timer = this.#timers[first];
    if (timer === undefined) return false;
    this.#timers.splice(first, 1);
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.task();
    return true;
  }

  readonly clock: Clock = {
    now: (): Timespec => {
      this.#tick++;
      return { sec: 1_800_000_000 + Math.floor(this.#nowMs / 1000), nsec: this.#tick % 1_000_000_000 };
    },
    monotonicMs: () => this.#nowMs,
    after: (delayMs, action): Timer => {
      const timer: Waiting = { atMs: this.#nowMs + delayMs, task: action };
      this.#timers.push(timer);
      return {
        cancel: () => {
          this.#timers = this.#timers.filter((t) => t !== timer);
        },
      };
    },
    turn: () => new Promise((resolve) => this.defer(resolve)),
  };
}

function realCallsUnderWay(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}
