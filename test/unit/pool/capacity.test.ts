import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { fillingOf } from '../../../src/pool/capacity.js';
import { World } from './world.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const granule = 32 * MiB;

/** In GiB, rounded, with the checksums: the last shard of a disk takes a little. */
function filled(rooms: readonly number[], redundant: number): { readonly bytes: number; readonly used: readonly number[] } {
  const { bytes, used } = fillingOf(
    rooms.map((room) => room * GiB),
    redundant,
    granule,
  );
  return { bytes: Math.round((bytes * 4_100) / 4_096 / GiB), used: used.map((one) => Math.round(one / GiB)) };
}

test('equal disks are used whole', () => {
  assert.deepEqual(filled([100, 100, 100, 100], 2), { bytes: 200, used: [100, 100, 100, 100] });
});

test('a disk that is larger than every set of others can match is used as far as they go, in whatever order they stand', () => {
  assert.deepEqual(filled([400, 100, 100], 1), { bytes: 100 + 100, used: [100, 100, 100] });
  assert.deepEqual(filled([100, 400, 400], 1), { bytes: 200 + 300, used: [100, 400, 400] });
  assert.deepEqual(filled([100, 400, 300, 400], 2), { bytes: 2 * 100 + 200, used: [100, 300, 300, 300] });
});

test('more redundancy than disks: what the rest can hold', () => {
  assert.deepEqual(filled([100, 50], 4), { bytes: 50, used: [50, 50] });
  assert.deepEqual(filled([], 2), { bytes: 0, used: [] });
});

test('no room gives more than it has, and what is used is what the bytes and their redundancy take', () => {
  for (let seed = 1; seed < 400; seed++) {
    const rooms = Array.from({ length: 1 + (seed % 9) }, (_, index) => ((seed * 7919 + index * 104_729 * seed) % 1_000) * MiB);
    const redundant = seed % 4;
    const { bytes, used } = fillingOf(rooms, redundant, granule);
    used.forEach((one, index) => assert.ok(one <= (rooms[index] ?? 0), `${seed}`));
    const written = used.reduce((sum, one) => sum + one, 0);
    assert.ok(bytes <= written, `${seed}: ${bytes} of ${written}`);
  }
});

test('the plan with one more disk is what the volume has when it is there', async () => {
  const shape = { parity: 1, tolerance: 2, scheme: 'parity' } as const;
  const nothing = () => ({ bytes: 0, leastBytes: 0, mostBytes: 0 });
  const sizes = [300 * MiB, 200 * MiB, 300 * MiB, 100 * MiB];
  const before = await World.make({ disks: 4, shape, diskBytes: sizes });
  const after = await World.make({ disks: 5, shape, diskBytes: [...sizes, 250 * MiB] });
  const plan = before.pool.plan([{ totalBytes: 250 * MiB, freeBytes: 250 * MiB }], nothing);
  assert.equal(plan.totalBytes, after.pool.totalBytes());
  assert.ok(plan.totalBytes > before.pool.totalBytes());
  assert.equal(plan.freeBytes, after.pool.freeBytes());
  const now = before.pool.plan([], nothing);
  assert.deepEqual([now.totalBytes, now.freeBytes], [before.pool.totalBytes(), before.pool.freeBytes()]);
  assert.equal(now.disks.length, 4);
});
