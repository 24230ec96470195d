// Parity comes back by itself: a disk that has been gone for `reprotect_after` costs nobody the next one, nor a word to the backup.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import type { SegmentRow } from '../../src/skeleton/contract.js';
import { Faults } from './support/faults.js';
import { fourDisks, House } from './support/house.js';

const minuteMs = 60_000;

function sealed(house: House): readonly SegmentRow[] {
  return house.volume.core.skeleton.segments(asSegmentNumber(0), 1_000, 'all').filter((row) => row.state === 'sealed' && row.live > 0);
}

/** Every segment has its two data shards and parity on disks in service. */
function whole(house: House): boolean {
  return sealed(house).every(({ layout, disks }) => layout?.k === 2 && layout.m === 1 && disks.length === 3 && disks.every((disk) => disk !== null && house.volume.core.disks.serves(disk)));
}

/** A house with files in the backup that loses a disk. */
async function afterFlushAndLoss(then: (house: House, faults: Faults, files: ReadonlyMap<string, Buffer>) => Promise<void>): Promise<void> {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const files = new Map<string, Buffer>();
    for (let file = 0; file < 30; file++) files.set(`f${file}`, house.bytes(30_000));
    for (const [name, bytes] of files) {
      await house.save(name, bytes);
      await house.run(house.volume.core.pool.sealAll());
    }
    await house.flush();
    assert.ok(sealed(house).every((row) => row.present), 'the backup has it');
    lose(house, faults, '/disk0');
    await then(house, faults, files);
  });
}

function lose(house: House, faults: Faults, path: string): void {
  const before = faults.decide;
  faults.decide = (disk, call) => (disk.path === path ? { type: 'gone' } : before(disk, call));
  const member = house.volume.core.disks.members.find((one) => one.path === path);
  house.volume.core.disks.fail(member?.disk?.id as never, new Error('gone'));
}

/** So many heartbeats, with time for what they begin. */
async function beats(house: House, count: number): Promise<void> {
  for (let beat = 0; beat < count; beat++) {
    await house.pass(1_000);
    await house.let(200);
  }
}

async function readAll(house: House, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [name, bytes] of files) await house.expect(name, bytes);
}

test('not before reprotect_after, and then all of it: the next disk may die, and the backup is not asked', async () => {
  await afterFlushAndLoss(async (house, faults, files) => {
    await house.pass(9 * minuteMs);
    assert.ok(!whole(house), 'it may come back');
    await house.pass(minuteMs);
    await beats(house, 20);
    assert.ok(whole(house));
    await house.pass(2 * minuteMs);
    await readAll(house, files);
    house.world.storeFault = () => 'error';
    lose(house, faults, '/disk1');
    await readAll(house, files);
    await house.check();
  });
});

test('"never" leaves it to rebuild, and what the configuration says later counts from then on', async () => {
  await afterFlushAndLoss(async (house) => {
    house.volume.reconfigure({ ...house.volume.core.thresholds, reprotectAfterSeconds: null });
    await house.pass(30 * minuteMs);
    assert.ok(!whole(house));
    house.volume.reconfigure({ ...house.volume.core.thresholds, reprotectAfterSeconds: 0 });
    await beats(house, 20);
    assert.ok(whole(house));
    await beats(house, 50);
    assert.ok(sealed(house).every((row) => (row.layout?.number ?? 0) <= 2), 'once is enough');
    await house.close();
  });
});

test('the power fails while parity is made again: every byte is there, and the next life ends the work', async () => {
  for (const steps of [5, 20, 50, 90, 140, 200]) {
    await afterFlushAndLoss(async (house, faults, files) => {
      house.settings = { ...house.settings, reprotectAfterSeconds: 0 };
      house.volume.reconfigure({ ...house.volume.core.thresholds, reprotectAfterSeconds: 0 });
      await house.let(steps);
      house.losePower();
      faults.none();
      house.world.absent.add('/disk0');
      await house.mount();
      await readAll(house, files);
      await beats(house, 20);
      assert.ok(whole(house), `${steps} steps`);
      house.world.storeFault = () => 'error';
      await readAll(house, files);
      await house.check();
      await house.close();
    });
  }
});

test('a disk that comes back too late: what it holds of the old layouts is removed, and it is used again', async () => {
  await afterFlushAndLoss(async (house, faults, files) => {
    house.volume.reconfigure({ ...house.volume.core.thresholds, reprotectAfterSeconds: 0 });
    await beats(house, 20);
    assert.ok(whole(house));
    await house.close();
    faults.none();
    await house.mount();
    await beats(house, 5);
    const late = house.volume.core.disks.members.find(({ path }) => path === '/disk0')?.disk;
    assert.ok(late != null && house.volume.core.disks.serves(late.id));
    const named = sealed(house).filter((row) => row.disks.includes(late.id)).length;
    let files0 = 0;
    for (const folder of await house.run(late.list('shards'))) files0 += (await house.run(late.list(`shards/${folder}`))).length;
    assert.equal(files0, named);
    await readAll(house, files);
    await house.check();
    await house.close();
  });
});

test('a full volume keeps the room that is left for its users', async () => {
  await afterFlushAndLoss(async (house) => {
    const { core } = house.volume;
    Object.defineProperty(core, 'nearlyFull', { get: () => true });
    await house.pass(20 * minuteMs);
    await beats(house, 20);
    assert.ok(!whole(house));
    await house.close();
  });
});
