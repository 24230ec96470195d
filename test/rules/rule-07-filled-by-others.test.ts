// Rule 7, when others fill the disks: the volume never fails, what is synced stays, the journal goes where there is room or uses what is
// prepared, who waits is told, and all goes on by itself when there is room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { journalPatienceMs } from '../../src/base/limits.js';
import type { WorldShape } from '../simulation/world.js';
import { fourDisks, House } from './support/house.js';

const small: WorldShape = { ...fourDisks, diskBytes: 8 * 1024 ** 2 };

test('others fill every disk to the last byte: the volume never fails, what is synced stays, and all goes on when there is room', async () => {
  await House.with(small, async (house) => {
    await house.mount();
    const bytes = house.bytes(20_000);
    await house.save('before', bytes);
    for (let file = 0; file < 300; file++) await house.write(`f${file}`, house.bytes(10));
    await house.sync();
    await house.fillByOthers();
    const { core } = house.volume;
    // Past all gates, as the volume's own records are: the journal is to meet the end.
    let full: unknown = null;
    for (let record = 0; full === null && record < 2_000; record++) {
      core.record({ type: 'attribute', ino: house.ino('before'), mode: 0o100600 + (record % 8), ctime: core.ports.clock.now() });
      try {
        await house.sync();
      } catch (error) {
        full = error;
      }
    }
    assert.ok(isErrorOf(full, 'full'), String(full));
    assert.equal(full.code, 'journal-full');
    assert.equal(core.failure, null, 'it has not failed');
    assert.ok(
      core.disks.members.every((member) => member.state === 'healthy'),
      'a full disk is no failed one',
    );
    await assert.rejects(house.write('refused', bytes), (error) => isErrorOf(error, 'full'));
    await house.expect('before', bytes);
    // Deleting waits for room as well, but not for ever: who deletes is told what to do.
    const waitsMs = core.ports.clock.monotonicMs();
    await assert.rejects(house.remove('f0'), (error) => isErrorOf(error, 'full') && error.code === 'journal-stuck');
    assert.ok(core.ports.clock.monotonicMs() - waitsMs >= journalPatienceMs, 'not before it was waited for');
    assert.equal(core.failure, null);
    await house.emptyByOthers();
    await house.until(() => !core.journal.full, 'the journal goes on by itself');
    await house.pass(2_000);
    await house.save('after', bytes);
    await house.remove('f0');
    assert.equal(core.journal.disks.length, 3, 'with all its copies');
    await house.check();
    house.losePower();
    await house.mount();
    await house.expect('before', bytes);
    await house.expect('after', bytes);
    await house.check();
    await house.close();
  });
});

test('one journal disk is full: the journal moves to the disk that has room', async () => {
  await House.with(small, async (house) => {
    house.unbudgeted();
    await house.mount();
    await house.save('before', house.bytes(20_000));
    const { core } = house.volume;
    const first = core.journal.disks[0];
    assert.ok(first !== undefined);
    await house.fillByOthers([...house.world.slots.values()].filter((disk) => disk.path === first.path));
    for (let round = 0; round < 300; round++) await house.save('more', house.bytes(5_000), (round % 4) * 5_000);
    assert.equal(core.failure, null);
    assert.ok(
      core.journal.disks.every((disk) => disk.path !== first.path),
      'not on the full one',
    );
    assert.equal(core.journal.disks.length, 3);
    await house.check();
    await house.close();
  });
});

test('all disks but one are full to the last byte: no term is begun that too few disks could take, and what is prepared goes on', async () => {
  await House.with(small, async (house) => {
    house.unbudgeted();
    await house.mount();
    await house.save('before', house.bytes(20_000));
    const { core } = house.volume;
    const { number } = core.generation;
    const held = new Set(core.journal.disks.map((disk) => disk.path));
    await house.fillByOthers([...house.world.slots.values()].filter((disk) => held.has(disk.path)));
    await house.pass(10_000);
    for (let round = 0; round < 20; round++) {
      await house.chmod('before', 0o100600 + (round % 8));
      await house.sync();
      await house.run(core.room.nextRelease());
    }
    assert.equal(core.generation.number, number);
    assert.equal(core.journal.full, false);
    await house.emptyByOthers();
    await house.pass(2_000);
    await house.save('after', house.bytes(20_000));
    await house.check();
    await house.close();
  });
});

