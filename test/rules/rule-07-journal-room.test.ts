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

/** No disk ever told the journal that it is full: that it has no room for data is another thing, and said. */
function neverFull(house: House, logs: Logs): void {
  const { core } = house.volume;
  assert.equal(core.failure, null);
  assert.deepEqual(logs.lines.filter(({ fields, text }) => !/^disk \S+ is full$/.test(text) && /is full|a journal disk failed/.test(text + JSON.stringify(fields))), []);
  if (core.keepsSecondCopy) return;
  for (const { id } of core.journal.disks) assert.ok(core.journal.usedOn(id) <= journalFilesKept * core.journal.fileBytes, `${core.journal.usedOn(id)} bytes`);
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
      house.unbudgeted();
      await house.mount();
      const names = await filled(house, house.bytes(100_000));
      await house.run(house.volume.core.pool.sealAll());
      const stormBefore = written(house);
      for (let round = 0; written(house) - stormBefore < 2 * journalFilesKept * house.volume.core.journal.fileBytes; round++) {
        await house.chmod(names[round % names.length] ?? '', 0o100600 + (round % 8));
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
        for (let change = 0; change < 20; change++) await house.chmod(`f${change}`, 0o100600 + (round % 8));
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
        house.unbudgeted();
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
