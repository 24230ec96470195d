// When flushes start by themselves: conditions, calendar, one at a time, and longer waits after failures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { defaultSettings, type FlushSettings } from '../../../src/config/settings.js';
import { type TriggeredVolume, Triggers } from '../../../src/daemon/triggers.js';
import type { FlushReport } from '../../../src/volume/contract.js';
import { HandClock, settle } from './hand-clock.js';

const report: FlushReport = { root: null, deltas: 7, files: 3, bytes: 4096, segmentsUploaded: 1, imageBytes: 100, lacks: { segments: 0, ranges: [], more: false }, elapsedMs: 5 };

class FakeVolume implements TriggeredVolume {
  readonly clock = new HandClock();
  dueNow: string[] = [];
  writersWait = false;
  deltas = 1;
  flushes = 0;
  failing: HoldfastError | null = null;
  gate: Promise<void> = Promise.resolve();
  readonly view = { lastRoot: () => null };

  due(): readonly string[] {
    return this.dueNow;
  }

  backlog(): { deltas: number; files: number; bytes: number; oldest: null } {
    return { deltas: this.deltas, files: 1, bytes: 1, oldest: null };
  }

  async flush(): Promise<FlushReport> {
    this.flushes += 1;
    await this.gate;
    if (this.failing !== null) throw this.failing;
    return report;
  }
}

function started(volume: FakeVolume, schedule: string | null = null): Triggers {
  const flush: FlushSettings = { ...defaultSettings('x', '/x').flush, schedule };
  const triggers = new Triggers(volume, () => flush, silentLogger);
  triggers.start();
  return triggers;
}

test('nothing is flushed while no condition holds, and soon after one does', async () => {
  const volume = new FakeVolume();
  const triggers = started(volume);
  await volume.clock.pass(10_000);
  assert.equal(volume.flushes, 0);
  volume.dueNow = ['bytes 2 >= 1'];
  await volume.clock.pass(1_000);
  assert.equal(volume.flushes, 1);
  assert.deepEqual({ ok: triggers.last?.ok, reason: triggers.last?.reason, deltas: triggers.last?.deltas }, { ok: true, reason: 'bytes 2 >= 1', deltas: 7 });
  await triggers.stop();
});

test('a flush that runs is not joined by a second one, and stop waits for it', async () => {
  const volume = new FakeVolume();
  let open: () => void = () => {};
  volume.gate = new Promise((resolve) => {
    open = resolve;
  });
  volume.dueNow = ['x'];
  const triggers = started(volume);
  await volume.clock.pass(5_000);
  assert.equal(volume.flushes, 1);
  assert.equal(triggers.flushing, true);
  let stopped = false;
  const stopping = triggers.stop().then(() => {
    stopped = true;
  });
  await settle();
  assert.equal(stopped, false);
  open();
  await stopping;
  await volume.clock.pass(60_000);
  assert.equal(volume.flushes, 1);
});

test('after a failure the next try waits, twice as long each time, and a success resets that', async () => {
  const volume = new FakeVolume();
  volume.dueNow = ['x'];
  volume.failing = new HoldfastError('unavailable', 'the bucket is away', { code: 'store-unavailable' });
  const triggers = started(volume);
  await volume.clock.pass(1_000);
  assert.equal(volume.flushes, 1);
  assert.equal(triggers.last?.error, 'the bucket is away');
  await volume.clock.pass(9_000);
  assert.equal(volume.flushes, 1);
  await volume.clock.pass(2_000);
  assert.equal(volume.flushes, 2);
  await volume.clock.pass(18_000);
  assert.equal(volume.flushes, 2);
  volume.failing = null;
  await volume.clock.pass(1_000);
  assert.equal(volume.flushes, 3);
  assert.equal(triggers.last?.ok, true);
  await volume.clock.pass(1_000);
  assert.equal(volume.flushes, 4);
  await triggers.stop();
});

test('after many failures the bucket is still asked every ten minutes', async () => {
  const volume = new FakeVolume();
  volume.dueNow = ['x'];
  volume.failing = new HoldfastError('unavailable', 'away', { code: 'store-unavailable' });
  const triggers = started(volume);
  await volume.clock.pass(3 * 3_600_000);
  const before = volume.flushes;
  await volume.clock.pass(3_600_000);
  assert.ok(volume.flushes - before >= 5, `${volume.flushes - before} tries in an hour`);
  await triggers.stop();
});

test('while writers wait for it a flush that failed is tried again every half minute', async () => {
  const volume = new FakeVolume();
  volume.dueNow = ['x'];
  volume.failing = new HoldfastError('unavailable', 'away', { code: 'store-unavailable' });
  const triggers = started(volume);
  await volume.clock.pass(3 * 3_600_000);
  volume.writersWait = true;
  const before = volume.flushes;
  await volume.clock.pass(10 * 60_000);
  assert.ok(volume.flushes - before >= 18 && volume.flushes - before <= 21, `${volume.flushes - before} tries in ten minutes`);
  await triggers.stop();
});

test('the schedule is due once at its time, and not before, and not for nothing', async () => {
  const volume = new FakeVolume();
  const triggers = started(volume, '*/10 * * * *');
  await volume.clock.pass(11 * 60_000);
  assert.equal(volume.flushes, 1);
  assert.equal(triggers.last?.reason, 'schedule */10 * * * *');
  await volume.clock.pass(10 * 60_000);
  assert.equal(volume.flushes, 2);
  volume.deltas = 0;
  await volume.clock.pass(60 * 60_000);
  assert.equal(volume.flushes, 2);
  volume.deltas = 1;
  await volume.clock.pass(1_000);
  assert.equal(volume.flushes, 2, 'a time that passed with nothing to do is not made up for');
  await triggers.stop();
});
