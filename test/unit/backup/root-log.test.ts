import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { StoredRootLog } from '../../../src/backup/root-log.js';
import { HoldfastError, isErrorOf } from '../../../src/base/errors.js';
import { setFailpointAction } from '../../../src/base/failpoint.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import { FaultyObjectStore, type StoreFault } from '../../../src/objectstore/faulty-object-store.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import type { ObjectStore, PutOptions } from '../../../src/objectstore/object-store.js';
import { QuickClock } from '../../support/quick-clock.js';
import { claimBody, failureOf, otherVolume, rootOf } from './support.js';

let seeds = 1;
const logOn = (store: ObjectStore): StoredRootLog => new StoredRootLog({ store, clock: new QuickClock(), random: new SeededRandom(seeds++), logger: silentLogger });
const isFenced = (error: unknown): boolean => isErrorOf(error, 'conflict') && error.code === 'backup-fenced';

afterEach(() => setFailpointAction(undefined));

test('entries are one sequence: epochs and roots, read back as written', async () => {
  const store = new MemoryObjectStore();
  const log = logOn(store);
  assert.equal(await log.newest(), null);
  const epoch = await log.claim(claimBody());
  assert.deepEqual([epoch.kind, epoch.sequence, epoch.epoch], ['epoch', 1, 1]);
  const root = await log.publish(rootOf(10));
  assert.deepEqual([root.kind, root.sequence, root.epoch, root.cut], ['root', 2, 1, 10]);
  assert.deepEqual(store.keys(), ['roots/0000000001', 'roots/0000000002']);
  const fresh = logOn(store);
  assert.deepEqual(await fresh.newest(), root);
  assert.deepEqual(await fresh.newest(1), root);
  assert.deepEqual(await fresh.newest(2), root);
  assert.deepEqual(await fresh.list(), [root]);
  assert.deepEqual(await fresh.read(1), epoch);
});

test('a later claim fences the earlier owner: its root is refused and nothing is changed', async () => {
  const store = new MemoryObjectStore();
  const [a, b] = [logOn(store), logOn(store)];
  await a.claim(claimBody(1));
  await a.publish(rootOf(5));
  await b.claim(claimBody(2));
  const keys = store.keys();
  await assert.rejects(a.assertOwned(), isFenced);
  await assert.rejects(a.publish(rootOf(6)), (error) => isErrorOf(error, 'conflict'));
  await assert.rejects(a.delete([2]), (error) => isErrorOf(error, 'conflict'));
  assert.deepEqual(store.keys(), keys);
  await b.assertOwned();
  assert.equal((await b.publish(rootOf(7, null, 2))).sequence, 4);
});

test('an owner that was away for long finds its number taken, although old roots were deleted', async () => {
  const store = new MemoryObjectStore();
  const [a, b] = [logOn(store), logOn(store)];
  await a.claim(claimBody(1));
  await a.publish(rootOf(5));
  await b.claim(claimBody(2));
  for (let lsn = 10; lsn < 15; lsn++) await b.publish(rootOf(lsn, null, 2));
  await b.delete([2, 4, 5, 6, 7]);
  await assert.rejects(a.publish(rootOf(6)), isFenced);
  assert.deepEqual(
    (await logOn(store).list()).map((root) => root.sequence),
    [8],
  );
  await assert.rejects(b.delete([3]), /epoch is never deleted/);
  await assert.rejects(b.delete([8]), /newest root is never deleted/);
});

