import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import type { ImageReference } from '../../../src/backup/contract.js';
import { createImageChain, type StoredImageChain } from '../../../src/backup/image-chain.js';
import { isErrorOf } from '../../../src/base/errors.js';
import { setFailpointAction } from '../../../src/base/failpoint.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import { FaultyObjectStore } from '../../../src/objectstore/faulty-object-store.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import type { ObjectStore } from '../../../src/objectstore/object-store.js';
import { codec, failureOf, point, readAll, TestDatabase, volume } from './support.js';

const chunk = 65_536;
const chainOn = (store: ObjectStore, seed = 1): StoredImageChain => createImageChain({ store, volume, codec, random: new SeededRandom(seed), logger: silentLogger });
const packsOf = (store: MemoryObjectStore): readonly string[] => store.keys().filter((key) => key.startsWith('packs/'));

afterEach(() => setFailpointAction(undefined));

test('an image reads back, and the next one writes only what changed', async () => {
  const store = new MemoryObjectStore();
  const chain = chainOn(store);
  const database = new TestDatabase(40 * chunk + 8192, new SeededRandom(1));
  assert.equal(await chain.open(), null);
  const first = await chain.publish(database, null, point(10), true);
  assert.equal(first.chunksWritten, 41);
  const before = database.data;
  database.change(7);
  database.change(39);
  const second = await chain.publish(database, [7, 20, 39], point(20), true);
  assert.equal(second.chunksWritten, 2, 'chunk 20 was named but is the same');
  assert.ok(second.bytesWritten < 3.2 * chunk, `${second.bytesWritten} bytes`);
  assert.ok((await readAll(chain.chunks(first.image))).equals(before));
  assert.ok((await readAll(chainOn(store).chunks(second.image))).equals(database.data));
  assert.deepEqual(await chainOn(store).open(), second.image);
});

test('the first publication after a start compares everything, whatever it is told', async () => {
  const store = new MemoryObjectStore();
  const database = new TestDatabase(10 * chunk, new SeededRandom(2));
  await chainOn(store).publish(database, null, point(1), true);
  database.change(3);
  const again = chainOn(store);
  await again.open();
  const { image, chunksWritten } = await again.publish(database, [], point(2), true);
  assert.equal(chunksWritten, 1);
  assert.ok((await readAll(again.chunks(image))).equals(database.data));
});

test('a publication without open() builds on what the store announces', async () => {
  const store = new MemoryObjectStore();
  const database = new TestDatabase(10 * chunk, new SeededRandom(2));
  await chainOn(store).publish(database, null, point(1), true);
  database.change(3);
  assert.equal((await chainOn(store, 2).publish(database, null, point(2), true)).chunksWritten, 1);
});

test('the same point again writes nothing and gives the same image', async () => {
  const store = new MemoryObjectStore();
  const chain = chainOn(store);
  const database = new TestDatabase(3 * chunk, new SeededRandom(3));
  const first = await chain.publish(database, null, point(5), false);
  const keys = store.keys();
  const second = await chain.publish(database, [1], point(5), true);
  assert.deepEqual(second.image, first.image);
  assert.deepEqual(store.keys().filter((key) => !keys.includes(key)).length, 1, 'only the announcement is new');
});

