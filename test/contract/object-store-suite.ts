// What every object store must do, whatever it is made of. `open` gives a store with an empty prefix of its own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { SeededRandom } from '../../src/base/random.js';
import type { ObjectStore } from '../../src/objectstore/object-store.js';

export interface StoreUnderTest {
  readonly store: ObjectStore;
  readonly cleanUp?: () => Promise<void>;
}

export interface SuiteOptions {
  /** Sizes that make the store work in parts. */
  readonly largeBytes?: number;
  readonly racers?: number;
}

async function keysOf(store: ObjectStore, prefix: string, startAfter?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, startAfter)) keys.push(key);
  return keys;
}

export function objectStoreContract(name: string, open: () => Promise<StoreUnderTest>, options: SuiteOptions = {}): void {
  describe(`object store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: ObjectStore;
    const random = new SeededRandom(7);
    before(async () => {
      under = await open();
      store = under.store;
    });
    after(async () => {
      await store.close();
      await under.cleanUp?.();
    });

    test('an object reads back whole and in ranges', async () => {
      const bytes = random.bytes(100_000);
      await store.put('a/b/whole', [bytes.subarray(0, 10), bytes.subarray(10, 50_000), bytes.subarray(50_000)], { ifAbsent: true });
      assert.ok((await store.get('a/b/whole')).equals(bytes));
      assert.ok((await store.get('a/b/whole', { offset: 0, length: 1 })).equals(bytes.subarray(0, 1)));
      assert.ok((await store.get('a/b/whole', { offset: 4095, length: 8193 })).equals(bytes.subarray(4095, 4095 + 8193)));
      assert.ok((await store.get('a/b/whole', { offset: 99_999, length: 1 })).equals(bytes.subarray(99_999)));
      assert.deepEqual(await store.head('a/b/whole'), { key: 'a/b/whole', bytes: 100_000 });
    });

    test('a range that reaches past the end gives what there is, one that begins there is an error', async () => {
      await store.put('short', [Buffer.from('0123456789')], { ifAbsent: true });
      assert.equal((await store.get('short', { offset: 8, length: 100 })).toString(), '89');
      await assert.rejects(store.get('short', { offset: 10, length: 1 }), (error) => isErrorOf(error, 'corrupt') && error.code === 'store-range');
    });

    test('a missing object is said to be missing, with its key', async () => {
      await assert.rejects(store.get('no/such/thing'), (error) => isErrorOf(error, 'missing') && error.code === 'store-object-missing' && error.message.includes('no/such/thing') && error.message.includes(store.description));
      await assert.rejects(store.get('no/such/thing', { offset: 5, length: 5 }), (error) => isErrorOf(error, 'missing'));
      assert.equal(await store.head('no/such/thing'), null);
      assert.equal(await store.head('a/b'), null, 'a folder is no object');
    });

    test('put if absent keeps the first object', async () => {
      await store.put('once', [Buffer.from('first')], { ifAbsent: true });
      await assert.rejects(store.put('once', [Buffer.from('second')], { ifAbsent: true }), (error) => isErrorOf(error, 'conflict') && error.code === 'store-object-exists');
      assert.equal((await store.get('once')).toString(), 'first');
      await store.put('once', [Buffer.from('third')], { ifAbsent: false });
      assert.equal((await store.get('once')).toString(), 'third');
    });

    test('of many writers of one key exactly one wins', async () => {
      for (let round = 0; round < 3; round++) {
        const results = await Promise.allSettled(Array.from({ length: options.racers ?? 12 }, (_, i) => store.put(`race/${round}`, [Buffer.from(`writer ${i}`)], { ifAbsent: true })));
        const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
        for (const result of results) if (result.status === 'rejected') assert.ok(isErrorOf(result.reason, 'conflict'), String(result.reason));
        assert.equal(winners.length, 1);
        assert.equal((await store.get(`race/${round}`)).toString(), `writer ${winners[0]}`);
      }
    });

    test('a listing is in byte order, by prefix, resumable', async () => {
      const keys = ['list/a', 'list/a-b', 'list/a/x', 'list/a/y/z', 'list/a0', 'list/b', 'list/b~', 'listing', 'list/Z'];
      await Promise.all(keys.map((key) => store.put(key, [Buffer.from(key)], { ifAbsent: true }).catch((error: unknown) => (key === 'list/a' || key.startsWith('list/a/') ? undefined : Promise.reject(error)))));
      // A directory cannot hold both `list/a` and `list/a/x`; the backup never uses such keys.
      const present = (await keysOf(store, 'list')).filter((key) => keys.includes(key));
      assert.deepEqual(
        present,
        [...present].sort((x, y) => (x < y ? -1 : 1)),
      );
      assert.ok(present.length >= 7);
      assert.deepEqual(await keysOf(store, 'list/b'), ['list/b', 'list/b~']);
      assert.deepEqual(await keysOf(store, 'list/', 'list/a0'), ['list/b', 'list/b~']);
      assert.deepEqual(await keysOf(store, 'nothing'), []);
      for await (const info of store.list('list/a0')) assert.equal(info.bytes, 7);
    });

    test('folders sort among files by their whole keys', async () => {
      for (const key of ['sort/a-b', 'sort/a/x', 'sort/a0', 'sort/a.c']) await store.put(key, [Buffer.from('x')], { ifAbsent: true });
      assert.deepEqual(await keysOf(store, 'sort/'), ['sort/a-b', 'sort/a.c', 'sort/a/x', 'sort/a0']);
      assert.deepEqual(await keysOf(store, 'sort/', 'sort/a.c'), ['sort/a/x', 'sort/a0']);
      assert.deepEqual(await keysOf(store, 'sort/a/'), ['sort/a/x']);
    });

    test('deleting takes what is there and minds nothing else', async () => {
      await store.put('gone/1', [Buffer.from('1')], { ifAbsent: true });
      await store.put('gone/2', [Buffer.from('2')], { ifAbsent: true });
      await store.delete(['gone/1', 'gone/never', 'gone/2']);
      assert.deepEqual(await keysOf(store, 'gone/'), []);
      await store.delete(['gone/1']);
      await store.delete([]);
      await store.put('gone/1', [Buffer.from('again')], { ifAbsent: true });
      assert.equal((await store.get('gone/1')).toString(), 'again');
    });

    test('a large object goes up and comes back', async () => {
      const bytes = random.bytes(options.largeBytes ?? 200_000);
      await store.put('large', [bytes.subarray(0, 77_777), bytes.subarray(77_777)], { ifAbsent: true });
      assert.ok((await store.get('large')).equals(bytes));
      await assert.rejects(store.put('large', [bytes], { ifAbsent: true }), (error) => isErrorOf(error, 'conflict'));
    });

    test('keys that leave the prefix or hide are refused', async () => {
      for (const key of ['', '/a', 'a/', 'a//b', '../a', 'a/../b', 'a/./b', '.hidden', 'a/.b', 'a b', 'ä', 'a\nb', 'x'.repeat(513)]) {
        await assert.rejects(store.put(key, [Buffer.from('x')], { ifAbsent: true }), (error) => isErrorOf(error, 'invalid') && error.code === 'store-key', JSON.stringify(key));
      }
    });
  });
}
