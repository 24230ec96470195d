// Rule 1: of all that the disks say, one history is true, and a disk that was away never brings back another one.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { skeletonPath } from '../../src/volume/skeleton-path.js';
import { Faults } from './support/faults.js';
import { fiveDisks, fourDisks, House } from './support/house.js';

test('what was written while a disk was away wins over what that disk remembers', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await house.save('a', house.bytes(100_000));
    await house.save('gone', house.bytes(3_000));
    await house.close();
    house.world.absent.add('/disk0');
    await house.mount();
    const bytes = house.bytes(100_000);
    await house.save('a', bytes);
    await house.remove('gone');
    await house.sync();
    house.kill();
    // It comes back, and two of those that know better are away now.
    house.world.absent.delete('/disk0');
    house.world.absent.add('/disk1').add('/disk2');
    await house.mount();
    await house.expect('a', bytes);
    assert.equal(house.has('gone'), false);
    await house.check();
    await house.close();
  });
});

test('a future that reached one disk only is void once the others went on without it', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    house.quiet();
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    const { journalDisks } = house.volume.core.generation;
    const alone = house.volume.core.disks.members.find((member) => member.disk?.id === journalDisks[0])?.path ?? '';
    faults.decide = (disk, call) => (call.operation === 'log-write' && disk.path !== alone ? { type: 'hang' } : undefined);
    await house.write('lost', bytes);
    void house.volume.sync().catch(() => null); // never answered
    await house.let(500);
    house.kill();
    faults.none();
    house.world.absent.add(alone);
    await house.mount();
    assert.equal(house.has('lost'), false);
    await house.save('b', bytes);
    house.kill();
    house.world.absent.clear();
    rmSync(skeletonPath(house.settings));
    await house.mount();
    assert.equal(house.has('lost'), false);
    await house.expect('a', bytes);
    await house.expect('b', bytes);
    await house.check();
    await house.close();
  });
});

test('too few disks of the last generation are refused, whatever older ones say', async () => {
  await House.with(fiveDisks, async (house) => {
    await house.mount();
    await house.close();
    house.world.absent.add('/disk0').add('/disk1').add('/disk2');
    await assert.rejects(house.mount(), (error) => isErrorOf(error, 'unavailable'));
    house.world.absent.delete('/disk2');
    await house.mount();
    await house.close();
  });
});

test('of two halves the backup accepts the one that came first, and together they are refused', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await house.close();
    house.world.absent.add('/disk2').add('/disk3');
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.close();
    const half = { absent: ['/disk0', '/disk1'] };
    house.world.absent.clear();
    for (const path of half.absent) house.world.absent.add(path);
    await assert.rejects(house.mount(), (error) => isErrorOf(error, 'conflict'), 'the backup knows of the other half');
    // That half has begun a generation of its own before it was refused: nothing was answered in it.
    house.world.absent.clear();
    house.world.absent.add('/disk2').add('/disk3');
    await house.mount();
    await house.expect('a', bytes);
    await house.close();
  });
});

test('a generation that began and answered nothing is no history', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    for (let life = 0; life < 4; life++) {
      house.kill();
      await house.mount();
    }
    await house.expect('a', bytes);
    await house.close();
  });
});
