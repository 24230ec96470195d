// Rule 3: nothing that a power loss could still need is removed; a record that cannot be replayed never reaches the disks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import { publishLocalImage } from '../../src/volume/image-point.js';
import { Faults } from './support/faults.js';
import { fourDisks, House } from './support/house.js';

const seeds = [1, 2, 3, 4];

test('journaled bytes stay until the seal of their segment is durable, not merely recorded', async () => {
  for (const seed of seeds) {
    await House.with(fourDisks, (house) => sealLostWithTheProcess(house), seed);
  }
});

async function sealLostWithTheProcess(house: House): Promise<void> {
  const faults = Faults.of(house);
  house.quiet();
  await house.mount();
  const { core, points } = house.volume;
  const bytes = house.bytes(20_000);
  await house.save('a', bytes);
  await manyNames(house, 4_000);
  await house.run(publishLocalImage(core, points));
  await house.save('later', Buffer.alloc(0));
  assert.equal(core.skeleton.segment(asSegmentNumber(1))?.state, 'open');
  // While the next image is written the segment is sealed, and the journal cannot say so.
  let begun = false;
  faults.decide = (_, call) => {
    if (call.operation === 'create' && call.path.startsWith('image/') && !begun) {
      begun = true;
      core.pool.rotate();
      return { type: 'hang' };
    }
    return begun && call.operation === 'log-write' ? { type: 'hang' } : undefined;
  };
  const before = core.localImages.horizon;
  const published = publishLocalImage(core, points).catch(() => false);
  await house.until(() => core.skeleton.segment(asSegmentNumber(1))?.state === 'sealed', 'the segment is sealed');
  for (const disk of faults.opened.values()) disk.release();
  await house.until(() => core.localImages.horizon > before, 'the image is on the disks');
  await house.let(200);
  void published;
  // What hangs never reached the kernel; what was removed is gone.
  house.kill();
  faults.none();
  await house.mount();
  await house.expect('a', bytes);
  await house.close();
}

test('a death is recorded once, however long the commit that hides it takes', async () => {
  await House.with(fourDisks, async (house) => {
    house.quiet();
    await house.mount();
    const { core, points, sweeper } = house.volume;
    await house.save('a', house.bytes(100_000));
    await house.run(core.pool.sealAll());
    await house.remove('a');
    await house.run(house.volume.orphans.idle());
    let goOn = (): void => {};
    let frozen = false;
    const cut = points.cut({
      between: () => {
        frozen = true;
        return new Promise<void>((resolve) => {
          goOn = resolve;
        });
      },
    });
    await house.until(() => frozen, 'the commit is under way');
    sweeper.drop();
    sweeper.drop();
    goOn();
    await house.run(cut);
    assert.equal(core.failure, null);
    await house.check();
    await house.close();
    await house.mount();
    assert.equal(house.has('a'), false);
    await house.close();
  });
});

test('a record that the skeleton refuses is never written: the next mount goes on without it', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(5_000);
    await house.save('a', bytes);
    const { core } = house.volume;
    // A bug somewhere: a death of a segment that files refer to.
    assert.throws(() => core.record({ type: 'segment-drop', segment: asSegmentNumber(1) }));
    await assert.rejects(house.sync(), 'nothing is promised any more');
    await assert.rejects(house.run(core.journal.commit()));
    house.kill();
    await house.mount();
    await house.expect('a', bytes);
    await house.check();
    await house.close();
  });
});

test('shards of a deleted file go only when its death is durable and every kept image is newer', async () => {
  await House.with(fourDisks, async (house) => {
    house.quiet();
    await house.mount();
    const { core, points, sweeper } = house.volume;
    await house.save('a', house.bytes(100_000));
    await house.run(core.pool.sealAll());
    await house.remove('a');
    await house.run(house.volume.orphans.idle());
    sweeper.drop();
    await house.run(sweeper.sweep());
    assert.notEqual(core.skeleton.segment(asSegmentNumber(1)), null, 'recorded only');
    await house.sync();
    await house.run(sweeper.sweep());
    assert.notEqual(core.skeleton.segment(asSegmentNumber(1)), null, 'an image from before its death is kept');
    await house.run(publishLocalImage(core, points));
    await house.run(sweeper.sweep());
    assert.notEqual(core.skeleton.segment(asSegmentNumber(1)), null, 'the image before the newest one is kept, too');
    await house.write('b', house.bytes(10));
    await house.run(publishLocalImage(core, points));
    await house.run(sweeper.sweep());
    assert.equal(core.skeleton.segment(asSegmentNumber(1)), null, 'now it may go');
    await house.close();
  });
});

test('a segment that somebody reads, uploads or rebuilds does not die', async () => {
  await House.with(fourDisks, async (house) => {
    house.quiet();
    await house.mount();
    const { core, sweeper } = house.volume;
    await house.save('a', house.bytes(100_000));
    await house.run(core.pool.sealAll());
    core.pin(asSegmentNumber(1));
    await house.remove('a');
    await house.run(house.volume.orphans.idle());
    sweeper.drop();
    assert.equal(core.skeleton.segment(asSegmentNumber(1))?.state, 'sealed');
    core.unpin(asSegmentNumber(1));
    sweeper.drop();
    assert.equal(core.skeleton.segment(asSegmentNumber(1))?.state, 'dead');
    await house.close();
  });
});

/** Enough records to move the journal into its next files. */
async function manyNames(house: House, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await house.write(`name-${i}-${'x'.repeat(150)}`, Buffer.alloc(0));
    if (i % 500 === 499) await house.sync();
  }
}
