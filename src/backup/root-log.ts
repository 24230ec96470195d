// The one key sequence of a backup (rule 9). An entry is created by put-if-absent of the number after the last one and never overwritten;
// an epoch is owned by whoever created its entry, and its number is that entry's. Epoch entries are never deleted: an owner that was away
// finds its next number taken for ever. What a store answers is not believed but read back: 412, 409 and no answer are all "unknown".
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { sleep } from '../base/clock.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { NO_LSN } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import type { RootBody, RootLog, RootTip } from './contract.js';
import { deleteInBatches } from './deletion.js';
import { probeFencing } from './fencing-probe.js';
import { rootKey, rootPrefix, rootSequence } from './keys.js';
import { decodeRoot, encodeRoot } from './root-body.js';

/** Rounds of "no answer, nothing there, again" before an entry's fate is left to the next call. */
const createAttemptsMax = 4;
const createDelayMs = 200;
/** Small objects, most of the time is the way there and back. */
const readsAtOnce = 16;

export interface RootLogParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Owned {
  readonly epoch: number;
  /** Newest number that is known to be ours. */
  last: number;
  /** A put of ours may still arrive at `last + 1`. */
  unresolved: boolean;
}

type Creation = { readonly ours: true } | { readonly ours: false; readonly found: RootBody | null };

export class StoredRootLog implements RootLog {
  readonly #parts: RootLogParts;
  /** Entries are immutable: read once. */
  readonly #bodies = new Map<number, RootBody>();
  /** Nonces of the claims this object has tried, also of those whose fate it never heard of. */
  readonly #claims = new Set<string>();
  #owned: Owned | null = null;

  constructor(parts: RootLogParts) {
    this.#parts = parts;
  }

  /** Number of the claimed epoch. 'conflict' (backup-not-claimed) without one. */
  get epoch(): number {
    return this.#ownedEpoch().epoch;
  }

  /** The same, or null. */
  epochOrNull(): number | null {
    return this.#owned?.epoch ?? null;
  }

  async newest(after?: number): Promise<RootBody | null> {
    return (await this.tip(after)).newest;
  }

  async tip(after?: number): Promise<RootTip> {
    const sequences = await this.#sequences(after);
    const last = sequences.at(-1) ?? null;
    for (const sequence of sequences.reverse()) {
      const newest = await this.#readUnlessDamaged(sequence);
      if (newest !== null) return { newest, damaged: sequence === last ? null : last };
    }
    return { newest: after === undefined ? null : await this.read(after), damaged: last };
  }

  async list(): Promise<readonly RootBody[]> {
    return (await this.entries()).filter((body) => body.kind === 'root');
  }

