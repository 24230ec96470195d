// Those who wait for the journal to have written, or made durable, everything up to some LSN.
import type { Lsn } from '../base/ids.js';
import type { JournalMark } from './contract.js';

interface Waiter {
  readonly lsn: Lsn;
  readonly until: 'written' | 'durable';
  resolve(mark: JournalMark): void;
  reject(error: unknown): void;
}

export class Waiters {
  #waiting: Waiter[] = [];

  get any(): boolean {
    return this.#waiting.length > 0;
  }

  /** Does anybody wait for less than durability? */
  get anyForWritten(): boolean {
    return this.#waiting.some((waiter) => waiter.until === 'written');
  }

  wait(lsn: Lsn, until: Waiter['until']): Promise<JournalMark> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lsn, until, resolve, reject });
    });
  }

  /** Answers whoever has what he waits for. */
  answer(written: JournalMark, durable: Lsn): void {
    const ready = (waiter: Waiter): boolean => waiter.lsn <= (waiter.until === 'durable' ? durable : written.lsn);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((waiter) => !ready(waiter));
    for (const waiter of waiting) if (ready(waiter)) waiter.resolve(written);
  }

  rejectAll(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const waiter of waiting) waiter.reject(error);
  }
}