test('of owners that claim at the same time exactly one goes on', async () => {
  for (let round = 0; round < 20; round++) {
    const random = new SeededRandom(round);
    const store = new MemoryObjectStore({
      pause: async () => {
        for (let turns = random.below(4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      },
    });
    const logs = Array.from({ length: 5 }, () => logOn(store));
    await Promise.allSettled(logs.map((log) => log.claim(claimBody())));
    const published = await Promise.allSettled(logs.map((log) => log.publish(rootOf(1))));
    assert.equal(published.filter((result) => result.status === 'fulfilled').length, 1, `round ${round}`);
    assert.equal((await logOn(store).list()).length, 1);
  }
});

test('a claim is refused when somebody came after the entry that was judged', async () => {
  const store = new MemoryObjectStore();
  const [a, b] = [logOn(store), logOn(store)];
  await a.claim(claimBody());
  const judged = (await b.newest())?.sequence;
  await a.publish(rootOf(4));
  await assert.rejects(b.claim(claimBody(2), judged), isFenced);
  await a.assertOwned();
  await b.claim(claimBody(2), 2);
});

test('whatever goes wrong at whichever call: what publish said is true, and the log stays one history', async () => {
  const faults = fc.array(fc.constantFrom<StoreFault | null>(null, null, 'error', 'lost-reply', 'lost-reply', 'busy'), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(faults, async (list) => {
      const memory = new MemoryObjectStore();
      let at = 0;
      const log = logOn(new FaultyObjectStore(memory, () => list[at++] ?? null));
      const known: number[] = [];
      for (let lsn = 1; lsn <= 6; lsn++) {
        const failure = await failureOf(log.epochOrNull() === null ? log.claim(claimBody()) : log.assertOwned());
        if (failure !== null && !isErrorOf(failure, 'unavailable')) throw failure;
        if (log.epochOrNull() === null) continue;
        try {
          await log.publish(rootOf(lsn));
          known.push(lsn);
        } catch (error) {
          if (!isErrorOf(error, 'unavailable')) throw error;
        }
      }
      const there = (await logOn(memory).list()).map((root) => root.cut as number);
      for (const lsn of known) assert.ok(there.includes(lsn), `root ${lsn} was promised`);
      // Roots that failed by word of publish() may stand all the same, in their place.
      assert.deepEqual(
        there,
        [...new Set(there)].sort((a, b) => a - b),
      );
    }),
    { numRuns: 300 },
  );
});

/** A store in which the first put of a key is answered with an error at once and arrives when it is let go. */
class LateStore extends MemoryObjectStore {
  late: (() => Promise<void>) | null = null;
  delayNext = false;
  refuse = false;

  override async put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    if (this.delayNext || this.refuse) {
      if (this.delayNext) this.late = () => super.put(key, buffers, options);
      this.delayNext = false;
      throw new HoldfastError('unavailable', 'no answer', { code: 'store-unavailable' });
    }
    await super.put(key, buffers, options);
  }
}

test('a root that arrives after its publication failed stands before the next one or not at all, and blocks deletion until it is settled', async () => {
  for (const arrives of ['before the next', 'never', 'after the next'] as const) {
    const store = new LateStore();
    const log = logOn(store);
    await log.claim(claimBody());
    await log.publish(rootOf(1));
    store.delayNext = true;
    store.refuse = true;
    await assert.rejects(log.publish(rootOf(2)), (error) => isErrorOf(error, 'unavailable'));
    store.refuse = false;
    await assert.rejects(log.assertOwned(), (error) => isErrorOf(error, 'unavailable') && error.code === 'backup-root-unresolved');
    await assert.rejects(log.delete([2]), (error) => isErrorOf(error, 'unavailable') || /newest/.test(String(error)));
    if (arrives === 'before the next') await store.late?.();
    await log.publish(rootOf(3));
    if (arrives === 'after the next') await assert.rejects(store.late?.() ?? Promise.resolve(), (error) => isErrorOf(error, 'conflict'));
    await log.assertOwned();
    assert.deepEqual(
      (await logOn(store).list()).map((root) => root.cut as number),
      arrives === 'before the next' ? [1, 2, 3] : [1, 3],
      arrives,
    );
  }
});

test('a claim that arrives late is recognised as ours', async () => {
  const store = new LateStore();
  const log = logOn(store);
  store.delayNext = true;
  store.refuse = true;
  await assert.rejects(log.claim(claimBody()), (error) => isErrorOf(error, 'unavailable'));
  store.refuse = false;
  await store.late?.();
  assert.equal((await log.claim(claimBody())).sequence, 2);
  await log.publish(rootOf(1));
});

test('a dead owner leaves a usable log at every crash position', async () => {
  for (const name of ['root-after-claim', 'root-before-put', 'root-after-put']) {
    const store = new MemoryObjectStore();
    const log = logOn(store);
    if (name !== 'root-after-claim') await log.claim(claimBody());
    setFailpointAction((at) => {
      if (at === name) throw new Error('died');
    });
    await assert.rejects(
      log.claim(claimBody()).then(() => log.publish(rootOf(1))),
      /died/,
    );
    setFailpointAction(undefined);
    const next = logOn(store);
    await next.claim(claimBody(2));
    await next.publish(rootOf(2, null, 2));
    assert.equal((await next.list()).at(-1)?.cut, 2);
  }
});

test('a damaged root is passed over and its number is not used again', async () => {
  const store = new MemoryObjectStore();
  const log = logOn(store);
  await log.claim(claimBody());
  await log.publish(rootOf(1));
  await log.publish(rootOf(2));
  store.damage('roots/0000000003', (bytes) => bytes.subarray(0, bytes.length - 40));
  const next = logOn(store);
  assert.equal((await next.newest())?.cut, 1);
  await assert.rejects(next.read(3), (error) => isErrorOf(error, 'corrupt') && error.message.includes('roots/0000000003'));
  assert.equal((await next.claim(claimBody(2))).sequence, 4);
  const size = (await store.get('roots/0000000002')).length;
  for (let at = 0; at < size; at += 7) {
    const flip = (bytes: Buffer): Buffer => {
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      return bytes;
    };
    store.damage('roots/0000000002', flip);
    await assert.rejects(logOn(store).read(2), (error) => isErrorOf(error, 'corrupt'), `byte ${at}`);
    store.damage('roots/0000000002', flip);
  }
  assert.equal((await logOn(store).read(2)).cut, 1);
});

test('a prefix of another volume cannot be claimed', async () => {
  const store = new MemoryObjectStore();
  await logOn(store).claim(claimBody());
  await assert.rejects(logOn(store).claim({ ...claimBody(), volume: otherVolume }), (error) => isErrorOf(error, 'conflict') && error.code === 'backup-prefix-taken');
});

/** Stores that cannot fence: one ignores the condition, one lets writers that come together all win. */
class IgnoringStore extends MemoryObjectStore {
  override put(key: string, buffers: readonly Buffer[]): Promise<void> {
    return super.put(key, buffers, { ifAbsent: false });
  }
}
class RacyStore extends MemoryObjectStore {
  override async put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    const absent = (await this.head(key)) === null;
    await new Promise((resolve) => setImmediate(resolve));
    await super.put(key, buffers, { ifAbsent: options.ifAbsent && !absent });
  }
}

test('the probe tells stores that fence from those that do not, and leaves nothing behind', async () => {
  for (const [store, fences] of [
    [new MemoryObjectStore(), true],
    [new IgnoringStore(), false],
    [new RacyStore(), false],
  ] as const) {
    const result = await logOn(store).probe();
    assert.equal(result.fences, fences, result.detail);
    assert.deepEqual(store.keys(), []);
  }
  let calls = 0;
  const losing = new FaultyObjectStore(new MemoryObjectStore(), (operation) => (operation === 'put' && calls++ === 0 ? 'lost-reply' : null));
  await assert.rejects(logOn(losing).probe(), (error) => isErrorOf(error, 'unavailable'));
});
