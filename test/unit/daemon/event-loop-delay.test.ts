// How late the event loop was is seen from outside of it.
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { EventLoopDelay } from '../../../src/daemon/event-loop-delay.js';

test('a turn of 100 ms is the largest delay, give or take one tick of the timer', async () => {
  const delay = new EventLoopDelay();
  try {
    // The first tick begins the count.
    while (delay.read().largestMs === 0) await nextTurn();
    const end = performance.now() + 100;
    while (performance.now() < end);
    while (delay.read().largestMs < 80) await nextTurn();
    assert.ok(delay.read().largestMs >= delay.read().p99Ms && delay.read().p99Ms >= delay.read().medianMs);
  } finally {
    delay.stop();
  }
});
