// What speaks against a disk that is in service: damage found on it again and again, operations that take too long, or its own SMART figures.
// Each needs more than one bad moment to be raised, and goes when it has been quiet for its time. Says nothing about what follows from it.
import { type Clock, secondsOf } from '../base/clock.js';

export type SuspectCause = 'checksums' | 'slow' | 'smart';

export interface Suspicion {
  readonly reason: string;
  /** Seconds since 1970: when it was seen last. */
  readonly seen: number;
}

const day = 86_400;
/** So long nothing new may be seen until it is forgotten. */
export const quietSeconds: Readonly<Record<SuspectCause, number>> = { checksums: day, slow: 600, smart: 7 * day };
/** So many damaged shards or files within a day: one can happen to every disk, and is healed. */
export const damagedMax = 3;

export type SavedSuspicions = Readonly<Partial<Record<SuspectCause, Suspicion>>>;

export class Suspicions {
  readonly #clock: Clock;
  readonly #raised: Map<SuspectCause, Suspicion>;
  /** The last day's, the newest damagedMax. */
  #damaged: { readonly what: string; readonly time: number }[] = [];

  constructor(clock: Clock, saved: SavedSuspicions = {}) {
    this.#clock = clock;
    this.#raised = new Map(Object.entries(saved) as [SuspectCause, Suspicion][]); // keys of the type itself
  }

  get saved(): SavedSuspicions {
    return Object.fromEntries(this.#raised);
  }

  has(cause: SuspectCause): boolean {
    return this.#raised.has(cause);
  }

  /** A shard or a file on it did not verify. The same one is met several times until it is healed, and counts once. */
  damaged(what: string): void {
    const now = this.#now();
    this.#damaged = [...this.#damaged.filter((one) => one.what !== what && now - one.time < day), { what, time: now }].slice(-damagedMax);
    const known = this.#raised.has('checksums');
    if (known || this.#damaged.length >= damagedMax) this.raise('checksums', 'damaged shards or files were found on it again and again');
  }

  /** Also when it is seen once more. */
  raise(cause: SuspectCause, reason: string): void {
    this.#raised.set(cause, { reason, seen: this.#now() });
  }

  /** Why it is suspect; null when nothing speaks against it. */
  reason(): string | null {
    if (this.#raised.size === 0) return null;
    const now = this.#now();
    for (const [cause, { seen }] of this.#raised) {
      // A clock that was set back would keep it for long.
      if (now - seen >= quietSeconds[cause] || now < seen - day) this.#raised.delete(cause);
    }
    return this.#raised.size === 0 ? null : [...this.#raised.values()].map(({ reason }) => reason).join('; ');
  }

  #now(): number {
    return secondsOf(this.#clock.now());
  }
}
