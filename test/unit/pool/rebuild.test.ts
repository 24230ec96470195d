import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { isErrorOf } from '../../../src/base/errors.js';
import { dataOffset, shardPath } from '../../../src/format/shard.js';
import type { SegmentPlace } from '../../../src/pool/contract.js';
import type { RebuiltShard } from '../../../src/pool/contract.js';
import { World, diskError, diskId, randomBytes, subsets } from './world.js';

const shape = { parity: 1, tolerance: 2, scheme: 'parity' } as const;

function moved(place: SegmentPlace, rebuilt: readonly RebuiltShard[]): SegmentPlace {
  const disks = [...place.disks];
  for (const { index, disk } of rebuilt) disks[index] = disk;
  return { ...place, disks };
}

test('every set of lost shards within tolerance is made again on other disks, byte for byte', async () => {
  const bytes = randomBytes(150_000);
  for (const lost of [...subsets(4, 1), ...subsets(4, 2)]) {
    const world = await World.make({ disks: 6, shape });
    world.lose(4, 5);
    const place = await world.sealed(bytes);
    const before = await Promise.all(lost.map((index) => shardFile(world, place, index)));
    for (const index of lost) world.lost.add(place.disks[index] ?? diskId(99));
    world.lost.delete(diskId(4));
    world.lost.delete(diskId(5));
    const without = { ...place, disks: place.disks.map((disk, index) => (lost.includes(index) ? null : disk)) };
    const rebuilt = await world.pool.rebuild(without, lost, {});
    assert.deepEqual(rebuilt.map(({ index }) => index), lost);
    const after = moved(without, rebuilt);
    assert.equal(new Set(after.disks).size, 4, 'four different disks');
    assert.deepEqual(await world.pool.verify(after), []);
    for (const [at, index] of lost.entries()) assert.ok((await shardFile(world, after, index)).equals(before[at] ?? Buffer.of()), `shard ${index} of lost ${lost.join()}`);
  }
});

test('a damaged shard is repaired where it is, also when only its good cells and those of another damaged one suffice', async () => {
  const world = await World.make({ disks: 4, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  const bytes = randomBytes(256 * 1024);
  const place = await world.sealed(bytes);
  for (const index of [0, 3]) {
    const disk = world.disks.find((one) => one.id === place.disks[index]);
    assert.ok(disk);
    world.flip(disk, shardPath(place.id, 1, index), dataOffset(place.layout.shardBytes) + index * 3 * 4096 + 1);
  }
  const found = await world.pool.verify(place);
  assert.deepEqual(found.map(({ index }) => index), [0, 3]);
  const rebuilt = await world.pool.rebuild(place, [0, 3], {});
  assert.deepEqual(rebuilt, [0, 3].map((index) => ({ index, disk: place.disks[index] })));
  assert.deepEqual(await world.pool.verify(place), []);
});

test('with the bytes of the whole segment given, no other shard is needed', async () => {
  const world = await World.make({ disks: 4, shape });
  const bytes = randomBytes(100_001);
  const place = await world.sealed(bytes);
  for (const disk of world.disks) for (const name of await disk.inner.list('shards/0')) await disk.inner.remove(`shards/0/${name}`);
  const gone = { ...place, disks: place.disks.map(() => null) };
  const rebuilt = await world.pool.rebuild(gone, [0, 1, 2, 3], { bytes });
  const after = moved(gone, rebuilt);
  assert.deepEqual(await world.pool.verify(after), []);
  assert.ok((await world.pool.readAll(after)).equals(bytes));
});

test('a target that fails, or returns other bytes than it was given, is passed over', async () => {
  const world = await World.make({ disks: 6, shape });
  world.lose(3, 4, 5);
  const place = await world.sealed(randomBytes(100_000));
  world.lost.clear();
  world.disk(3).hook = (operation) => (operation === 'replace' ? Promise.reject(diskError()) : undefined);
  world.disk(4).hook = async (operation, path) => {
    if (operation !== 'read') return;
    world.disk(4).hook = null;
    world.flip(world.disk(4), path, dataOffset(place.layout.shardBytes) + 5);
  };
  const without = { ...place, disks: place.disks.map((disk, index) => (index === 1 ? null : disk)) };
  world.lost.add(place.disks[1] ?? diskId(99));
  const rebuilt = await world.pool.rebuild(without, [1], { targets: [diskId(3), diskId(4), diskId(5)] });
  assert.deepEqual(rebuilt, [{ index: 1, disk: diskId(5) }]);
  assert.ok(world.failed.includes(diskId(3)) && world.failed.includes(diskId(4)));
});

test('without a disk to put it on, rebuild says so', async () => {
  const world = await World.make({ disks: 4, shape });
  const place = await world.sealed(randomBytes(100_000));
  world.lose(0);
  const index = place.disks.indexOf(diskId(0));
  await assert.rejects(world.pool.rebuild(place, [index], {}), (error: unknown) => isErrorOf(error, 'unavailable') && error.code === 'rebuild-no-disk');
});

test('store writes a segment anew under the layout number given, without delta shards when none are asked for', async () => {
  const world = await World.make({ disks: 5, shape });
  const bytes = randomBytes(123_456);
  const place = await world.sealed(bytes);
  const stored = await world.pool.store(place.id, bytes, place.layout.number + 1, false);
  assert.deepEqual([stored.layout.number, stored.layout.k, stored.layout.m, stored.layout.e], [2, 4, 1, 0]);
  assert.ok((await world.pool.readAll(stored)).equals(bytes));
  await world.pool.removeShards(place, [0, 1, 2, 3, 4]);
  for (const disk of world.disks) assert.equal((await disk.inner.list('shards/0')).length, 1);
});

test('when delta shards were given up the rest still decodes', async () => {
  const world = await World.make({ disks: 5, shape: { parity: 1, tolerance: 3, scheme: 'parity' } });
  const bytes = randomBytes(222_222);
  const place = await world.sealed(bytes);
  await world.pool.removeShards(place, [3, 4]);
  const slim = { ...place, layout: { ...place.layout, e: 0 }, disks: place.disks.slice(0, 3) };
  assert.deepEqual(await world.pool.verify(slim), []);
  world.lost.add(place.disks[0] ?? diskId(99));
  assert.ok((await world.pool.readAll(slim)).equals(bytes));
});

async function shardFile(world: World, place: SegmentPlace, index: number): Promise<Buffer> {
  const disk = world.disks.find((one) => one.id === place.disks[index]);
  assert.ok(disk);
  return disk.inner.readAll(shardPath(place.id, place.layout.number, index), 1 << 24);
}