test('images equal plain copies over random changes, restarts and collections', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('change' as const), chunks: fc.array(fc.nat(30), { maxLength: 6 }) }),
    fc.record({ do: fc.constant('resize' as const), bytes: fc.integer({ min: 1, max: 30 * 16 }).map((pages) => pages * 4096) }),
    fc.record({ do: fc.constant('publish' as const), exact: fc.boolean(), announce: fc.boolean() }),
    fc.record({ do: fc.constant('restart' as const) }),
    fc.record({ do: fc.constant('collect' as const), keep: fc.integer({ min: 1, max: 3 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(step, { minLength: 3, maxLength: 25 }), async (seed, steps) => {
      const store = new MemoryObjectStore();
      const database = new TestDatabase(12 * chunk, new SeededRandom(seed));
      let chain = chainOn(store, seed);
      let kept: { image: ImageReference; copy: Buffer }[] = [];
      let lsn = 0;
      let sinceStart = false;
      for (const action of steps) {
        if (action.do === 'change') action.chunks.forEach((number) => database.change(number));
        else if (action.do === 'resize') database.resize(action.bytes);
        else if (action.do === 'publish') {
          const dirty = sinceStart ? database.takeDirty() : null;
          const { image } = await chain.publish(database, action.exact ? dirty : null, point((lsn += 3)), action.announce);
          sinceStart = true;
          database.takeDirty();
          kept.push({ image, copy: database.data });
        } else if (action.do === 'restart') {
          chain = chainOn(store, seed + lsn + 1);
          await chain.open(kept.at(-1)?.image);
          sinceStart = false;
        } else if (kept.length > 0) {
          kept = kept.slice(-action.keep);
          await chain.collect(kept.map(({ image }) => image));
        }
      }
      for (const { image, copy } of kept) assert.ok((await readAll(chainOn(store).chunks(image))).equals(copy), `image at ${image.lsn}`);
    }),
    { numRuns: 40 },
  );
});

test('a publication or collection that dies anywhere leaves every named image whole', async () => {
  const names = ['image-before-pack', 'image-after-pack', 'image-before-announcement', 'image-after-announcement', 'backup-before-delete-batch', 'image-between-announcements-and-packs'];
  for (const name of names) {
    const store = new MemoryObjectStore();
    const database = new TestDatabase(5 * chunk, new SeededRandom(4));
    const chain = chainOn(store);
    const { image: first } = await chain.publish(database, null, point(1), true);
    const copies = new Map([[first.lsn as number, database.data]]);
    database.change(2);
    copies.set(2, database.data);
    setFailpointAction((at) => {
      if (at === name) throw new Error(`died at ${name}`);
    });
    const failure = await failureOf(chain.publish(database, [2], point(2), true).then(({ image }) => chain.collect([image])));
    assert.match(String(failure), new RegExp(name));
    setFailpointAction(undefined);
    const next = chainOn(store, 2);
    const found = await next.open();
    assert.ok(found !== null);
    for (const image of await next.announced()) assert.ok((await readAll(next.chunks(image))).equals(copies.get(image.lsn) ?? Buffer.alloc(0)), `${name}: image at ${image.lsn}`);
    // Taken up again: the same point is published whole, and what the dead one left goes.
    const { image } = await next.publish(database, null, point(2), true);
    await next.collect([image]);
    assert.ok((await readAll(chainOn(store).chunks(image))).equals(database.data));
    assert.equal((await next.announced()).length, 1);
    assert.ok(packsOf(store).length <= 2, `${packsOf(store).length} packs are left`);
  }
});

test('every lost reply of a publication is survived', async () => {
  for (let lost = 0; lost < 3; lost++) {
    const memory = new MemoryObjectStore();
    let puts = 0;
    const store = new FaultyObjectStore(memory, (operation) => (operation === 'put' && puts++ === lost ? 'lost-reply' : null));
    const chain = chainOn(store);
    const database = new TestDatabase(4 * chunk, new SeededRandom(5));
    for (const lsn of [1, 2]) {
      await failureOf(chain.publish(database, null, point(lsn), true));
      const { image } = await chain.publish(database, null, point(lsn), true);
      assert.ok((await readAll(chainOn(memory).chunks(image))).equals(database.data));
      assert.deepEqual(await chainOn(memory).open(), image);
      database.change(1);
    }
  }
});

test('a torn announcement or a missing pack gives way to the image before it', async () => {
  for (const damage of ['announcement', 'pack'] as const) {
    const store = new MemoryObjectStore();
    const database = new TestDatabase(3 * chunk, new SeededRandom(6));
    const chain = chainOn(store);
    const { image: first } = await chain.publish(database, null, point(1), true);
    database.change(0);
    const { image: second } = await chain.publish(database, [0], point(2), true);
    const key =
      damage === 'pack'
        ? `packs/${second.pack}`
        : store
            .keys()
            .filter((name) => name.startsWith('images/'))
            .at(-1);
    store.damage(key ?? '', (bytes) => bytes.subarray(0, bytes.length - 30));
    const next = chainOn(store, 9);
    assert.deepEqual(await next.open(), first, damage);
    const { image } = await next.publish(database, null, point(2), true);
    assert.ok((await readAll(chainOn(store).chunks(image))).equals(database.data));
    assert.deepEqual(await chainOn(store).open(), image);
  }
});

