// What a disk's meter says of operations: the recent ones only, and slow time counted once however many wait side by side.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskMeter } from '../../../src/disk/disk-meter.js';
import { HandClock } from '../daemon/hand-clock.js';

test('median and 99th percentile of what is recent, reads apart from durable writes', async () => {
  const clock = new HandClock();
  const meter = new DiskMeter(clock);
  assert.deepEqual(meter.latency(), { read: null, write: null });
  for (let ms = 1; ms <= 100; ms++) meter.ended('read-cells', ms);
  meter.ended('log-write-durably', 7);
  meter.ended('list', 9_000_000);
  assert.deepEqual(meter.latency(), { read: { operations: 100, medianMs: 51, p99Ms: 100 }, write: { operations: 1, medianMs: 7, p99Ms: 7 } });
  await clock.pass(299_000);
  meter.ended('read', 3);
  await clock.pass(2_000);
  assert.deepEqual(meter.latency(), { read: { operations: 1, medianMs: 3, p99Ms: 3 }, write: null });
  for (let count = 0; count < 2_000; count++) meter.ended('read', 5);
  assert.equal(meter.latency().read?.operations, 512);
});

test('slow time is that of the clock: waits side by side are one, quick operations none, and it is forgotten after five minutes', async () => {
  const clock = new HandClock();
  const meter = new DiskMeter(clock);
  await clock.pass(10_000);
  for (let count = 0; count < 50; count++) meter.ended('read-cells', 10_000);
  assert.equal(meter.slowMs(), 10_000);
  await clock.pass(4_000);
  meter.ended('create', 3_000);
  meter.ended('create', 1_999);
  assert.equal(meter.slowMs(), 13_000);
  await clock.pass(331_000);
  assert.equal(meter.slowMs(), 0);
});
