// Rule 7, the journal's part: it never meets the end of a disk by what the volume does. Changes wait for images that release it; where
// nothing can be released they are refused, deleting goes on, and the volume never fails. What others fill comes back by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { journalFilesKept, journalPatienceMs } from '../../src/base/limits.js';
import type { WorldShape } from '../simulation/world.js';
import { fourDisks, House } from './support/house.js';
import { Logs } from './support/logs.js';

const MiB = 1024 * 1024;
const small: WorldShape = { ...fourDisks, diskBytes: 8 * MiB };
const smallCopy: WorldShape = { ...small, scheme: 'copy' };

/** No disk ever told the journal that it is full. */
function neverFull(house: House, logs: Logs): void {
  const { core } = house.volume;
  assert.equal(core.failure, null);
  assert.deepEqual(logs.lines.filter(({ fields, text }) => /is full|a journal disk failed/.test(text + JSON.stringify(fields))), []);
  if (core.keepsSecondCopy) return;
  for (const { id } of core.journal.disks) assert.ok(core.journal.usedOn(id) <= journalFilesKept * core.journal.fileBytes, `${core.journal.usedOn(id)} bytes`);
}

async function chmod(house: House, name: string, mode: number): Promise<void> {
  await house.admitted(0);
  house.volume.apply({ type: 'attribute', ino: house.ino(name), mode, ctime: house.volume.clock.now() });
}

/** What is not in the backup holds nobody up. */
function unbudgeted(house: House): void {
  house.settings = { ...house.settings, budget: { ...house.settings.budget, bytes: 1024 * MiB } };
}

/** Journal bytes that were written so far, on the disk that took most. */
const written = (house: House): number => Math.max(...house.volume.core.disks.present().map((disk) => disk.counters().bytesWritten));

/** Where there is no room for the data, the volume gets time to give some back. */
async function saved(house: House, name: string, bytes: Buffer, offset: number): Promise<void> {
  for (let round = 0; round < 50; round++) {
    try {
      return await house.save(name, bytes, offset);
    } catch (error) {
      if (!isErrorOf(error, 'full') || error.code !== 'volume-full') throw error;
      await house.pass(20_000);
    }
  }
  throw new Error(`${name}: no room came back`);
}

async function filled(house: House, bytes: Buffer): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const name = `fill-${names.length}`;
    try {
      await house.write(name, bytes);
    } catch (error) {
      assert.ok(isErrorOf(error, 'full'), String(error));
      return names;
    }
    names.push(name);
  }
}

test('saturating changes and fsyncs on a full volume go round the journal many times and never meet the end of a disk', async () => {
  const logs = new Logs();
  await House.with(
    small,
    async (house) => {
      unbudgeted(house);
      await house.mount();
      const names = await filled(house, house.bytes(100_000));
      await house.run(house.volume.core.pool.sealAll());
      const stormBefore = written(house);
      for (let round = 0; written(house) - stormBefore < 2 * journalFilesKept * house.volume.core.journal.fileBytes; round++) {
        await chmod(house, names[round % names.length] ?? '', 0o100600 + (round % 8));
        await house.sync();
        neverFull(house, logs);
        assert.ok(round < 5_000);
      }
      for (const name of names.slice(0, 10)) await house.remove(name);
      const before = written(house);
      const room = journalFilesKept * house.volume.core.journal.fileBytes;
      for (let round = 0; written(house) - before < 4 * room; round++) {
        await saved(house, 'kept', house.bytes(9_000), (round % 3) * 9_000);
        neverFull(house, logs);
        assert.ok(round < 5_000);
      }
      await house.check();
      await house.close();
      await house.mount();
      await house.check();
      await house.close();
    },
    1,
    logs.logger,
  );
});

test('a storm of changed modes waits for images, also when a trickle of bytes keeps every file of the journal needed', async () => {
  const logs = new Logs();
  await House.with(
    small,
    async (house) => {
      await house.mount();
      for (let file = 0; file < 50; file++) await house.write(`f${file}`, house.bytes(10));
      await house.sync();
      const before = written(house);
      const room = journalFilesKept * house.volume.core.journal.fileBytes;
      for (let round = 0; written(house) - before < 4 * room; round++) {
        for (let change = 0; change < 20; change++) await chmod(house, `f${change}`, 0o100600 + (round % 8));
        await house.save('trickle', house.bytes(10), round * 10);
        neverFull(house, logs);
        assert.ok(round < 5_000);
      }
      await house.check();
      await house.close();
    },
    2,
    logs.logger,
  );
});

for (const [name, shape] of [
  ['parity', small],
  ['copy', smallCopy],
] as const) {
  test(`scheme ${name}: while nothing can be released, changes are refused after a while, deleting and syncing go on, and later all goes on`, async () => {
    const logs = new Logs();
    await House.with(
      shape,
      async (house) => {
        unbudgeted(house);
        await house.mount();
        const bytes = house.bytes(5_000);
        for (let file = 0; file < 200; file++) await house.write(`old${file}`, house.bytes(10));
        await house.save('kept', bytes);
        const { core } = house.volume;
        // A flush that sends its image away, endlessly.
        let release = (): void => {};
        const held = core.imageLock.run(() => new Promise<void>((resolve) => (release = resolve)));
        const startMs = core.ports.clock.monotonicMs();
        let refused: unknown = null;
        let rounds = 0;
        for (; refused === null && rounds < 20_000; rounds++) {
          try {
            await house.save('kept', bytes);
          } catch (error) {
            refused = error;
          }
        }
        assert.ok(isErrorOf(refused, 'full'), String(refused));
        assert.equal(refused.code, 'journal-room', refused.message);
        assert.ok(core.ports.clock.monotonicMs() - startMs >= journalPatienceMs, 'not before it was waited for');
        for (let file = 0; file < 50; file++) {
          await house.remove(`old${file}`);
          if (file % 5 === 0) await house.sync();
        }
        neverFull(house, logs);
        release();
        await house.run(held);
        if (name === 'copy') await house.flush();
        for (let round = 0; core.room.short && round < 50; round++) await house.pass(5_000);
        await house.save('again', bytes);
        await house.expect('kept', bytes);
        neverFull(house, logs);
        await house.check();
        await house.close();
        await house.mount();
        await house.expect('kept', bytes);
        await house.expect('again', bytes);
        assert.ok(!house.has('old0') && house.has('old60'));
        await house.close();
      },
      3,
      logs.logger,
    );
  });
}

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
    unbudgeted(house);
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
