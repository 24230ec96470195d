// When a flush is due by age, also when the clock was set back: an oldest update from the future is no reason to wait for years.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSettings } from '../../../src/config/settings.js';
import type { VolumeCore } from '../../../src/volume/core.js';
import { dueConditions } from '../../../src/volume/due.js';
import { HandClock } from '../daemon/hand-clock.js';

function dueWith(oldestBeforeNow: number): readonly string[] {
  const clock = new HandClock();
  const { flush, budget } = defaultSettings('photos', '/s');
  const parts = {
    backup: {},
    presenceLost: false,
    flushedLosses: new Set(),
    disks: { lost: () => [] },
    ports: { clock },
    skeleton: { backlog: () => ({ deltas: 1, files: 1, bytes: 1, oldest: { sec: clock.now().sec - oldestBeforeNow, nsec: 0 } }) },
    thresholds: { flush, budget },
  };
  return dueConditions(parts as unknown as VolumeCore, 0); // what the function looks at
}

test('age counts from the oldest update; a small correction of the clock is nothing', () => {
  assert.deepEqual(dueWith(3599), []);
  assert.deepEqual(dueWith(3601), ['age 3601 s >= 3600 s']);
  assert.deepEqual(dueWith(-30), []);
});

test('an update from the future makes a flush due, and the reason says why', () => {
  assert.deepEqual(dueWith(-86_400), ['the clock was set back: the oldest update is 86400 s in the future']);
});
