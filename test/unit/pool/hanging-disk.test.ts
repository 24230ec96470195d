import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { crc32c } from '../../../src/native/checksum.js';
import { World, diskError, randomBytes } from './world.js';

const shape = { parity: 1, tolerance: 1, scheme: 'parity' } as const;

test('what a hanging disk writes into its buffer after it was given up reaches no answer', async () => {
  const world = await World.make({ disks: 3, shape });
  world.dropFailed = false;
  const bytes = randomBytes(250_000);
  const place = await world.sealed(bytes);
  const disk = world.disks.find((one) => one.id === place.disks[0]);
  assert.ok(disk);
  const quarantine: Buffer[] = [];
  disk.readCells = (_path, _cells, into) => {
    quarantine.push(into);
    return Promise.reject(diskError());
  };
  const late = (): void => {
    for (const buffer of quarantine) buffer.fill(0xff);
  };
  const whole = await world.pool.readAll(place);
  late();
  assert.ok(whole.equals(bytes));
  for (let i = 0; i < 40; i++) {
    const got = await world.read(1, 10 + i, 9000);
    late();
    assert.ok(got.equals(bytes.subarray(10 + i, 9010 + i)));
    assert.ok((await world.read(1, 130_000 + i, 5000)).equals(bytes.subarray(130_000 + i, 135_000 + i)));
  }
  assert.equal(new Set(quarantine).size, quarantine.length);
});

for (const [kind, hanging] of [['data', 1], ['parity', 0]] as const) test(`${kind} that a hanging disk may still be writing stays untouched`, async () => {
  const world = await World.make({ disks: 4, shape, settings: { buffersMax: 2 } });
  const given: { readonly buffer: Buffer; readonly crc: number }[] = [];
  world.disk(hanging).create = (_path, buffers) => {
    for (const buffer of buffers) given.push({ buffer, crc: crc32c(buffer) });
    return Promise.reject(diskError());
  };
  const bytes = randomBytes(200_001);
  const place = await world.sealed(bytes);
  assert.equal(place.layout.k, 2);
  for (let i = 0; i < 10; i++) await world.sealed(randomBytes(250_000, i));
  assert.ok(given.length >= 3);
  for (const { buffer, crc } of given) assert.equal(crc32c(buffer), crc);
  assert.ok((await world.pool.readAll(place)).equals(bytes));
});
