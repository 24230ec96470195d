// Rule 2: no two segments of any history share a name, so shards of a lost future are never taken for real ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import { Faults } from './support/faults.js';
import { fourDisks, House } from './support/house.js';

test('a segment of a lost future and the one that takes its number never mix', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    house.quiet();
    await house.mount();
    const lost = house.bytes(60_000);
    faults.decide = (_, call) => (call.operation === 'log-write' ? { type: 'hang' } : undefined);
    await house.write('lost', lost);
    house.volume.core.pool.rotate();
    await house.until(() => house.volume.core.skeleton.segment(asSegmentNumber(1))?.state === 'sealed', 'its shards are on the disks');
    const before = house.volume.core.skeleton.segment(asSegmentNumber(1))?.generation;
    house.kill();
    faults.none();
    await house.mount();
    assert.equal(house.has('lost'), false);
    const bytes = house.bytes(60_000);
    await house.write('kept', bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    const row = house.volume.core.skeleton.segment(asSegmentNumber(1));
    assert.equal(row?.state, 'sealed', 'the number is given again');
    assert.notEqual(row?.generation, before, 'under another name');
    await house.expect('kept', bytes);
    await house.close();
    await house.mount();
    await house.expect('kept', bytes);
    await house.close();
  });
});
