// A flush says what it is about to do before it uploads: an object `intents/<epoch>-<nonce>`, deleted when the root is written or the
// flush has failed. While one of the present epoch stands, nothing is deleted from the backup: what a root in the making needs is
// not listed anywhere yet. One of an older epoch is void: its flush can never write a root.
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { Lsn } from '../base/ids.js';
import type { Random } from '../base/random.js';
import { encodeJsonObject } from '../format/json-object.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import { intentPrefix } from './keys.js';

export interface FlushIntent {
  /** Removes the intent. Whether the flush ended well or not: what it left behind may be collected. */
  end(): Promise<void>;
}

export interface IntentLogParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

export class IntentLog {
  readonly #parts: IntentLogParts;

  constructor(parts: IntentLogParts) {
    this.#parts = parts;
  }

  /** Durable when it resolves. `cut`: what the root in the making will stand for. */
  async begin(epoch: number, cut: Lsn): Promise<FlushIntent> {
    const { store, clock, random } = this.#parts;
    const key = `${intentPrefix}${epoch.toString().padStart(10, '0')}-${random.bytes(8).toString('hex')}`;
    // The name is random, so what stands there already is our own put whose reply was lost.
    await store.put(key, [encodeJsonObject('holdfast-intent', 1, { epoch, cut, time: clock.now() })], { ifAbsent: false });
    // Durable from here: the collector keeps its hands off.
    failpoint('backup-after-intent');
    return { end: () => store.delete([key]) };
  }

  /** 'conflict' (flush-busy) while a flush of this epoch or a later one is under way. */
  async assertNone(epoch: number): Promise<void> {
    for (const key of await this.#keys()) {
      if (epochOf(key) < epoch) continue;
      throw new HoldfastError('conflict', `a flush is under way (${key} in ${this.#parts.store.description}): nothing is deleted meanwhile`, {
        code: 'flush-busy',
        hint: 'Nothing to do: the next flush cleans up.',
      });
    }
  }

  /** Removes what flushes of older epochs, or failed ones of this epoch, have left. Only the owner may, when no flush of its own runs. */
  async clear(epoch: number): Promise<void> {
    const void_ = (await this.#keys()).filter((key) => epochOf(key) <= epoch);
    for (let at = 0; at < void_.length; at += 1_000) await this.#parts.store.delete(void_.slice(at, at + 1_000));
  }

  async #keys(): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const { key } of this.#parts.store.list(intentPrefix)) keys.push(key);
    return keys;
  }
}

/** Of a name that is not ours: as if it were of the newest epoch, so that it is respected. */
function epochOf(key: string): number {
  const match = /^intents\/(\d{10})-/.exec(key);
  return match === null ? Number.MAX_SAFE_INTEGER : Number(match[1]);
}
