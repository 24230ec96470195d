// What a read finds damaged is put right: a rotten shard in place, an object that the backup lost by the next flush.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import type { MemoryDisk } from '../../src/disk/memory-disk.js';
import { placeOfRow } from '../../src/volume/core.js';
import type { SegmentPlace } from '../../src/pool/contract.js';
import { fourDisks, House } from './support/house.js';

function placeOf(house: House): SegmentPlace {
  const row = house.volume.core.skeleton.segment(asSegmentNumber(1));
  const place = row === null ? null : placeOfRow(row);
  assert(place !== null, 'the first segment is sealed');
  return place;
}

/** Shard files of every disk with their disk. */
function shards(house: House): readonly (readonly [MemoryDisk, string])[] {
  return [...house.world.slots.values()].flatMap((disk) => disk.paths().filter((path) => path.startsWith('shards/')).map((path) => [disk, path] as const));
}

const flip = (bytes: Buffer): Buffer => {
  const damaged = Buffer.from(bytes);
  damaged[damaged.length - 100] = (damaged[damaged.length - 100] ?? 0) ^ 1;
  return damaged;
};

test('a bit that rots in a shard is answered right, and the shard is whole again soon after', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(40_000);
    await house.write('a', bytes);
    await house.run(house.volume.core.pool.sealAll());
    const first = shards(house).find(([, path]) => path.endsWith('.0'));
    assert(first !== undefined, 'the first data shard is on a disk');
    first[0].tamper(first[1], flip);
    assert.notDeepEqual(await house.run(house.volume.core.pool.verify(placeOf(house))), [], 'the shard is damaged');
    await house.expect('a', bytes);
    for (let beat = 0; beat < 10; beat++) {
      await house.pass(1_000);
      await house.let(50);
    }
    assert.deepEqual(await house.run(house.volume.core.pool.verify(placeOf(house))), []);
    await house.expect('a', bytes);
    await house.close();
  });
});

test('an object that the backup lost is uploaded again by the next flush, and one is due at once', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(40_000);
    await house.write('a', bytes);
    await house.run(house.volume.flush());
    const objects = house.world.store.keys().filter((key) => key.startsWith('segments/'));
    assert.equal(objects.length, 1);
    await house.run(house.world.store.delete(objects));
    const segment = house.volume.core.skeleton.segment(asSegmentNumber(1));
    assert(segment !== null, 'it is known');
    house.volume.core.pin(segment.segment);
    await house.run(house.volume.rescue.keep(segment.segment, placeOf(house), null).catch(() => undefined));
    house.volume.core.unpin(segment.segment);
    assert.equal(house.volume.core.skeleton.segment(segment.segment)?.present, false);
    assert.deepEqual(house.volume.due(), ['an object is missing in the backup']);
    await house.run(house.volume.flush());
    assert.deepEqual(house.world.store.keys().filter((key) => key.startsWith('segments/')), objects);
    assert.deepEqual(house.volume.due(), []);
    await house.expect('a', bytes);
    await house.close();
  });
});
