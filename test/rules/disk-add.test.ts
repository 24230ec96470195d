// A disk is added to a volume in use: it takes part at once, and wherever the work is cut short the volume mounts, with the disk or
// without it, and nothing is lost. The list of disks of the House stands for the configuration file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorldShape } from '../simulation/world.js';
import { configured } from './support/configured.js';
import { type Death, dieAt } from './support/deaths.js';
import { Faults } from './support/faults.js';
import { fourDisks, House, oneDisk, threeDisks } from './support/house.js';

const path = '/new';

const named = (house: House): boolean => house.settings.disks.some((disk) => disk.path === path);

/** Of a mounted house. */
function isMember(house: House): boolean {
  const { disks, generation } = house.volume.core;
  const member = disks.members.find((one) => one.path === path);
  return member?.state === 'healthy' && member.disk !== null && generation.members.includes(member.disk.id);
}

test('from then on segments, journal and labels know it, and it counts in the promise', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const old = house.bytes(150_000);
    await house.save('old', old);
    house.world.insertDisk(path);
    const report = await house.run(house.volume.addDisk(path, configured(house)));
    assert.ok(report.after.totalBytes > report.before.totalBytes && report.after.freeBytes > report.before.freeBytes);
    assert.ok(named(house) && isMember(house));
    const bytes = house.bytes(200_000);
    await house.save('a', bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    const rows = house.volume.core.skeleton.segmentsOn(report.id, 0 as never, 100);
    assert.ok(rows.length > 0 && rows.some((row) => row.layout?.k === 3), 'new segments are as wide as the disks are many');
    const status = await house.run(Promise.resolve(house.volume.status()));
    assert.match(status.redundancy.promise, /any 2 of 5 disks/);
    assert.equal(status.redundancy.remainingTolerance, 2);
    // It is one of those that may go, without warning, together with another.
    house.losePower();
    house.world.absent.add(path).add('/disk1');
    await house.mount();
    await house.expect('old', old);
    await house.expect('a', bytes);
    await house.close();
  });
});

const shapes: readonly WorldShape[] = [fourDisks, threeDisks, oneDisk, { ...fourDisks, backup: false }];

for (const shape of shapes) {
  for (const how of ['kill', 'power'] as const satisfies readonly Death[]) {
    test(`${shape.disks} disks, tolerance ${shape.tolerance}, ${shape.backup ? 'a backup' : 'no backup'}: ended by ${how} at each place of it, the volume mounts and the add can be done again`, async () => {
      const seen = new Set<string>();
      for (let nth = 1; ; nth++) {
        const done = await cutShort(shape, nth, how);
        if (done === null) break;
        seen.add(done);
      }
      for (const place of [
        'disk-add-labelled-before-configured',
        'disk-add-configured-before-member',
        'disk-add-listed-before-term',
        'journal-failed-before-generation',
        'journal-generation-before-rewrite',
        'disk-add-member-before-label',
        'between-labels',
      ]) {
        assert.ok(seen.has(place), `${place} was visited`);
      }
    });
  }
}

async function cutShort(shape: WorldShape, nth: number, how: Death): Promise<string | null> {
  let diedAt: string | null = null;
  await House.with(
    shape,
    async (house) => {
      await house.mount();
      const old = house.bytes(90_000);
      await house.save('old', old);
      house.stopHeart();
      house.world.insertDisk(path);
      diedAt = await dieAt(
        house,
        nth,
        how,
        () => true,
        () => house.volume.addDisk(path, configured(house)),
      );
      if (diedAt === null) return;
      const why = `${nth}: ${diedAt}`;
      await house.mount();
      if (!named(house)) await house.run(house.volume.addDisk(path, configured(house)));
      assert.ok(isMember(house), why);
      await house.expect('old', old, why);
      const bytes = house.bytes(90_000);
      await house.save('a', bytes);
      await house.check();
      house.losePower();
      for (const gone of [path, '/disk0'].slice(0, shape.tolerance)) house.world.absent.add(gone);
      await house.mount();
      await house.expect('old', old, why);
      await house.expect('a', bytes, why);
      await house.close();
    },
    nth,
  );
  return diedAt;
}

test('a disk that fails while it is added is not named, and the volume goes on without it', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    house.world.insertDisk(path);
    faults.decide = (disk, call) => (disk.path === path && call.operation === 'replace' ? { type: 'gone' } : undefined);
    await assert.rejects(house.run(house.volume.addDisk(path, configured(house))), { kind: 'unavailable' });
    assert.equal(named(house), false);
    assert.equal(house.volume.core.disks.members.length, 4);
    const bytes = house.bytes(50_000);
    await house.save('a', bytes);
    faults.none();
    await house.run(house.volume.addDisk(path, configured(house)));
    assert.ok(isMember(house), 'tried again it is taken as it is');
    await house.close();
    await house.mount();
    await house.expect('a', bytes);
    await house.close();
  });
});

test('what is a member already, also under another name, is refused', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await assert.rejects(house.run(house.volume.addDisk('/disk1', configured(house))), { code: 'disk-is-member' });
    await house.close();
  });
});

test('what was lost with a disk comes back onto a new one by itself', async () => {
  await House.with({ ...fourDisks, backup: false }, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    faults.decide = (disk) => (disk.path === '/disk0' || disk.path === '/disk1' ? { type: 'gone' } : undefined);
    const bytes = house.bytes(150_000);
    await house.save('a', bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.pass(5_000);
    const remaining = async (): Promise<number> => (await house.run(Promise.resolve(house.volume.status()))).redundancy.remainingTolerance;
    assert.equal(await remaining(), 1, 'two disks are left');
    house.world.insertDisk(path);
    await house.run(house.volume.addDisk(path, configured(house)));
    for (let beat = 0; beat < 10; beat++) {
      await house.pass(1_000);
      await house.let(200);
    }
    assert.equal(await remaining(), 2);
  });
});
