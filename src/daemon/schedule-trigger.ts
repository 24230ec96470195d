// When the cron expression of a volume is due: at the first scheduled time after the last root (or after the last time it was
// found due with nothing to do). Keeps no file: a time missed while unmounted is due at the next look.
import { nextScheduled } from '../config/schedule.js';
import { type Clock, secondsOf } from '../base/clock.js';

export class ScheduleTrigger {
  readonly #clock: Clock;
  #fromSeconds: number;

  /** `lastRootSeconds`: null when there is no root yet, then counting begins now. */
  constructor(clock: Clock, lastRootSeconds: number | null) {
    this.#clock = clock;
    this.#fromSeconds = lastRootSeconds ?? secondsOf(clock.now());
  }

  /** In words (`schedule 0 3 * * *`), or null. Time that passes while there is nothing to flush is let go. */
  reason(expression: string | null, hasDeltas: boolean): string | null {
    if (expression === null) return null;
    const now = secondsOf(this.#clock.now());
    // The clock was set back: what lay in the future then is no reason to wait until it comes again.
    this.#fromSeconds = Math.min(this.#fromSeconds, now);
    const next = nextScheduled(expression, this.#fromSeconds);
    if (next === null || next > now) return null;
    if (!hasDeltas) {
      this.#fromSeconds = now;
      return null;
    }
    return `schedule ${expression}`;
  }

  /** A flush ended well: the next time counts from now. */
  flushed(): void {
    this.#fromSeconds = secondsOf(this.#clock.now());
  }
}
