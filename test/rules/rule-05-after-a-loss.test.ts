// Rule 5: after a disk is lost, protection is made whole by itself, and status says exactly what is left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Faults } from './support/faults.js';
import { fiveDisks, fourDisks, House } from './support/house.js';
import type { WorldShape } from '../simulation/world.js';

const withoutBackup: WorldShape = { ...fiveDisks, backup: false };

async function remaining(house: House): Promise<number> {
  return (await house.run(Promise.resolve(house.volume.status()))).redundancy.remainingTolerance;
}

/** Every choice of `count` of the paths. */
function choices(paths: readonly string[], count: number): readonly (readonly string[])[] {
  if (count === 0) return [[]];
  return paths.flatMap((path, index) => choices(paths.slice(index + 1), count - 1).map((rest) => [path, ...rest]));
}

/** The machine dies together with these disks; the survivors give every byte, or (`false`) not all. */
async function survives(house: House, faults: Faults, gone: readonly string[], files: ReadonlyMap<string, Buffer>): Promise<boolean> {
  house.losePower();
  faults.none();
  for (const path of gone) house.world.absent.add(path);
  try {
    await house.mount();
    for (const [name, bytes] of files) if (!(await house.read(name)).equals(bytes)) return false;
    await house.close();
    return true;
  } catch {
    return false;
  }
}

test('a disk dies under load, a flush is due, and then tolerance more may go', async () => {
  await House.with(fiveDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(200_000);
    await house.save('a', bytes);
    faults.decide = (disk) => (disk.path === '/disk0' ? { type: 'gone' } : undefined);
    const tail = house.bytes(3_000);
    await house.save('b', tail);
    await house.pass(20_000);
    assert.ok(house.volume.due().some((reason) => reason.startsWith('lost disk')), 'a flush is due');
    await house.flush();
    const last = house.bytes(3_000);
    await house.save('c', last);
    await house.pass(5_000);
    house.losePower();
    faults.none();
    house.world.absent.add('/disk0').add('/disk1').add('/disk2');
    await house.mount();
    await house.expect('a', bytes);
    await house.expect('b', tail);
    await house.expect('c', last);
    await house.close();
  });
});

test('what was not synced again before the loss is on tolerance + 1 disks soon after it, without another write', async () => {
  await House.with(fiveDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    const [victim] = house.volume.core.generation.journalDisks;
    const path = house.volume.core.disks.members.find((member) => member.disk?.id === victim)?.path ?? '';
    faults.decide = (disk) => (disk.path === path ? { type: 'gone' } : undefined);
    const { core } = house.volume;
    await house.until(() => !core.generation.journalDisks.includes(victim as never), 'the journal goes to other disks');
    await house.until(() => !core.protectionDue, 'what was there before is copied');
    await house.let(2_000);
    assert.equal(core.journalCopies, null, 'to enough of them');
    house.losePower();
    faults.none();
    house.world.absent.add(path);
    const others = [...house.world.slots.keys()].filter((other) => other !== path).slice(0, 2);
    for (const other of others) house.world.absent.add(other);
    await house.mount();
    await house.expect('a', bytes);
    await house.close();
  });
});

/** A house that has lost a disk under load, `beats` seconds ago. */
async function afterLoss(shape: WorldShape, beats: number, then: (house: House, faults: Faults, files: ReadonlyMap<string, Buffer>) => Promise<void>): Promise<void> {
  await House.with(shape, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const files = new Map([
      ['a', house.bytes(200_000)],
      ['b', house.bytes(90_000)],
    ]);
    for (const [name, bytes] of files) await house.save(name, bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    if (beats === 0) house.stopHeart();
    faults.decide = (disk) => (disk.path === '/disk0' ? { type: 'gone' } : undefined);
    house.volume.core.disks.fail(house.volume.core.disks.members[0]?.disk?.id as never, new Error('gone'));
    for (let beat = 0; beat < beats; beat++) await house.pass(1_000);
    await then(house, faults, files);
  });
}

test('without a backup, sealed segments are written anew after a loss: tolerance more disks may go, whichever they are', async () => {
  for (const gone of choices(['/disk1', '/disk2', '/disk3', '/disk4'], 2)) {
    await afterLoss(withoutBackup, 30, async (house, faults, files) => {
      assert.equal(await remaining(house), 2, 'protection is whole again by itself');
      assert.equal(await survives(house, faults, ['/disk0', ...gone], files), true, gone.join(' '));
    });
  }
});

test('status says exactly how many disks may go, right after the loss and later', async () => {
  for (const beats of [0, 30]) {
    let allowed = 0;
    await afterLoss(withoutBackup, beats, async (house) => {
      allowed = await remaining(house);
    });
    assert.equal(allowed, beats === 0 ? 1 : 2);
    const others = ['/disk1', '/disk2', '/disk3', '/disk4'];
    const outcome = async (gone: readonly string[]): Promise<boolean> => {
      let whole = false;
      await afterLoss(withoutBackup, beats, async (house, faults, files) => {
        whole = await survives(house, faults, ['/disk0', ...gone], files);
      });
      return whole;
    };
    for (const gone of choices(others, allowed)) assert.equal(await outcome(gone), true, `${beats}: ${gone.join(' ')} may go`);
    const further = await Promise.all([outcome(others.slice(0, allowed + 1))]);
    assert.deepEqual(further, [false], `${beats}: one more may not`);
  }
});

test('with a backup that answers a flush goes first, and nothing is written twice', async () => {
  await afterLoss(fiveDisks, 3, async (house) => {
    assert.equal(await remaining(house), 1, 'the flush is waited for');
    await house.flush();
    assert.equal(await remaining(house), 2);
    await house.pass(60_000);
    await house.let(500);
    assert.equal(house.volume.core.skeleton.segments(0 as never, 100, 'all').every((row) => row.layout?.number === 1), true, 'no second layout');
  });
});

test('a backup that does not answer is not waited for', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    house.world.storeFault = () => 'error';
    await house.mount();
    const bytes = house.bytes(200_000);
    await house.save('a', bytes);
    await house.run(house.volume.core.pool.sealAll());
    faults.decide = (disk) => (disk.path === '/disk0' ? { type: 'gone' } : undefined);
    for (let beat = 0; beat < 10; beat++) {
      await house.save('b', house.bytes(100));
      await house.pass(1_000);
      await house.let(200);
    }
    assert.equal(await remaining(house), 2);
    assert.equal(await survives(house, faults, ['/disk0', '/disk1', '/disk2'], new Map([['a', bytes]])), true);
  });
});

test('a disk that is away at the mount: what is not in the backup is made as safe as it can be on the others', async () => {
  await House.with(withoutBackup, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(200_000);
    await house.save('a', bytes);
    await house.close();
    house.world.absent.add('/disk3');
    await house.mount();
    for (let beat = 0; beat < 10; beat++) {
      await house.pass(1_000);
      await house.let(200);
    }
    assert.equal(await remaining(house), 2);
    assert.equal(await survives(house, faults, ['/disk3', '/disk0', '/disk1'], new Map([['a', bytes]])), true);
  });
});
