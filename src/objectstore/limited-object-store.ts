// Wrapper: bounds how many calls run at once and, if asked, how many bytes a second go each way.
// Waiting calls start in the order they came. Listings take a slot only while a page is fetched by the inner store, so they are not counted.

import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { sleep } from '../base/clock.js';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.js';

export interface StoreLimits {
  readonly concurrencyMax: number;
  readonly uploadBytesPerSecond?: number;
  readonly downloadBytesPerSecond?: number;
}

export class LimitedObjectStore implements ObjectStore {
  readonly description: string;
  readonly #inner: ObjectStore;
  readonly #upload: Pace;
  readonly #download: Pace;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(inner: ObjectStore, clock: Clock, limits: StoreLimits) {
    assert(limits.concurrencyMax >= 1, 'at least one call may run');
    this.description = inner.description;
    this.#inner = inner;
    this.#free = limits.concurrencyMax;
    this.#upload = new Pace(clock, limits.uploadBytesPerSecond);
    this.#download = new Pace(clock, limits.downloadBytesPerSecond);
  }

  put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    return this.#inSlot(async () => {
      await this.#upload.spend(buffers.reduce((sum, buffer) => sum + buffer.length, 0));
      await this.#inner.put(key, buffers, options);
    });
  }

  get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    return this.#inSlot(async () => {
      const bytes = await this.#inner.get(key, range);
      await this.#download.spend(bytes.length);
      return bytes;
    });
  }

  head(key: string): Promise<ObjectInfo | null> {
    return this.#inSlot(() => this.#inner.head(key));
  }

  list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo> {
    return this.#inner.list(prefix, startAfter);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#inSlot(() => this.#inner.delete(keys));
  }

  async prepare(): Promise<void> {
    await this.#inner.prepare?.();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #inSlot<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      // The slot is handed on directly, so that nobody overtakes.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Each spender waits until the bytes of all before it have passed at the given rate. */
class Pace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number | undefined;
  #busyUntilMs = 0;

  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    assert(bytesPerSecond === undefined || bytesPerSecond > 0, 'a rate is positive');
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  async spend(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#busyUntilMs);
    this.#busyUntilMs = startMs + (bytes / this.#bytesPerSecond) * 1000;
    if (startMs > nowMs) await sleep(this.#clock, startMs - nowMs);
  }
}