test('a term that too few disks took is the one that is tried again, not a new one every time', async () => {
  await House.with(small, async (house) => {
    house.unbudgeted();
    await house.mount();
    await house.save('before', house.bytes(20_000));
    const { core } = house.volume;
    const { number } = core.generation;
    // A journal disk fails when all are full: the term must change, and cannot.
    await house.fillByOthers();
    const lost = core.journal.disks[0];
    assert.ok(lost !== undefined);
    core.disks.fail(lost.id, new Error('it smokes'));
    for (let round = 0; round < 20; round++) {
      await assert.rejects(house.sync(), (error) => isErrorOf(error, 'full'));
      await house.pass(1_000);
    }
    // One with the disk, as it was chosen before the others were known to be full, and one without.
    assert.ok(core.generation.number <= number + 2, `${core.generation.number - number} terms`);
    await house.emptyByOthers();
    await house.until(() => !core.journal.full, 'the journal goes on by itself');
    await house.pass(2_000);
    await house.save('after', house.bytes(20_000));
    house.losePower();
    await house.mount();
    assert.ok(house.has('after'));
    await house.check();
    await house.close();
  });
});

test('what full disks took with less redundancy has all of it soon after there is room', async () => {
  await House.with({ ...small, backup: false }, async (house) => {
    await house.mount();
    const { core } = house.volume;
    const tolerance = async (): Promise<number> => (await house.run(house.volume.status())).redundancy.remainingTolerance;
    await house.write('a', house.bytes(200_000));
    const [first, ...others] = house.world.slots.values();
    assert.ok(first !== undefined);
    await house.fillByOthers(others);
    await house.run(core.pool.sealAll());
    for (let beat = 0; beat < 10; beat++) await house.pass(1_000);
    assert.equal(await tolerance(), 0);
    await house.emptyByOthers();
    for (let beat = 0; beat < 10; beat++) {
      await house.pass(1_000);
      await house.let(200);
    }
    assert.equal(await tolerance(), 2);
    await house.check();
    await house.close();
  });
});

test('a term that was begun and could not be recorded: the one before it takes nothing more, whatever room comes back', async () => {
  await House.with(small, async (house) => {
    house.unbudgeted();
    await house.mount();
    house.stopHeart();
    await house.save('before', house.bytes(20_000));
    const { core } = house.volume;
    const slots = [...house.world.slots.values()];
    const held = new Set(core.journal.disks.map(({ path }) => path));
    const [first, second, third] = slots.filter((disk) => held.has(disk.path));
    const outside = slots.find((disk) => !held.has(disk.path));
    assert.ok(first !== undefined && second !== undefined && third !== undefined && outside !== undefined);
    const change = async (mode: number): Promise<void> => {
      house.volume.apply({ type: 'attribute', ino: house.ino('before'), mode, ctime: house.volume.clock.now() });
      await house.sync();
    };
    // Two of four disks are full: the journal goes on with two copies, and wants a third.
    await house.fillByOthers([first, second]);
    for (let round = 0; core.journal.disks.length > 2; round++) {
      await change(0o100600 + (round % 8));
      assert.ok(round < 2_000);
    }
    await house.emptyByOthers();
    await house.run(core.pool.refreshSpace());
    // It believes that there is room for one, and a single disk takes the list of terms.
    await house.fillByOthers([first, second, third]);
    await assert.rejects(change(0o100641), (error) => isErrorOf(error, 'full'));
    await house.run(core.pool.refreshSpace());
    await change(0o100642).catch((error: unknown) => assert.ok(isErrorOf(error, 'full'), String(error)));
    await house.emptyByOthers();
    await house.run(core.pool.refreshSpace());
    await change(0o100600);
    house.losePower();
    await house.mount();
    assert.equal(house.volume.view.inode(house.ino('before'))?.mode, 0o100600);
    await house.check();
    await house.close();
  });
});
