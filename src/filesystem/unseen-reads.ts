// Reads that the kernel answers from its page cache are not seen here, so an access time would stay old after a change. What has
// changed and then rested a moment is given to a listener, who has the kernel forget the first page: the next read that begins
// there is seen, once, at the price of a READ. That price is bounded: what changes all the time is never given, and where more than a
// few change at once (an archive is unpacked) none of them is. Without a listener nothing happens.
import type { Clock, Timer } from '../base/clock.js';
import type { Ino } from '../base/ids.js';
import { unseenReadsMax } from '../base/limits.js';

/** Long enough that bursts of writes count once, short enough that a second later (the grain of many programs) the read is seen. */
const restMs = 250;

export class UnseenReads {
  readonly #clock: Clock;
  #listener: ((inos: readonly Ino[]) => void) | null = null;
  #timer: Timer | null = null;
  /** Changed since the timer was set last, and in the round before. */
  #fresh = new Set<Ino>();
  #resting = new Set<Ino>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  listen(listener: (inos: readonly Ino[]) => void): void {
    this.#listener = listener;
  }

  /** Its next read changes its access time. */
  changed(ino: Ino): void {
    if (this.#listener === null) return;
    this.#resting.delete(ino);
    if (this.#fresh.size <= unseenReadsMax) this.#fresh.add(ino);
    this.#timer ??= this.#clock.after(restMs, () => this.#turnOver());
  }

  /** The kernel has asked us for it since. */
  seen(ino: Ino): void {
    this.#fresh.delete(ino);
    this.#resting.delete(ino);
  }

  end(): void {
    this.#listener = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #turnOver(): void {
    this.#timer = null;
    const rested = [...this.#resting];
    this.#resting = this.#fresh.size > unseenReadsMax ? new Set() : this.#fresh;
    this.#fresh = new Set();
    if (this.#resting.size > 0) this.#timer = this.#clock.after(restMs, () => this.#turnOver());
    if (rested.length > 0) this.#listener?.(rested);
  }
}
