import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SeededRandom } from '../../../src/base/random.js';
import { World, randomBytes } from './world.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const shape = { parity: 1, tolerance: 2, scheme: 'parity' } as const;
const tight = { reserveBytes: (total: number) => Math.floor(total * 0.05) };

test('free space counts what user data costs with its redundancy, after the reserve', async () => {
  const world = await World.make({ disks: 4, shape, diskBytes: 100 * MiB, settings: tight });
  // Four disks, two of every four shards are data; 5 % reserve.
  const expected = 2 * 95 * MiB;
  assert.ok(world.pool.freeBytes() <= expected && world.pool.freeBytes() > expected * 0.98, `${world.pool.freeBytes()}`);
  assert.ok(world.pool.totalBytes() >= world.pool.freeBytes());
});

test('a reservation counts until its bytes are sealed, then the disks show it', async () => {
  const world = await World.make({ disks: 4, shape, diskBytes: 10 * MiB, settings: tight });
  const before = world.pool.freeBytes();
  assert.ok(world.pool.reserve(100 * KiB));
  assert.equal(world.pool.freeBytes(), before - 100 * KiB);
  world.pool.unreserve(40 * KiB);
  world.write(randomBytes(60 * KiB));
  assert.equal(world.pool.freeBytes(), before - 60 * KiB);
  await world.pool.sealAll();
  await world.pool.refreshSpace();
  // Headers, tables and whole cells of so short a segment cost as much as a third of it.
  const cost = before - world.pool.freeBytes();
  assert.ok(cost >= 60 * KiB && cost <= 81 * KiB, `${cost}`);
});

test('what does not fit is refused and changes nothing', async () => {
  const world = await World.make({ disks: 4, shape, diskBytes: 2 * MiB, settings: tight });
  const free = world.pool.freeBytes();
  assert.equal(world.pool.reserve(free + 1), false);
  assert.equal(world.pool.freeBytes(), free);
  assert.equal(world.pool.reserve(free), true);
  assert.equal(world.pool.reserve(1), false);
});

test('without disks nothing fits; before the disks were asked neither', async () => {
  const world = await World.make({ disks: 4, shape });
  world.lose(0, 1, 2, 3);
  world.pool.disksChanged();
  assert.equal(world.pool.freeBytes(), 0);
});

for (const sizes of [[8, 8, 8, 8], [2, 3, 9, 9], [1, 6, 6, 6, 12], [3, 4, 5], [2, 20, 20]]) {
  test(`disks of ${sizes.join(', ')} MiB filled to the brim: accepted data is always sealed, with all its redundancy`, async () => {
    const seed = sizes.reduce((sum, size) => sum * 31 + size, 7);
    const random = new SeededRandom(seed);
    const world = await World.make({ disks: sizes.length, shape, diskBytes: sizes.map((size) => size * MiB), settings: { ...tight, buffersMax: 3 } });
    const reserveOf = (index: number): number => Math.floor((sizes[index] ?? 0) * MiB * 0.05);
    let accepted = 0;
    for (let refused = 0; refused < 20; ) {
      const length = 1 + random.below(120 * KiB);
      if (world.pool.room() < length) await world.pool.waitForRoom(length);
      if (!world.pool.reserve(length)) {
        refused++;
        await world.pool.sealAll();
        await world.pool.refreshSpace();
        continue;
      }
      world.write(randomBytes(length, random.below(1000)));
      accepted += length;
      if (random.below(4) === 0) world.pool.rotate();
    }
    await world.pool.sealAll();
    for (const place of world.places.values()) assert.equal(place.layout.m + place.layout.e, 2, `seed ${seed}: segment ${place.id.number} has all its redundancy`);
    for (const [index, disk] of world.disks.entries()) {
      const { freeBytes } = await disk.space();
      assert.ok(freeBytes >= reserveOf(index), `seed ${seed}: disk ${index} keeps its reserve, ${freeBytes} are left`);
    }
    const ideal = world.disks.length === 4 && sizes.every((size) => size === sizes[0]) ? 2 * 0.95 * 8 * MiB : 0;
    assert.ok(accepted > ideal * 0.85, `seed ${seed}: ${accepted} bytes accepted`);
    assert.deepEqual(world.failed, []);
  });
}

for (const [disks, parity, tolerance] of [[4, 1, 2], [5, 1, 2], [3, 1, 1], [6, 2, 3]] as const) {
  test(`full segments on ${disks} disks at tolerance ${tolerance} cost ${disks}/${disks - tolerance} written bytes a byte`, async () => {
    const world = await World.make({ disks, shape: { parity, tolerance, scheme: 'parity' }, settings: { segmentBytes: 4 * MiB } });
    const before = written(world);
    const bytes = randomBytes(4 * MiB);
    for (let i = 0; i < 3; i++) world.write(bytes);
    await world.pool.sealAll();
    const factor = (written(world) - before) / (3 * bytes.length);
    const ideal = disks / (disks - tolerance);
    assert.ok(factor >= ideal && factor <= ideal * 1.01, `${factor} instead of ${ideal}`);
  });
}

test('memory: buffers are recycled, so that a long stream needs no more than the bounded set', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' }, settings: { buffersMax: 2 } });
  const bytes = randomBytes(64 * KiB);
  const arenas = new Set<ArrayBufferLike>();
  for (let i = 0; i < 60; i++) {
    await world.pool.waitForRoom(bytes.length);
    const allocation = world.pool.allocate(bytes.length);
    arenas.add(allocation.target.buffer);
    bytes.copy(allocation.target, 0, 0, allocation.target.length);
  }
  await world.pool.sealAll();
  assert.ok(arenas.size <= 2, `${arenas.size} buffers`);
});

function written(world: World): number {
  return world.disks.reduce((sum, disk) => sum + disk.counters().bytesWritten, 0);
}
