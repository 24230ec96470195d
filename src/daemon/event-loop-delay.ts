// How late the event loop is: a timer of 10 ms that perf_hooks keeps beside JavaScript, and by how much it was missed, since the daemon serves.
// A turn that takes t ms is seen as one of t - 10 to t ms.
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const timerMs = 10;

export interface LoopDelay {
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly largestMs: number;
}

export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: timerMs });

  constructor() {
    this.#histogram.enable();
  }

  read(): LoopDelay {
    return { medianMs: this.#late(this.#histogram.percentile(50)), p99Ms: this.#late(this.#histogram.percentile(99)), largestMs: this.#late(this.#histogram.max) };
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** The histogram holds the whole distance of two ticks, in nanoseconds. */
  #late(nanoseconds: number): number {
    return Math.max(0, nanoseconds / 1e6 - timerMs);
  }
}
