import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { segmentKey } from '../../../src/backup/keys.js';
import { StoredSegmentArchive } from '../../../src/backup/segment-archive.js';
import { isErrorOf } from '../../../src/base/errors.js';
import { segmentBytesMax } from '../../../src/base/limits.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import { FaultyObjectStore } from '../../../src/objectstore/faulty-object-store.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import type { ObjectStore } from '../../../src/objectstore/object-store.js';
import { codec, failureOf, segmentId, volume } from './support.js';

const archiveOn = (store: ObjectStore): StoredSegmentArchive => new StoredSegmentArchive({ store, volume, codec, logger: silentLogger, guard: () => Promise.resolve(), mayReplace: () => Promise.resolve() });
const id = segmentId(5000);

test('segments of every length read back, whole and in ranges', async () => {
  const store = new MemoryObjectStore();
  const random = new SeededRandom(1);
  const lengths = [1, 4095, 4096, 4097, 4096 * 1024, 4096 * 1024 + 1, segmentBytesMax - 1, segmentBytesMax];
  for (const [i, length] of lengths.entries()) {
    const bytes = random.bytes(Math.min(length, 100_000)).length === length ? random.bytes(length) : Buffer.alloc(length, random.bytes(99_991));
    await archiveOn(store).put(segmentId(i), bytes);
    const archive = archiveOn(store);
    assert.equal(await archive.length(segmentId(i)), length);
    assert.ok((await archive.get(segmentId(i), 0, length)).equals(bytes), `${length}`);
    assert.ok((await archiveOn(store).get(segmentId(i), length - 1, 1)).equals(bytes.subarray(length - 1)));
    assert.ok((await archive.get(segmentId(i), length >> 1, 1)).equals(bytes.subarray(length >> 1, (length >> 1) + 1)));
    await assert.rejects(archive.get(segmentId(i), length, 1), (error) => isErrorOf(error, 'invalid'));
    store.damage(segmentKey(segmentId(i)), () => Buffer.from('gone'));
  }
});

test('any range equals the same range of the bytes', async () => {
  const store = new MemoryObjectStore();
  const bytes = new SeededRandom(2).bytes(50_000);
  await archiveOn(store).put(id, bytes);
  const warm = archiveOn(store);
  await fc.assert(
    fc.asyncProperty(fc.nat(49_999), fc.nat(49_999), fc.boolean(), async (a, b, cold) => {
      const [offset, end] = [Math.min(a, b), Math.max(a, b) + 1];
      assert.ok((await (cold ? archiveOn(store) : warm).get(id, offset, end - offset)).equals(bytes.subarray(offset, end)));
    }),
  );
});

test('a flipped bit anywhere is noticed or harmless, never a wrong byte', async () => {
  const store = new MemoryObjectStore();
  const bytes = new SeededRandom(3).bytes(20_000);
  await archiveOn(store).put(id, bytes);
  const size = (await store.get(segmentKey(id))).length;
  const random = new SeededRandom(4);
  let noticed = 0;
  for (let round = 0; round < 300; round++) {
    const at = random.below(size);
    const flip = (object: Buffer): Buffer => {
      object[at] = (object[at] ?? 0) ^ (1 << (round & 7));
      return object;
    };
    store.damage(segmentKey(id), flip);
    const offset = round % 2 === 0 ? 0 : 5000;
    const got = await failureOf(
      archiveOn(store)
        .get(id, offset, 15_000)
        .then((data) => assert.ok(data.equals(bytes.subarray(offset, offset + 15_000)))),
    );
    if (got !== null) {
      noticed++;
      assert.ok(isErrorOf(got, 'corrupt') && got.message.includes(segmentKey(id)), String(got));
    }
    store.damage(segmentKey(id), flip);
  }
  assert.ok(noticed > 150);
});

test('an object that is there already is compared: the same is fine, damage is replaced, other bytes are refused', async () => {
  const store = new MemoryObjectStore();
  const bytes = new SeededRandom(5).bytes(9000);
  const archive = archiveOn(store);
  await archive.put(id, bytes);
  await archive.put(id, bytes);
  for (const damage of [(o: Buffer) => o.subarray(0, 5000), (o: Buffer) => Buffer.alloc(o.length), (o: Buffer) => Buffer.concat([o.subarray(0, o.length - 1), Buffer.of((o.at(-1) ?? 0) ^ 1)])]) {
    store.damage(segmentKey(id), damage);
    await archive.put(id, bytes);
    assert.ok((await archive.get(id, 0, 9000)).equals(bytes));
  }
  const other = Buffer.from(bytes);
  other[77] = (other[77] ?? 0) ^ 1;
  await assert.rejects(archive.put(id, other), (error) => isErrorOf(error, 'conflict') && error.code === 'backup-segment-differs');
  assert.ok((await archiveOn(store).get(id, 0, 9000)).equals(bytes));
});

test('a lost reply and a repeated upload leave one right object', async () => {
  const memory = new MemoryObjectStore();
  let lose = true;
  const archive = archiveOn(new FaultyObjectStore(memory, (operation) => (operation === 'put' && lose ? 'lost-reply' : null)));
  const bytes = new SeededRandom(6).bytes(5000);
  await assert.rejects(archive.put(id, bytes), (error) => isErrorOf(error, 'unavailable'));
  lose = false;
  await archive.put(id, bytes);
  assert.ok((await archive.get(id, 0, 5000)).equals(bytes));
});

test('presence means: there, of this volume and segment, and of full size', async () => {
  const store = new MemoryObjectStore();
  const archive = archiveOn(store);
  await archive.put(id, Buffer.alloc(9000, 7));
  assert.equal(await archive.length(id), 9000);
  assert.equal(await archive.length(segmentId(5001)), null);
  await store.put(segmentKey(segmentId(5001)), [await store.get(segmentKey(id))], { ifAbsent: true });
  assert.equal(await archive.length(segmentId(5001)), null, 'an object under another name');
  await assert.rejects(archive.get(segmentId(5001), 0, 10), (error) => isErrorOf(error, 'corrupt'));
  store.damage(segmentKey(id), (object) => object.subarray(0, object.length - 1));
  assert.equal(await archive.length(id), null, 'a truncated one');
  await archive.delete([id, segmentId(9)]);
  assert.equal(await archive.length(id), null);
  await assert.rejects(archiveOn(store).get(id, 0, 1), (error) => isErrorOf(error, 'missing') && error.message.includes(segmentKey(id)));
});

test('a whole segment is one request, further ranges are one each', async () => {
  let gets = 0;
  const memory = new MemoryObjectStore();
  const store = new FaultyObjectStore(memory, (operation) => {
    if (operation === 'get') gets++;
    return null;
  });
  await archiveOn(store).put(id, Buffer.alloc(5_000_000, 3));
  const archive = archiveOn(store);
  await archive.get(id, 0, 5_000_000);
  assert.equal(gets, 1);
  await archive.get(id, 4_000_000, 100);
  assert.equal(gets, 2);
});
