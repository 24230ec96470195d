import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { asSegmentNumber } from '../../../src/base/ids.js';
import { shardPath } from '../../../src/format/shard.js';
import { World, generation, randomBytes } from './world.js';

const shape = { parity: 1, tolerance: 1, scheme: 'parity' } as const;

async function sweep(world: World, known: (name: number, layout: number, index: number) => boolean): Promise<string[]> {
  const removed: string[] = [];
  for (const disk of world.disks) {
    for await (const slice of world.pool.sweepStrays(disk, (id, layout, index) => known(id.number, layout, index))) removed.push(...slice.removed);
  }
  return removed.sort();
}

test('shard files that no record knows are removed, others and foreign files stay', async () => {
  const before = await World.make({ disks: 3, shape });
  const bytes = randomBytes(50_000);
  const place = await before.sealed(bytes);
  const stray = { generation, number: asSegmentNumber(2000) };
  await before.disk(1).inner.create(shardPath(stray, 1, 0), [Buffer.from('left behind')]);
  await before.disk(2).inner.create(shardPath(place.id, 2, 1), [Buffer.from('a layout given up')]);
  await before.disk(0).inner.create('shards/0/notes.txt', [Buffer.from('not ours')]);
  const world = await World.make({ disks: 3, shape, from: before });
  const removed = await sweep(world, (number, layout) => number === 1 && layout === 1);
  assert.deepEqual(removed, [shardPath(place.id, 2, 1), shardPath(stray, 1, 0)].sort());
  assert.ok((await world.pool.readAll(place)).equals(bytes));
  assert.ok((await world.disk(0).inner.list('shards/0')).includes('notes.txt'));
});

test('a segment that is being written while the sweep runs is left alone, whatever the records say', async () => {
  const world = await World.make({ disks: 3, shape });
  const bytes = randomBytes(50_000);
  world.write(bytes);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  world.disk(2).hook = (operation) => (operation === 'create' ? held : undefined);
  const sealing = world.pool.sealAll();
  while ((await world.disk(0).inner.list('shards/0')).length === 0 || (await world.disk(1).inner.list('shards/0')).length === 0);
  assert.deepEqual(await sweep(world, () => false), []);
  release();
  await sealing;
  assert.deepEqual(await sweep(world, () => false), [], 'nor right after it');
  assert.ok((await world.read(1, 0, bytes.length)).equals(bytes));
});

test('slices are bounded', async () => {
  const world = await World.make({ disks: 1, shape: { parity: 0, tolerance: 0, scheme: 'parity' } });
  for (let number = 1; number <= 1000; number++) {
    for (const index of [0, 1]) await world.disk(0).inner.create(shardPath({ generation, number: asSegmentNumber(number) }, 1, index), [Buffer.of(1)]);
  }
  const slices: number[] = [];
  for await (const slice of world.pool.sweepStrays(world.disk(0), () => true)) slices.push(slice.looked);
  assert.equal(slices.reduce((a, b) => a + b, 0), 2000);
  assert.ok(slices.every((looked) => looked <= 1000));
});