  /** Epochs and roots, ascending. */
  async entries(): Promise<readonly RootBody[]> {
    const sequences = await this.#sequences();
    const bodies: RootBody[] = [];
    for (let at = 0; at < sequences.length; at += readsAtOnce) {
      const read = await Promise.all(sequences.slice(at, at + readsAtOnce).map((sequence) => this.#readUnlessDamaged(sequence)));
      bodies.push(...read.filter((body) => body !== null));
    }
    return bodies;
  }

  async damaged(): Promise<readonly number[]> {
    const readable = new Set((await this.entries()).map(({ sequence }) => sequence));
    return (await this.#sequences()).filter((sequence) => !readable.has(sequence));
  }

  async read(sequence: number): Promise<RootBody> {
    const known = this.#bodies.get(sequence);
    if (known !== undefined) return known;
    const key = rootKey(sequence);
    const body = decodeRoot(await this.#parts.store.get(key), sequence, `${key} in ${this.#parts.store.description}`);
    this.#bodies.set(sequence, body);
    return body;
  }

  async claim(body: Parameters<RootLog['claim']>[0], judged?: number): Promise<RootBody> {
    this.#owned = null;
    for (;;) {
      const newest = await this.newest();
      if (newest !== null && newest.volume !== body.volume) throw this.#foreign(newest);
      if (newest !== null && judged !== undefined && newest.sequence !== judged && !this.#claims.has(newest.nonce)) throw this.#fenced(newest.sequence, newest);
      // A damaged entry at the very end keeps its number.
      const sequence = ((await this.#sequences()).at(-1) ?? 0) + 1;
      const claim: RootBody = { ...body, kind: 'epoch', sequence, epoch: sequence, nonce: this.#nonce(), image: null, lost: [], pending: [], cut: NO_LSN, deltas: 0, files: 0, bytes: 0 };
      this.#claims.add(claim.nonce);
      const creation = await this.#create(claim);
      if (creation.ours) {
        // Durable from here: nobody with an older epoch can write another root.
        failpoint('root-after-claim');
        this.#owned = { epoch: sequence, last: sequence, unresolved: false };
        return claim;
      }
      // An earlier claim of ours that arrived late is nobody else's: take the next number.
      if (creation.found === null || !this.#claims.has(creation.found.nonce)) throw this.#fenced(sequence, creation.found);
    }
  }

  async publish(body: Parameters<RootLog['publish']>[0]): Promise<RootBody> {
    const owned = this.#ownedEpoch();
    for (;;) {
      const root: RootBody = { ...body, kind: 'root', sequence: owned.last + 1, epoch: owned.epoch, nonce: this.#nonce() };
      failpoint('root-before-put');
      // Until we know better a put may arrive late; the number is then either this root's or the late one's, never free.
      owned.unresolved = true;
      const creation = await this.#create(root);
      if (!creation.ours && creation.found?.epoch !== owned.epoch) throw this.#lost(root.sequence, creation.found);
      owned.unresolved = false;
      owned.last = root.sequence;
      if (creation.ours) {
        // Durable from here: the root.
        failpoint('root-after-put');
        return root;
      }
      // An earlier root of ours landed although its publication failed. It is whole and stays until it is retired; this one goes behind it.
    }
  }

  probe(): Promise<{ readonly fences: boolean; readonly detail: string }> {
    return probeFencing(this.#parts.store, this.#parts.random);
  }

  async assertOwned(): Promise<void> {
    const owned = this.#ownedEpoch();
    if (owned.unresolved) {
      throw new HoldfastError('unavailable', `it is not known whether root ${owned.last + 1} reached ${this.#parts.store.description}`, {
        code: 'backup-root-unresolved',
        hint: 'Nothing to do: the next flush settles it, and nothing is deleted before.',
      });
    }
    const next = await this.#readBack(owned.last + 1);
    if (next === 'absent') return;
    throw this.#lost(owned.last + 1, next);
  }

  /** As assertOwned, before something is replaced: a root of ours whose fate is not known yet makes nobody else the owner. */
  async assertNotFenced(): Promise<void> {
    const owned = this.#ownedEpoch();
    const next = await this.#readBack(owned.last + 1);
    if (next === 'absent' || next?.epoch === owned.epoch) return;
    throw this.#lost(owned.last + 1, next);
  }

  async delete(sequences: readonly number[]): Promise<void> {
    const { last } = this.#ownedEpoch();
    for (const sequence of sequences) {
      assert(sequence < last || (sequence === last && this.#bodies.get(sequence)?.kind !== 'root'), 'the newest root is never deleted');
      const body = await this.#readIfThere(sequence);
      assert(body?.kind !== 'epoch', 'the entry of an epoch is never deleted');
    }
    await deleteInBatches(this.#parts.store, sequences.map(rootKey), () => this.assertOwned());
    for (const sequence of sequences) this.#bodies.delete(sequence);
  }

  /** Puts the entry until its fate is known. Throws 'unavailable' when it is not known after some attempts. */
  async #create(body: RootBody): Promise<Creation> {
    const { store, clock } = this.#parts;
    const bytes = encodeRoot(body);
    for (let attempt = 1; ; attempt++) {
      let failure: unknown;
      try {
        await store.put(rootKey(body.sequence), [bytes], { ifAbsent: true });
        this.#bodies.set(body.sequence, body);
        return { ours: true };
      } catch (error) {
        if (!isErrorOf(error, 'conflict', 'unavailable')) throw error;
        failure = error;
      }
      const found = await this.#readBack(body.sequence);
      if (found !== 'absent') return found !== null && found.nonce === body.nonce ? { ours: true } : { ours: false, found };
      if (attempt >= createAttemptsMax) throw failure;
      await sleep(clock, createDelayMs * attempt);
    }
  }

  /** What stands at a number: null for something that is no whole root. */
  async #readBack(sequence: number): Promise<RootBody | null | 'absent'> {
    try {
      return await this.read(sequence);
    } catch (error) {
      if (isErrorOf(error, 'missing')) return 'absent';
      if (isErrorOf(error, 'corrupt')) return null;
      throw error;
    }
  }

  async #readIfThere(sequence: number): Promise<RootBody | null> {
    const found = await this.#readBack(sequence);
    return found === 'absent' ? null : found;
  }

  /** For listings: a damaged entry is reported and passed over. */
  async #readUnlessDamaged(sequence: number): Promise<RootBody | null> {
    try {
      return await this.read(sequence);
    } catch (error) {
      if (!isErrorOf(error, 'corrupt', 'missing')) throw error;
      this.#parts.logger.error({ store: this.#parts.store.description, key: rootKey(sequence), reason: error.message }, 'a root cannot be used');
      return null;
    }
  }

  async #sequences(after?: number): Promise<number[]> {
    const found: number[] = [];
    for await (const { key } of this.#parts.store.list(rootPrefix, after === undefined ? undefined : rootKey(after))) {
      const sequence = rootSequence(key);
      if (sequence !== null) found.push(sequence);
    }
    return found;
  }

  #ownedEpoch(): Owned {
    if (this.#owned === null) throw new HoldfastError('conflict', `the backup ${this.#parts.store.description} is not claimed`, { code: 'backup-not-claimed', hint: 'Claim an epoch first.' });
    return this.#owned;
  }

  #nonce(): string {
    return this.#parts.random.bytes(16).toString('hex');
  }

  #lost(sequence: number, found: RootBody | null): HoldfastError {
    this.#owned = null;
    return this.#fenced(sequence, found);
  }

  #fenced(sequence: number, found: RootBody | null): HoldfastError {
    const who = found === null ? 'something that is no root' : `epoch ${found.epoch} of ${new Date(found.time.sec * 1000).toISOString()}`;
    return new HoldfastError('conflict', `another owner was first in ${this.#parts.store.description}: entry ${sequence} is ${who}`, {
      code: 'backup-fenced',
      hint: 'Make sure that only one machine has this volume mounted for writing; then mount it again.',
      context: { store: this.#parts.store.description, sequence },
    });
  }

  #foreign(newest: RootBody): HoldfastError {
    return new HoldfastError('conflict', `${this.#parts.store.description} belongs to volume ${newest.volume}`, { code: 'backup-prefix-taken', hint: 'Give this volume a bucket or prefix of its own.' });
  }
}
