// Those who wait for room in segments, first come first served.

interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class Waiters {
  #waiting: Waiter[] = [];

  wait(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }));
  }

  /** All whose wish fits are woken; they ask again, so what one takes the next one waits for anew. */
  wake(room: number): void {
    const fitting = this.#waiting.filter((waiter) => waiter.bytes <= room);
    if (fitting.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => waiter.bytes > room);
    for (const waiter of fitting) waiter.resolve();
  }

  rejectAll(reason: unknown): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const waiter of all) waiter.reject(reason);
  }
}
