// Rule 8: what the backup is believed to hold is looked for again and again, at bounded cost; what it lost is taken back, loudly,
// and is there again after the next flush. A damaged object is replaced by the right bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import { checkOpen } from '../../src/recovery/check.js';
import { fourDisks, House } from './support/house.js';
import { Logs } from './support/logs.js';

const hourMs = 3_600_000;
const damage: readonly (readonly [string, (house: House, key: string) => Promise<void>])[] = [
  ['is gone', (house, key) => house.run(house.world.store.delete([key]))],
  ['is shorter', async (house, key) => house.world.store.damage(key, (bytes) => bytes.subarray(0, bytes.length - 4096))],
  ['is cut short in its header', async (house, key) => house.world.store.damage(key, (bytes) => Buffer.concat([Buffer.alloc(200, 1), bytes.subarray(300)]))],
];

function objects(house: House): readonly string[] {
  return house.world.store.keys().filter((key) => key.startsWith('segments/'));
}

function present(house: House): readonly boolean[] {
  return house.volume.core.skeleton.segments(asSegmentNumber(0), 100, 'all').map((row) => row.present);
}

/** A flushed file of several segments; the look that follows a flush is over. */
async function flushed(house: House): Promise<Buffer> {
  await house.mount();
  const bytes = house.bytes(200_000);
  await house.write('a', bytes);
  await house.flush();
  assert.ok(objects(house).length >= 3);
  assert.ok(present(house).every(Boolean));
  return bytes;
}

for (const [what, harm] of damage) {
  test(`an object that ${what} is missed within hours though nobody reads it, and is whole again after the flush that is due`, async () => {
    const logs = new Logs();
    await House.with(
      fourDisks,
      async (house) => {
        const bytes = await flushed(house);
        const [victim] = objects(house);
        assert.ok(victim !== undefined);
        const whole = await house.run(house.world.store.get(victim));
        await harm(house, victim);
        for (let hour = 0; hour < 3; hour++) await house.pass(hourMs);
        await house.until(() => !present(house).every(Boolean), 'it is missed');
        assert.ok(logs.told('error', /backup lost the object/), 'loudly');
        assert.deepEqual(house.volume.due(), ['an object is missing in the backup']);
        await house.flush();
        assert.ok((await house.run(house.world.store.get(victim))).equals(whole), 'the same object again');
        assert.deepEqual(house.volume.due(), []);
        await house.expect('a', bytes);
        await house.close();
      },
      1,
      logs.logger,
    );
  });
}

test('what was missed is protected like all that is not in the backup until it is there again', async () => {
  await House.with(fourDisks, async (house) => {
    const bytes = await flushed(house);
    house.world.storeFault = (operation, key) => (operation === 'put' && key.startsWith('segments/') ? 'full' : null);
    await house.run(house.world.store.delete([...objects(house)]));
    for (let hour = 0; hour < 3; hour++) await house.pass(hourMs);
    await house.until(() => !present(house).some(Boolean), 'all are missed');
    await assert.rejects(house.flush());
    for (let beat = 0; beat < 60; beat++) await house.pass(1_000);
    const { remainingTolerance } = (await house.run(house.volume.status())).redundancy;
    assert.equal(remainingTolerance, 2);
    house.losePower();
    house.world.absent.add('/disk0').add('/disk1');
    await house.mount();
    await house.expect('a', bytes);
    house.world.storeFault = () => null;
    await house.flush();
    await house.close();
  });
});

test('what was missed is not forgotten by a restart', async () => {
  await House.with(fourDisks, async (house) => {
    await flushed(house);
    await house.run(house.world.store.delete([...objects(house)]));
    for (let hour = 0; hour < 3; hour++) await house.pass(hourMs);
    await house.until(() => !present(house).some(Boolean), 'all are missed');
    await house.close();
    await house.mount();
    assert.deepEqual(house.volume.due(), ['an object is missing in the backup']);
    await house.flush();
    assert.ok(objects(house).length >= 3);
    await house.close();
  });
});

test('an empty directory where the backup is not mounted has lost nothing', async () => {
  const logs = new Logs();
  await House.with(
    fourDisks,
    async (house) => {
      await flushed(house);
      const keys = house.world.store.keys();
      await house.run(house.world.store.delete([...keys]));
      for (let hour = 0; hour < 3; hour++) await house.pass(hourMs);
      await house.let(2_000);
      assert.ok(present(house).every(Boolean));
      assert.ok(logs.told('warn', /could not be looked at/));
      house.kill();
    },
    1,
    logs.logger,
  );
});

test('a look costs a few listings, and not every flush looks', async () => {
  await House.with(fourDisks, async (house) => {
    const listings: string[] = [];
    house.world.storeFault = (operation, key) => {
      if (key.startsWith('segments/') && operation !== 'put') listings.push(`${operation} ${key}`);
      return null;
    };
    await flushed(house);
    assert.deepEqual(listings, ['list segments/0/']);
    await house.write('b', house.bytes(1_000));
    await house.flush();
    assert.equal(listings.length, 1, 'not within the hour');
    await house.pass(2 * hourMs);
    await house.let(500);
    const looks = listings.length;
    assert.ok(looks <= 4, `${looks} listings in two hours`);
    await house.close();
  });
});

test('a wrong byte in an object is found by reading it all, and replaced', async () => {
  await House.with(fourDisks, async (house) => {
    const bytes = await flushed(house);
    const [victim] = objects(house);
    assert.ok(victim !== undefined);
    const whole = await house.run(house.world.store.get(victim));
    house.world.store.damage(victim, (object) => {
      object[object.length - 5_000] = (object[object.length - 5_000] ?? 0) ^ 1;
      return object;
    });
    assert.deepEqual((await house.run(checkOpen(house.volume, { backup: true, readData: false }))).findings, [], 'a listing cannot show it');
    const { findings } = await house.run(checkOpen(house.volume, { backup: true, readData: true }));
    assert.equal(findings.length, 1);
    assert.match(findings[0]?.detail ?? '', /uploaded again by the next flush \(\/?a\)/);
    await house.flush();
    assert.ok((await house.run(house.world.store.get(victim))).equals(whole));
    assert.deepEqual((await house.run(checkOpen(house.volume, { backup: true, readData: true }))).findings, []);
    await house.expect('a', bytes);
    await house.close();
  });
});

test('a damaged object is not replaced by a machine that owns the backup no more', async () => {
  await House.with(fourDisks, async (house) => {
    await flushed(house);
    const [victim] = objects(house);
    assert.ok(victim !== undefined);
    house.world.store.damage(victim, (object) => object.subarray(0, 5_000));
    const segment = house.volume.core.skeleton.segments(asSegmentNumber(0), 1, 'all')[0];
    assert.ok(segment !== undefined);
    house.volume.core.record({ type: 'presence', segment: segment.segment, present: false });
    // Another owner claims in the moment before the object is put.
    let claimed = false;
    house.world.storeFault = (operation, key) => {
      if (operation === 'put' && key === victim && !claimed) {
        claimed = true;
        const last = house.world.store.keys().filter((name) => name.startsWith('roots/')).at(-1) ?? '';
        const next = `roots/${(Number(last.slice(6)) + 1).toString().padStart(10, '0')}`;
        void house.world.store.put(next, [Buffer.from('somebody else')], { ifAbsent: true });
      }
      return null;
    };
    await assert.rejects(house.flush(), /another owner/);
    assert.equal((await house.run(house.world.store.get(victim))).length, 5_000, 'it is as it was');
    await house.close();
  });
});
