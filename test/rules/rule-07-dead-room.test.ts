// Rule 7, who meets a full volume: what was deleted before is room for what is written after, without anybody waiting for the heartbeat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { journalPatienceMs } from '../../src/base/limits.js';
import type { WorldShape } from '../simulation/world.js';
import { fourDisks, House } from './support/house.js';

const MiB = 1024 * 1024;
const small: WorldShape = { ...fourDisks, diskBytes: 8 * MiB };
const fileBytes = 200_000;

/** The volume, filled to the last file; what is not in the backup holds nobody up. */
async function filled(house: House): Promise<string[]> {
  house.unbudgeted();
  await house.mount();
  const names: string[] = [];
  for (;;) {
    const name = `fill-${names.length}`;
    if (!(await fits(house, name))) {
      await house.remove(name);
      return names;
    }
    names.push(name);
  }
}

async function fits(house: House, name: string): Promise<boolean> {
  try {
    await house.save(name, house.bytes(fileBytes));
    return true;
  } catch (error) {
    assert.ok(isErrorOf(error, 'full') && error.code === 'volume-full', String(error));
    return false;
  }
}

test('files can be deleted and written anew on a full volume, round after round, and nobody is refused', async () => {
  await House.with(small, async (house) => {
    house.quiet();
    const names = await filled(house);
    assert.ok(names.length >= 20, `${names.length} files`);
    for (let round = 0; round < 5; round++) {
      for (const name of names) await house.remove(name);
      for (const name of names.slice(0, -4)) assert.ok(await fits(house, name), `round ${round}: ${name}`);
      for (const name of names.slice(-4)) if (!(await fits(house, name))) await house.remove(name);
      for (const name of names) if (!house.has(name)) await house.write(name, Buffer.alloc(0));
    }
    // The last names were only written: a power loss may take them.
    await house.sync();
    await house.check();
    house.losePower();
    await house.mount();
    for (const name of names) assert.ok(house.has(name));
    await house.check();
    await house.close();
  });
});

test('where nothing was deleted nobody waits', async () => {
  await House.with(small, async (house) => {
    await filled(house);
    while (await fits(house, 'last')) await house.remove('last');
    const { clock } = house.volume.core.ports;
    for (let round = 0; round < 3; round++) {
      const before = clock.monotonicMs();
      await assert.rejects(house.write('more', house.bytes(32 * 1024 * 8)), (error) => isErrorOf(error, 'full'));
      assert.ok(clock.monotonicMs() - before < 1_000);
    }
    await house.close();
  });
});

test('while nothing can be given back it is waited for, but not for ever; when it can, all goes on', async () => {
  await House.with(small, async (house) => {
    const names = await filled(house);
    const { core } = house.volume;
    // A flush that sends its image away.
    let release = (): void => {};
    const held = core.imageLock.run(() => new Promise<void>((resolve) => (release = resolve)));
    for (const name of names) await house.remove(name);
    const before = core.ports.clock.monotonicMs();
    let count = 0;
    while (await fits(house, `new-${count}`)) count++;
    assert.ok(count < names.length, `${count} of ${names.length}`);
    assert.ok(core.ports.clock.monotonicMs() - before >= journalPatienceMs, 'not before it was waited for');
    const refusedMs = core.ports.clock.monotonicMs();
    assert.equal(await fits(house, 'other'), false);
    assert.ok(core.ports.clock.monotonicMs() - refusedMs < 1_000, 'the next one does not wait again');
    release();
    await house.run(held);
    for (let round = 0; core.pool.freeBytes() < fileBytes; round++) {
      assert.ok(round < 500, 'the heartbeat gives it back');
      await house.pass(1_000);
    }
    for (const name of names.slice(count + 4, -4)) assert.ok(await fits(house, name), name);
    await house.check();
    await house.close();
  });
});

test('others have filled the disks to the last byte, and no image can be made: nobody waits for the room of the deleted until one can', async () => {
  await House.with(small, async (house) => {
    const names = await filled(house);
    // In one beat: what is deleted now is still there when the disks are full.
    for (const name of names) await house.remove(name);
    await house.fillByOthers();
    const { core } = house.volume;
    await house.run(core.pool.refreshSpace());
    const before = core.ports.clock.monotonicMs();
    assert.equal(await fits(house, 'new'), false);
    assert.equal(await fits(house, 'other'), false);
    assert.ok(core.ports.clock.monotonicMs() - before < journalPatienceMs / 4, `${core.ports.clock.monotonicMs() - before} ms`);
    await house.emptyByOthers();
    await house.pass(20_000);
    for (const name of names.slice(0, -4)) assert.ok(await fits(house, name), name);
    await house.check();
    await house.close();
  });
});

test('writers that wait for a flush on disks that are full are refused when the flush fails for want of room, and go on when there is some', async () => {
  await House.with(small, async (house) => {
    house.quiet();
    house.settings = { ...house.settings, budget: { ...house.settings.budget, bytes: MiB } };
    await house.mount();
    await house.save('late', Buffer.alloc(0));
    // The flush will have to seal it.
    await house.write('kept', house.bytes(100 * 1024));
    await house.fillByOthers();
    const { core } = house.volume;
    await house.run(core.pool.refreshSpace());
    core.thresholds = { ...core.thresholds, budget: { ...core.thresholds.budget, bytes: 64 * 1024 } };
    const parked = house.volume.admit(1024);
    assert.ok(parked !== null, 'it waits for a flush');
    let woken = false;
    void parked.then(() => (woken = true));
    await house.let(500);
    assert.equal(woken, false);
    await assert.rejects(house.flush());
    await house.run(parked);
    await assert.rejects(house.write('late', house.bytes(fileBytes)), (error) => isErrorOf(error, 'full') && error.code === 'volume-full');
    await house.emptyByOthers();
    await house.run(core.pool.refreshSpace());
    await house.flush();
    await house.save('late', house.bytes(32 * 1024));
    await house.check();
    await house.close();
  });
});

test('a volume is closed while writes wait for room', async () => {
  await House.with(small, async (house) => {
    house.quiet();
    const names = await filled(house);
    const { core } = house.volume;
    let release = (): void => {};
    const held = core.imageLock.run(() => new Promise<void>((resolve) => (release = resolve)));
    for (const name of names) await house.remove(name);
    const late = house.write('late', house.bytes(fileBytes)).then(
      () => 'written',
      (error: unknown) => (isErrorOf(error, 'full') ? 'full' : String(error)),
    );
    await house.until(() => core.deadRoom.wanted, 'it waits');
    const closed = house.volume.close();
    release();
    await house.run(held);
    await house.run(closed);
    assert.match(await late, /^(written|full|.*closed.*)$/);
    await house.mount();
    await house.check();
    await house.close();
  });
});