test('any flipped bit of a pack is noticed: the chunk and its pack are named, and no wrong byte comes out', async () => {
  const store = new MemoryObjectStore();
  const database = new TestDatabase(2 * chunk, new SeededRandom(7));
  const { image } = await chainOn(store).publish(database, null, point(1), true);
  const [key = ''] = packsOf(store);
  const size = (await store.get(key)).length;
  const random = new SeededRandom(8);
  let named = 0;
  for (let round = 0; round < 200; round++) {
    const at = random.below(size);
    const bit = 1 << random.below(8);
    const flip = (bytes: Buffer): Buffer => {
      bytes[at] = (bytes[at] ?? 0) ^ bit;
      return bytes;
    };
    store.damage(key, flip);
    try {
      const bytes = await readAll(chainOn(store).chunks(image));
      assert.ok(bytes.equals(database.data), `byte ${at}`);
      assert.ok(at < 64, `byte ${at} is covered by a hash`);
    } catch (error) {
      assert.ok(isErrorOf(error, 'corrupt'), String(error));
      if (error.code === 'image-chunk') {
        named++;
        assert.equal(error.context.pack, image.pack);
      }
    }
    store.damage(key, flip);
  }
  assert.ok(named > 100);
});

test('packs stay few and space stays bounded over many small publications', async () => {
  const store = new MemoryObjectStore();
  const random = new SeededRandom(9);
  const database = new TestDatabase(24 * chunk, random);
  const chain = chainOn(store);
  let { image } = await chain.publish(database, null, point(1), true);
  let written = 0;
  for (let lsn = 2; lsn < 300; lsn++) {
    database.change(random.below(24));
    if (lsn % 20 === 0) database.resize(database.bytes + 4096);
    const result = await chain.publish(database, database.takeDirty(), point(lsn), true);
    image = result.image;
    written += result.bytesWritten;
    await chain.collect([image]);
  }
  const stored = (await Promise.all(packsOf(store).map(async (key) => (await store.head(key))?.bytes ?? 0))).reduce((a, b) => a + b, 0);
  assert.ok(packsOf(store).length <= 140, `${packsOf(store).length} packs`);
  assert.ok(stored < 4.5 * database.bytes, `${stored} bytes for ${database.bytes}`);
  assert.ok(written < 300 * 5 * chunk, `${written} bytes written`);
  assert.ok((await readAll(chainOn(store).chunks(image))).equals(database.data));
});

test('what the newest image needs is never collected', async () => {
  const store = new MemoryObjectStore();
  const chain = chainOn(store);
  const database = new TestDatabase(4 * chunk, new SeededRandom(10));
  const { image: first } = await chain.publish(database, null, point(1), false);
  database.change(1);
  const { image: second } = await chain.publish(database, [1], point(2), false);
  await chain.collect([first]);
  assert.ok((await readAll(chainOn(store).chunks(second))).equals(database.data));
});

test('a kept image that cannot be read any more stops the collection of pieces, and nothing else', async () => {
  const store = new MemoryObjectStore();
  const chain = chainOn(store);
  const database = new TestDatabase(3 * chunk, new SeededRandom(12));
  const images: ImageReference[] = [];
  for (let lsn = 1; lsn <= 3; lsn++) {
    for (let changed = 0; changed < 3; changed++) database.change(changed);
    images.push((await chain.publish(database, null, point(lsn), true)).image);
  }
  const [oldest, middle, newest] = images as [ImageReference, ImageReference, ImageReference]; // three were published
  await store.delete([`packs/${middle.pack}`]);
  const before = packsOf(store);
  await chain.collect([newest, middle]);
  assert.deepEqual(packsOf(store), before);
  await chain.collect([newest]);
  assert.ok(!packsOf(store).includes(`packs/${oldest.pack}`));
  assert.ok((await readAll(chainOn(store).chunks(newest))).equals(database.data));
});
