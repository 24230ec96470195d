// Ranges that several files share: they cost nothing, outlive each other, are moved once and stay shared, and survive what any
// other bytes survive.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import type { SegmentRow } from '../../src/skeleton/contract.js';
import { fourDisks, House } from './support/house.js';

async function share(house: House, from: string, to: string, fromOffset: number, toOffset: number, length: number): Promise<void> {
  await house.write(to, Buffer.alloc(0));
  await house.admitted(0);
  for (let done = 0; done < length; ) done += house.volume.share(house.ino(from), fromOffset + done, house.ino(to), toOffset + done, length - done);
}

const sealed = (house: House): readonly SegmentRow[] => house.volume.core.skeleton.segments(asSegmentNumber(0), 1_000, 'all').filter((row) => row.state === 'sealed');
const places = (house: House, name: string): readonly string[] => {
  const inode = house.volume.view.inode(house.ino(name));
  assert.ok(inode !== null);
  return house.volume.view.extents(inode.content, 0, inode.size, 1_000).map((extent) => `${extent.segment}+${extent.segmentOffset}`);
};

test('a copy takes no room and adds nothing to what the backup lacks; both outlive a power loss and each other', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(300_000);
    await house.save('a', bytes);
    const before = { free: house.volume.space().freeBytes, backlog: house.volume.backlog().bytes };
    await share(house, 'a', 'b', 0, 0, 300_000);
    assert.deepEqual({ free: house.volume.space().freeBytes, backlog: house.volume.backlog().bytes }, before);
    await house.sync();
    house.losePower();
    await house.mount();
    await house.expect('b', bytes);
    await house.remove('a');
    await house.write('b', Buffer.from('changed'), 5);
    bytes.write('changed', 5);
    await house.flush();
    await house.expect('b', bytes);
    await house.check();
  });
});

test('what is mostly dead is given back although a little of it is shared often, and stays shared', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(60_000);
    await house.save('large', bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    const [segment] = sealed(house);
    assert.ok(segment !== undefined && segment.length >= 30_000, 'it lies in a sealed segment');
    const copies = Array.from({ length: 20 }, (_, i) => `copy${i}`);
    // Overlapping, not equal, parts of a tenth.
    for (const [i, copy] of copies.entries()) await share(house, 'large', copy, i * 10, 0, 4_000);
    await house.remove('large');
    for (let beat = 0; beat < 60; beat++) await house.pass(1_000);
    for (const [i, copy] of copies.entries()) await house.expect(copy, bytes.subarray(i * 10, i * 10 + 4_000));
    await house.check();
    const row = house.volume.core.skeleton.segment(segment.segment);
    assert.ok(row === null || row.live === 0, 'nobody refers to the old segment');
    const starts = new Set(copies.flatMap((copy) => places(house, copy)).map((place) => place.split('+')[0]));
    assert.equal(starts.size, 1, 'they lie in one segment');
    const offsets = copies.flatMap((copy) => places(house, copy)).map((place) => Number(place.split('+')[1]));
    assert.equal(Math.max(...offsets) - Math.min(...offsets), 190, 'over one another, as before');
  });
});
