// The calendar: the first scheduled time after the last root is due, and a clock that was set back is no reason to wait for it to come again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScheduleTrigger } from '../../../src/daemon/schedule-trigger.js';
import { HandClock } from './hand-clock.js';

const everyMinute = '* * * * *';

test('due at the next scheduled time after the last root, and again after each flush', async () => {
  const clock = new HandClock();
  const trigger = new ScheduleTrigger(clock, clock.now().sec);
  assert.equal(trigger.reason(everyMinute, true), null);
  await clock.pass(61_000);
  assert.equal(trigger.reason(everyMinute, true), `schedule ${everyMinute}`);
  trigger.flushed();
  assert.equal(trigger.reason(everyMinute, true), null);
  assert.equal(trigger.reason(null, true), null);
});

test('a last root from the future counts as one of now', async () => {
  const clock = new HandClock();
  const trigger = new ScheduleTrigger(clock, clock.now().sec + 365 * 86_400);
  assert.equal(trigger.reason(everyMinute, true), null);
  await clock.pass(61_000);
  assert.equal(trigger.reason(everyMinute, true), `schedule ${everyMinute}`);
});
