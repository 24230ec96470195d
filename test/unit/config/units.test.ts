// Sizes, durations, key lines and schedules as people write them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyLines } from '../../../src/config/key-lines.js';
import { nearestName } from '../../../src/config/nearest.js';
import { nextScheduled, scheduleProblem } from '../../../src/config/schedule.js';
import { exactBytes, exactDuration, formatBytes, formatDuration, parseBytes, parseDurationMs } from '../../../src/config/units.js';

test('sizes are read with binary and decimal units, and nothing else is a size', () => {
  assert.equal(parseBytes('10 GiB'), 10 * 1024 ** 3);
  assert.equal(parseBytes('1.5TB'), 1.5e12);
  assert.equal(parseBytes(4096), 4096);
  for (const wrong of ['', '10 Gib', '-1 GiB', 'GiB', '1 GiB 2', '1e3', '9999999 PiB']) assert.equal(parseBytes(wrong), null, wrong);
});

test('durations are read in their units, plain numbers as seconds', () => {
  assert.equal(parseDurationMs('1 h'), 3_600_000);
  assert.equal(parseDurationMs('250 ms'), 250);
  assert.equal(parseDurationMs(90), 90_000);
  for (const wrong of ['1 hour', 'h', '1:30']) assert.equal(parseDurationMs(wrong), null, wrong);
});

test('exact sizes and durations read back as the same number', () => {
  for (const bytes of [1, 1024, 1536, 12345, 5 * 1024 ** 3]) assert.equal(parseBytes(exactBytes(bytes)), bytes);
  for (const ms of [1, 1500, 60_000, 5_400_000, 86_400_000]) assert.equal(parseDurationMs(exactDuration(ms)), ms);
});

test('sizes and durations print short', () => {
  assert.equal(formatBytes(1536), '1.5 KiB');
  assert.equal(formatBytes(0), '0 B');
  assert.equal(formatDuration(0.44), '0.4 s');
  assert.equal(formatDuration(3725), '1 h 2 min');
  assert.equal(formatDuration(86_400), '1 d');
});

test('keys are found in tables, dotted, quoted and after lists over several lines', () => {
  const lines = keyLines('a = 1\nlist = [\n  "x = 1", # ]\n]\n[flush] # hm\nbytes = 1\n"age" = 2\n[x.y]\nz.w = 3\n');
  assert.deepEqual(
    [...lines],
    [
      ['a', 1],
      ['list', 2],
      ['flush', 5],
      ['flush.bytes', 6],
      ['flush.age', 7],
      ['x.y', 8],
      ['x.y.z.w', 9],
    ],
  );
});

test('the nearest name is a typo away, not a different word', () => {
  assert.equal(nearestName('tolerence', ['parity', 'tolerance']), 'tolerance');
  assert.equal(nearestName('colour', ['parity', 'tolerance']), null);
});

test('a schedule says what is wrong with it and when it is next due', () => {
  assert.equal(scheduleProblem('0 3 * * *'), null);
  assert.notEqual(scheduleProblem('61 * * * *'), null);
  const start = new Date(2031, 4, 5, 12, 0, 0).getTime() / 1000;
  assert.equal(nextScheduled('0 3 * * *', start), new Date(2031, 4, 6, 3, 0, 0).getTime() / 1000);
});
