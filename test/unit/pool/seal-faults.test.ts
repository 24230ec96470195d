import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { HoldfastError, isErrorOf } from '../../../src/base/errors.js';
import { asSegmentNumber } from '../../../src/base/ids.js';
import { setFailpointAction } from '../../../src/base/failpoint.js';
import { shardPath } from '../../../src/format/shard.js';
import { World, diskError, generation, randomBytes } from './world.js';

const shape = { parity: 1, tolerance: 2, scheme: 'parity' } as const;

function diskFull(): HoldfastError {
  return new HoldfastError('full', 'no space left on the disk', { code: 'disk-full' });
}

test('a disk that fails during a seal is reported; the segment is cut anew for the others under a new layout number', async () => {
  const world = await World.make({ disks: 5, shape });
  world.disk(2).hook = (operation) => (operation === 'create' ? Promise.reject(diskError()) : undefined);
  const bytes = randomBytes(250_000);
  const place = await world.sealed(bytes);
  assert.deepEqual(world.failed, [world.disk(2).id]);
  assert.deepEqual(place.layout, { number: 2, k: 2, m: 1, e: 1, shardBytes: place.layout.shardBytes });
  assert.ok(!place.disks.includes(world.disk(2).id));
  assert.ok((await world.pool.readAll(place)).equals(bytes));
  for (const disk of world.disks) {
    const files = await disk.inner.list('shards/0');
    assert.ok(files.every((name) => name.includes('.2.')), 'nothing of the layout that was given up is left');
  }
});

test('a spare disk takes the shard of a failing one without writing the others again', async () => {
  // One disk more than shards: the fullest is spared.
  const world = await World.make({ disks: 33, shape: { parity: 1, tolerance: 1, scheme: 'parity' }, settings: { segmentBytes: 32 * 4096 } });
  world.disk(5).hook = (operation) => (operation === 'create' ? Promise.reject(diskError()) : undefined);
  const bytes = randomBytes(31 * 4096);
  const place = await world.sealed(bytes);
  assert.equal(place.disks.length, 32);
  assert.equal(place.layout.number, 1);
  assert.ok((await world.pool.readAll(place)).equals(bytes));
});

test('a full disk is left out without being called broken', async () => {
  const world = await World.make({ disks: 4, shape });
  world.disk(0).hook = (operation) => (operation === 'create' ? Promise.reject(diskFull()) : undefined);
  const place = await world.sealed(randomBytes(250_000));
  assert.deepEqual(world.failed, []);
  assert.deepEqual([place.layout.k, place.layout.m, place.layout.e], [1, 1, 1]);
});

test('with fewer disks than redundancy needs, delta shards go first, then parity, and sealing goes on', async () => {
  const world = await World.make({ disks: 4, shape });
  const seen: string[] = [];
  for (const lost of [[0], [0, 1], [0, 1, 2]]) {
    world.lose(...lost);
    world.pool.disksChanged();
    const bytes = randomBytes(100_000, lost.length);
    const place = await world.sealed(bytes);
    seen.push(`${place.layout.k}+${place.layout.m}+${place.layout.e}`);
    assert.ok((await world.pool.readAll(place)).equals(bytes));
  }
  assert.deepEqual(seen, ['1+1+1', '1+1+0', '1+0+0']);
});

test('when no disk takes a segment it stays readable in memory, goes into the journal, shrinks the room, and is sealed when disks come back', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' }, settings: { buffersMax: 2 } });
  world.dropFailed = false;
  for (const disk of world.disks) disk.hook = (operation) => (operation === 'create' ? Promise.reject(diskError()) : undefined);
  const bytes = randomBytes(256 * 1024);
  world.write(bytes);
  await assert.rejects(world.pool.sealAll(), (error: unknown) => isErrorOf(error, 'unavailable') && error.code === 'segment-unplaceable');
  assert.ok((await world.read(1, 0, bytes.length)).equals(bytes));
  assert.deepEqual(world.pool.unsealed(), [1]);
  assert.equal(world.pool.room(), 256 * 1024);
  const cut = world.payload.cut();
  await cut.ready;
  assert.deepEqual(cut.collect().map((range) => [range.segment, range.offset, range.bytes.length]), [[1, 0, bytes.length]]);
  cut.release();
  world.write(randomBytes(256 * 1024, 2));
  const waiting = world.pool.waitForRoom(1000);
  for (const disk of world.disks) disk.hook = null;
  world.pool.disksChanged();
  await waiting;
  await world.pool.sealAll();
  assert.ok((await world.read(1, 0, bytes.length)).equals(bytes));
  assert.ok(world.pool.room() > 0);
});

