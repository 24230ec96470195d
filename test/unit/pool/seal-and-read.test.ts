import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { isErrorOf } from '../../../src/base/errors.js';
import { dataOffset, fileBytes, shardHeaderBytes, shardPath, tableOffset } from '../../../src/format/shard.js';
import { World, diskError, randomBytes, subsets } from './world.js';

const shapes = [
  { disks: 1, parity: 0, tolerance: 0 },
  { disks: 2, parity: 1, tolerance: 1 },
  { disks: 3, parity: 1, tolerance: 2 },
  { disks: 4, parity: 1, tolerance: 2 },
  { disks: 5, parity: 2, tolerance: 3 },
  { disks: 6, parity: 1, tolerance: 3 },
  { disks: 7, parity: 0, tolerance: 1 },
];

for (const { disks, parity, tolerance } of shapes) {
  test(`${disks} disks, parity ${parity}, tolerance ${tolerance}: every loss of up to ${tolerance} disks leaves every byte readable, one more names what is lost`, async () => {
    const world = await World.make({ disks, shape: { parity, tolerance, scheme: 'parity' } });
    const bytes = randomBytes(200_001);
    const place = await world.sealed(bytes);
    assert.deepEqual(place.layout.k, disks - tolerance);
    assert.deepEqual([place.layout.m, place.layout.e], [parity, tolerance - parity]);
    for (let size = 0; size <= tolerance + 1 && size <= disks; size++) {
      for (const lost of subsets(disks, size)) {
        world.lost.clear();
        world.lose(...lost);
        if (size <= tolerance) {
          assert.ok((await world.read(1, 0, bytes.length)).equals(bytes), `lost ${lost.join()}`);
          assert.ok((await world.pool.readAll(place)).equals(bytes), `readAll, lost ${lost.join()}`);
          for (const [offset, length] of [[0, 1], [4095, 2], [199_999, 2], [65_536, 4096], [100_000, 77_777]] as const) {
            assert.ok((await world.read(1, offset, length)).equals(bytes.subarray(offset, offset + length)), `${offset}+${length}, lost ${lost.join()}`);
          }
        } else if (place.disks.slice(0, place.layout.k).some((id) => id !== null && world.lost.has(id))) {
          const error = await world.pool.readAll(place).then(() => null, (reason: unknown) => reason);
          assert.ok(isErrorOf(error, 'unavailable') && error.code === 'segment-unreadable', `lost ${lost.join()}`);
        }
      }
    }
  });
}

test('a range is answered by one read a data shard, straight from where it lies', async () => {
  const world = await World.make({ disks: 4, shape: { parity: 1, tolerance: 2, scheme: 'parity' } });
  const bytes = randomBytes(256 * 1024);
  await world.sealed(bytes);
  let reads = 0;
  for (const disk of world.disks) disk.hook = (operation) => void (operation === 'readCells' && reads++);
  assert.ok((await world.read(1, 0, 64 * 1024)).equals(bytes.subarray(0, 64 * 1024)));
  assert.equal(reads, 1);
  assert.ok((await world.read(1, 100_000, 100_000)).equals(bytes.subarray(100_000, 200_000)));
  assert.equal(reads, 3);
});

test('a flipped bit anywhere in a shard file never reaches the reader and is reported', async () => {
  const world = await World.make({ disks: 4, shape: { parity: 1, tolerance: 2, scheme: 'parity' } });
  const bytes = randomBytes(180_000);
  const place = await world.sealed(bytes);
  const { shardBytes } = place.layout;
  const spots = [
    { name: 'header', offset: 50, seen: false },
    { name: 'table', offset: tableOffset + 9, seen: true },
    { name: 'first cell', offset: dataOffset(shardBytes), seen: true },
    { name: 'middle', offset: dataOffset(shardBytes) + Math.floor(shardBytes / 2), seen: true },
    { name: 'last byte', offset: fileBytes(shardBytes) - 1, seen: true },
  ];
  for (let index = 0; index < 4; index++) {
    const disk = world.disks.find((one) => one.id === place.disks[index]);
    assert.ok(disk);
    const path = shardPath(place.id, place.layout.number, index);
    for (const { name, offset, seen } of spots) {
      world.flip(disk, path, offset);
      world.damaged.length = 0;
      assert.ok((await world.pool.readAll(place)).equals(bytes), `shard ${index}, ${name}`);
      assert.equal(world.damaged.length > 0, seen && index < place.layout.k, `shard ${index}, ${name} is reported`);
      const findings = await world.pool.verify(place);
      assert.deepEqual(findings.map((finding) => finding.index), [index], `shard ${index}, ${name} is found by verify`);
      world.flip(disk, path, offset);
      assert.deepEqual(await world.pool.verify(place), []);
    }
  }
});

