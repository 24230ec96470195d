import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { PayloadRange } from '../../../src/format/payload.js';
import { World, randomBytes } from './world.js';

const parity = { parity: 1, tolerance: 2, scheme: 'parity' } as const;
const copy = { parity: 1, tolerance: 2, scheme: 'copy' } as const;

function spans(ranges: readonly PayloadRange[]): number[][] {
  return ranges.map((range) => [range.segment, range.offset, range.bytes.length]);
}

test('few bytes are journaled, each of them once', async () => {
  const world = await World.make({ disks: 4, shape: parity });
  const bytes = randomBytes(10_000);
  world.write(bytes.subarray(0, 4000));
  const first = world.payload.cut();
  await first.ready;
  world.write(bytes.subarray(4000, 5000)); // after the cut, before collect: belongs to it
  const ranges = first.collect();
  assert.deepEqual(spans(ranges), [[1, 0, 5000]]);
  assert.ok(ranges[0]?.bytes.equals(bytes.subarray(0, 5000)));
  world.write(bytes.subarray(5000));
  const second = world.payload.cut();
  await second.ready;
  assert.deepEqual(spans(second.collect()), [[1, 5000, 5000]]);
  assert.ok(ranges[0]?.bytes.equals(bytes.subarray(0, 5000)), 'the bytes stay until release');
  first.release();
  second.release();
  const third = world.payload.cut();
  await third.ready;
  assert.deepEqual(third.collect(), []);
});

test('much is sealed early instead of journaled: ready waits for the seal record', async () => {
  const world = await World.make({ disks: 4, shape: parity });
  world.write(randomBytes(16 * 1024 + 1));
  const cut = world.payload.cut();
  assert.equal(world.places.size, 0);
  await cut.ready;
  assert.equal(world.places.size, 1);
  assert.deepEqual(cut.collect(), []);
  cut.release();
  world.write(randomBytes(5));
  assert.deepEqual(world.pool.unsealed(), [2]);
});

test('a segment with few un-journaled bytes is not waited for while it is being sealed', async () => {
  const world = await World.make({ disks: 4, shape: parity });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  for (const disk of world.disks) disk.hook = (operation) => (operation === 'create' ? held : undefined);
  world.write(randomBytes(3000));
  world.pool.rotate();
  const cut = world.payload.cut();
  await cut.ready;
  assert.deepEqual(spans(cut.collect()), [[1, 0, 3000]]);
  release();
  await world.pool.sealAll();
  assert.equal(world.places.size, 1);
  assert.equal(world.pool.room(), 7 * 256 * 1024, 'the batch still holds the buffer');
  cut.release();
  cut.release();
  assert.equal(world.pool.room(), 8 * 256 * 1024);
});

test('what could not be sealed is journaled', async () => {
  const world = await World.make({ disks: 2, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  world.lose(0, 1);
  const bytes = randomBytes(100_000);
  world.write(bytes);
  const cut = world.payload.cut();
  await cut.ready;
  assert.deepEqual(spans(cut.collect()), [[1, 0, 100_000]]);
});

test("scheme 'copy': every byte is journaled once, sealed or not, and its buffer is kept until then", async () => {
  const world = await World.make({ disks: 4, shape: copy, settings: { buffersMax: 2 } });
  const bytes = randomBytes(256 * 1024);
  world.write(bytes.subarray(0, 1000));
  const first = world.payload.cut();
  await first.ready;
  assert.deepEqual(spans(first.collect()), [[1, 0, 1000]]);
  first.release();
  world.write(bytes.subarray(1000));
  await world.pool.sealAll();
  const place = world.place(1);
  assert.deepEqual([place.layout.k, place.layout.m, place.layout.e], [3, 1, 0]);
  assert.deepEqual(world.pool.unsealed(), []);
  assert.equal(world.pool.room(), 256 * 1024, 'one of two buffers waits for the journal');
  const second = world.payload.cut();
  await second.ready;
  const ranges = second.collect();
  assert.deepEqual(spans(ranges), [[1, 1000, 255 * 1024 + 24]]);
  assert.ok(ranges[0]?.bytes.equals(bytes.subarray(1000)));
  assert.equal(world.pool.room(), 256 * 1024);
  second.release();
  assert.equal(world.pool.room(), 2 * 256 * 1024);
});

test("scheme 'copy' never seals early", async () => {
  const world = await World.make({ disks: 4, shape: copy });
  world.write(randomBytes(100_000));
  const cut = world.payload.cut();
  await cut.ready;
  assert.equal(world.places.size, 0);
  assert.deepEqual(spans(cut.collect()), [[1, 0, 100_000]]);
});

test('bytes refilled from the journal are not journaled again', async () => {
  const world = await World.make({ disks: 4, shape: parity });
  const id = { generation: '00000000000000aa', number: 1 } as never; // a segment id as the journal recorded it
  world.pool.refill(id, { segment: 1 as never, offset: 0, bytes: randomBytes(1000) });
  const cut = world.payload.cut();
  await cut.ready;
  assert.deepEqual(cut.collect(), []);
});