test('a segment of the journal is sealed beside shards that an earlier attempt left, under a number of its own', async () => {
  const before = await World.make({ disks: 4, shape });
  const old = randomBytes(60_000, 1);
  await before.sealed(old); // its record never became durable
  const world = await World.make({ disks: 4, shape, from: before });
  world.lose(0); // other disks, other indexes: no name is taken
  const id = { generation, number: asSegmentNumber(1) };
  const bytes = Buffer.concat([old.subarray(0, 30_000), old.subarray(30_000, 40_000)]);
  world.pool.refill(id, { segment: id.number, offset: 0, bytes: bytes.subarray(0, 30_000) });
  world.pool.refill(id, { segment: id.number, offset: 30_000, bytes: bytes.subarray(30_000) });
  assert.deepEqual(world.pool.unsealed(), [1]);
  assert.ok((await world.read(1, 29_000, 2000)).equals(bytes.subarray(29_000, 31_000)));
  await world.pool.sealAll();
  assert.equal(world.place(1).layout.number, 2);
  assert.equal(world.place(1).length, 40_000);
  assert.ok((await world.read(1, 0, 40_000)).equals(bytes));
});

test('a name that is taken on one disk makes the seal use the next layout number', async () => {
  const world = await World.make({ disks: 4, shape });
  const id = { generation, number: asSegmentNumber(1) };
  for (let index = 0; index < 4; index++) await world.disk(3).inner.create(shardPath(id, 1, index), [Buffer.from('stray')]);
  const bytes = randomBytes(70_000);
  const place = await world.sealed(bytes);
  assert.equal(place.layout.number, 2);
  assert.deepEqual(world.failed, []);
  assert.ok((await world.pool.readAll(place)).equals(bytes));
});

test('bytes of the journal that leave a gap are refused', async () => {
  const world = await World.make({ disks: 3, shape });
  const id = { generation, number: asSegmentNumber(9) };
  world.pool.refill(id, { segment: id.number, offset: 0, bytes: randomBytes(10) });
  assert.throws(
    () => world.pool.refill(id, { segment: id.number, offset: 20, bytes: randomBytes(10) }),
    (error: unknown) => isErrorOf(error, 'corrupt') && error.code === 'segment-payload-gap',
  );
});

test('a death inside a seal is told to everybody who asks afterwards, and is never taken for a broken disk', async () => {
  const world = await World.make({ disks: 3, shape });
  world.write(randomBytes(1000));
  const death = new Error('killed');
  setFailpointAction((name) => {
    if (name === 'pool-shards-durable-before-record') throw death;
  });
  try {
    await assert.rejects(world.pool.sealAll(), death);
  } finally {
    setFailpointAction(undefined);
  }
  assert.throws(() => world.pool.allocate(1), death);
  assert.deepEqual(world.failed, []);
  assert.equal(world.places.size, 0);
});

test('close waits for what is under way and refuses what comes later', async () => {
  const world = await World.make({ disks: 3, shape, settings: { buffersMax: 1 } });
  world.write(randomBytes(256 * 1024));
  const waiting = assert.rejects(world.pool.waitForRoom(10), (error: unknown) => isErrorOf(error, 'closed'));
  await world.pool.close();
  await waiting;
  assert.equal(world.places.size, 1);
  assert.throws(() => world.pool.allocate(1), (error: unknown) => isErrorOf(error, 'closed'));
});