test('different cells of several shards may be bad as long as each row has k good ones', async () => {
  const world = await World.make({ disks: 4, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  const bytes = randomBytes(256 * 1024);
  const place = await world.sealed(bytes);
  for (let index = 0; index < 4; index++) {
    const disk = world.disks.find((one) => one.id === place.disks[index]);
    assert.ok(disk);
    world.flip(disk, shardPath(place.id, 1, index), dataOffset(place.layout.shardBytes) + index * 2 * 4096 + 17);
  }
  assert.ok((await world.pool.readAll(place)).equals(bytes));
  const last = world.disks.find((one) => one.id === place.disks[3]);
  assert.ok(last);
  world.flip(last, shardPath(place.id, 1, 3), dataOffset(place.layout.shardBytes) + 17);
  await assert.rejects(world.pool.readAll(place), (error: unknown) => isErrorOf(error, 'unavailable') && error.code === 'segment-unreadable' && error.context.offset === 0);
});

test('a shard of another segment under the right name is not taken for data', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  const first = await world.sealed(randomBytes(100_000, 1));
  const bytes = randomBytes(100_000, 2);
  const second = await world.sealed(bytes);
  const disk = world.disk(0);
  const file = await disk.inner.readAll(shardPath(first.id, 1, first.disks.indexOf(disk.id)), 1 << 20);
  await disk.inner.replace(shardPath(second.id, 1, second.disks.indexOf(disk.id)), [file]);
  assert.ok((await world.pool.readAll(second)).equals(bytes));
  assert.equal((await world.pool.verify(second)).length, 1);
});

test('a truncated or empty shard file counts as missing cells', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  const bytes = randomBytes(100_000, 3);
  const place = await world.sealed(bytes);
  const disk = world.disks.find((one) => one.id === place.disks[0]);
  assert.ok(disk);
  const path = shardPath(place.id, 1, 0);
  const file = await disk.inner.readAll(path, 1 << 20);
  for (const length of [0, 100, shardHeaderBytes, dataOffset(place.layout.shardBytes) + 5000]) {
    await disk.inner.replace(path, [file.subarray(0, length)]);
    assert.ok((await world.pool.readAll(place)).equals(bytes), `${length} bytes left`);
    assert.equal((await world.pool.verify(place)).length, 1);
  }
});

test('a disk that fails while reading is reported and decoded around', async () => {
  const world = await World.make({ disks: 4, shape: { parity: 1, tolerance: 2, scheme: 'parity' } });
  const bytes = randomBytes(256 * 1024);
  const place = await world.sealed(bytes);
  for (const index of [0, 1]) {
    const disk = world.disks.find((one) => one.id === place.disks[index]);
    assert.ok(disk);
    disk.hook = () => Promise.reject(diskError());
  }
  assert.ok((await world.read(1, 5000, 200_000)).equals(bytes.subarray(5000, 205_000)));
  assert.equal(new Set(world.failed).size, 2);
});

test('contiguous writes lie contiguously and span segments without gaps', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  const pieces = [...world.write(randomBytes(1000)), ...world.write(randomBytes(3)), ...world.write(randomBytes(300_000))];
  assert.deepEqual(
    pieces.map(({ segment, offset, bytes }) => [segment, offset, bytes.length]),
    [[1, 0, 1000], [1, 1000, 3], [1, 1003, 261_141], [2, 0, 38_859]],
  );
  assert.deepEqual(world.opened, [1, 2]);
  await world.pool.sealAll();
  assert.deepEqual(world.pool.unsealed(), []);
});

test('bytes written in the turn that fills a segment are in the sealed segment', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' } });
  const bytes = randomBytes(256 * 1024);
  world.write(bytes);
  await world.pool.sealAll();
  assert.ok((await world.read(1, 0, bytes.length)).equals(bytes));
});

test('a shard file holds zeros past the end of the segment, not what its buffer held before', async () => {
  const world = await World.make({ disks: 3, shape: { parity: 1, tolerance: 1, scheme: 'parity' }, settings: { buffersMax: 1 } });
  await world.sealed(Buffer.alloc(256 * 1024, 0xaa));
  await world.pool.waitForRoom(1);
  const place = await world.sealed(Buffer.alloc(9000, 0xbb));
  const disk = world.disks.find((one) => one.id === place.disks[1]);
  assert.ok(disk);
  const file = await disk.inner.readAll(shardPath(place.id, place.layout.number, 1), 1 << 20);
  const { shardBytes } = place.layout;
  assert.ok(file.subarray(dataOffset(shardBytes) + 9000 - shardBytes).every((byte) => byte === 0));
});
