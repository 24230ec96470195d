// Wrapper: repeats what failed for a reason that may pass, with growing, random delays and a bound.
// A repeated put-if-absent whose first reply was lost gives 'conflict', as the port says: the caller reads back and compares.

import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { sleep } from '../base/clock.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.js';

export interface RetryPolicy {
  /** Tries in all, the first one included. */
  readonly attemptsMax: number;
  /** The n-th delay is random in [half, whole] of `firstDelayMs` x 2^n, at most `delayMsMax`. */
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
}

/** About 12 s in all: longer outages are the flush's business, which is simply due again. */
export const defaultRetryPolicy: RetryPolicy = { attemptsMax: 6, firstDelayMs: 250, delayMsMax: 8_000 };

export interface RetryingObjectStorePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class RetryingObjectStore implements ObjectStore {
  readonly description: string;
  readonly #inner: ObjectStore;
  readonly #ports: RetryingObjectStorePorts;
  readonly #policy: RetryPolicy;
  #closed = false;

  constructor(inner: ObjectStore, ports: RetryingObjectStorePorts, policy: RetryPolicy = defaultRetryPolicy) {
    assert(policy.attemptsMax >= 1 && policy.firstDelayMs <= policy.delayMsMax, 'the retry policy fits together');
    this.description = inner.description;
    this.#inner = inner;
    this.#ports = ports;
    this.#policy = policy;
  }

  put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    return this.#retry('put', key, () => this.#inner.put(key, buffers, options));
  }

  get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    return this.#retry('get', key, () => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | null> {
    return this.#retry('head', key, () => this.#inner.head(key));
  }

  /** A listing that breaks off goes on after the last key that came. */
  async *list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo> {
    let after = startAfter;
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const info of this.#inner.list(prefix, after)) {
          after = info.key;
          attempt = 1;
          yield info;
        }
        return;
      } catch (error) {
        await this.#waitAfter(error, 'list', prefix, attempt);
      }
    }
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#retry('delete', keys[0] ?? '', () => this.#inner.delete(keys));
  }

  async prepare(): Promise<void> {
    await this.#inner.prepare?.();
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#inner.close();
  }

  async #retry<Result>(operation: string, key: string, action: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        await this.#waitAfter(error, operation, key, attempt);
      }
    }
  }

  /** Returns when the next attempt may start; throws the error when there is none. */
  async #waitAfter(error: unknown, operation: string, key: string, attempt: number): Promise<void> {
    const passing = isErrorOf(error, 'unavailable') || (operation === 'put' && error instanceof HoldfastError && error.code === 'store-checksum');
    if (!passing || this.#closed || attempt >= this.#policy.attemptsMax) throw error;
    const { clock, random, logger } = this.#ports;
    const ceiling = Math.min(this.#policy.delayMsMax, this.#policy.firstDelayMs * 2 ** (attempt - 1));
    const delayMs = Math.ceil(ceiling / 2) + random.below(Math.floor(ceiling / 2) + 1);
    logger.warn({ store: this.description, operation, key, attempt, delayMs, reason: error.message }, 'the store failed, trying again');
    await sleep(clock, delayMs);
    if (this.#closed) throw error;
  }
}
