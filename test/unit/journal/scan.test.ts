// Recovery reads every copy once and nothing that was never written, and yet sees all there is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asLsn, NO_LSN } from '../../../src/base/ids.js';
import { FaultyDisk } from '../../../src/disk/faulty-disk.js';
import type { MemoryDisk } from '../../../src/disk/memory-disk.js';
import { recoverJournal } from '../../../src/journal/recovery.js';
import { silentLogger } from '../../../src/base/logger.js';
import { collect, JournalWorld, smallLimits, volume } from './journal-world.js';

const MiB = 1024 * 1024;
/** A group of 7,000 bytes of payload, in its file. */
const batchOnDisk = 8 * 1024;
const path = 'journal/00000001-000001.log';

function disk(world: JournalWorld, index: number): MemoryDisk {
  const found = world.disks[index];
  assert.ok(found !== undefined);
  return found;
}

/** Groups of one record with some bytes each; the process dies. */
async function killedWorld(groups: number, bytes: number, fileBytes: number): Promise<JournalWorld> {
  const world = new JournalWorld({ disks: 3, tolerance: 1, seed: 21, limits: { ...smallLimits, fileBytes } });
  const mounted = await world.mount();
  for (let group = 0; group < groups; group++) {
    world.append(mounted, bytes);
    await world.commit(mounted);
  }
  world.crash('process');
  return world;
}

test('recovery, replay, payload and healing read each copy about once, and not what was never written', async () => {
  const world = await killedWorld(500, 7_000, 3 * MiB);
  const written = 500 * batchOnDisk;
  const files = disk(world, 0).paths().filter((name) => name.endsWith('.log')).length;
  const before = world.disks.map((one) => one.counters().bytesRead);
  const recovered = await world.recover();
  assert.ok(await recovered.contains(recovered.end));
  assert.equal(await recovered.heal(NO_LSN, 2), 2);
  await recovered.settle();
  const next = recovered.retained.at(-1);
  for (const file of recovered.retained) assert.equal((await file.segments()).length > 0, file !== next, 'the last one was made in advance');
  const read = world.disks.map((one, index) => one.counters().bytesRead - (before[index] ?? 0));
  // A window may reach past the end of what was written in each file; the last group is copied.
  for (const index of [0, 1]) assert.ok((read[index] ?? 0) < written + files * MiB + 100_000, `${read[index]} bytes read of ${written}`);
  assert.ok((read[2] ?? 0) < 100_000, 'a disk without journal files is hardly read');
  await world.check(await world.recover());
});

test('a batch far behind bytes that were never written is seen: what lies before it is damage', async () => {
  const world = await killedWorld(3, 7_000, 8 * MiB);
  for (const index of [0, 1]) {
    const copy = disk(world, index);
    const bytes = await copy.readAll(path, 8 * MiB);
    copy.tamper(path, () => null);
    const log = await copy.openLog(path, 8 * MiB);
    // Header and first batch, then nothing, then the third batch where it was: the second is gone.
    await log.write(0, [bytes.subarray(0, 4096 + 8192)]);
    await log.write(4096 + 2 * 8192, [bytes.subarray(4096 + 2 * 8192, 4096 + 3 * 8192)]);
    await log.sync();
    await log.close();
    assert.equal(await copy.nextData(path, 4096 + 8192), 4096 + 2 * 8192);
  }
  await assert.rejects((async () => collect(await world.recover()))(), { code: 'journal-damaged' });
  // Where nothing follows, the same hole is a torn tail.
  for (const index of [0, 1]) disk(world, index).tamper(path, (bytes) => bytes.fill(0, 4096 + 2 * 8192));
  assert.equal((await world.recover()).end.lsn, 1);
});

test('zeros that were written hide nothing behind them', async () => {
  const world = await killedWorld(400, 7_000, 8 * MiB);
  const hole = (bytes: Buffer): Buffer => bytes.fill(0, 4096 + batchOnDisk * 10, 4096 + batchOnDisk * 350);
  disk(world, 0).tamper(path, hole);
  const healed = await world.recover();
  assert.equal(healed.end.lsn, 400);
  await world.check(healed);
  disk(world, 1).tamper(path, hole);
  await assert.rejects((async () => collect(await world.recover()))(), { code: 'journal-damaged' });
});

test('an unreadable place costs the batches around it, not the copy', async () => {
  const world = await killedWorld(300, 7_000, 8 * MiB);
  const bad = 4096 + batchOnDisk * 150 + 5000;
  const flaky = [0, 1, 2].map((index) => new FaultyDisk(disk(world, index)));
  const [first] = flaky;
  assert.ok(first !== undefined);
  first.decide = (call) => (call.operation === 'read' && call.path === path && call.offset <= bad && bad < call.offset + call.bytes ? { type: 'io' } : undefined);
  const recovered = await recoverJournal({ volume, disks: flaky, journalDisks: [], logger: silentLogger });
  assert.equal(recovered.end.lsn, 300);
  assert.equal((await collect(recovered)).length, 300);
  assert.equal(await recovered.heal(NO_LSN, 2), 2);
  first.decide = () => undefined;
  // Alone it would lack one batch, had it not been written again.
  disk(world, 1).tamper(path, () => null);
  const alone = await world.recover();
  assert.equal(alone.end.lsn, 300);
  await world.check(alone);
});

test('a batch of one megabyte and more goes through the window in pieces', async () => {
  const world = new JournalWorld({ disks: 3, tolerance: 1, seed: 22, limits: { fileBytes: 16 * MiB, batchBytes: 4 * MiB, batchRecords: 1_000 } });
  const mounted = await world.mount();
  for (const bytes of [3 * MiB + 17, 5, 2 * MiB, 6 * MiB]) {
    world.append(mounted, bytes);
    await world.commit(mounted);
  }
  world.crash('process');
  disk(world, 0).tamper(path, (bytes) => bytes.fill(1, 2 * MiB, 2 * MiB + 1));
  const recovered = await world.recover();
  await world.check(recovered);
  assert.equal(await recovered.heal(asLsn(0), 2), 2);
  disk(world, 1).tamper(path, () => null);
  await world.check(await world.recover());
});
