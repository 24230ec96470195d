// Which flush conditions hold now, in words for logs and status. The schedule and "at unmount" are the daemon's: it owns the calendar.
import { secondsOf } from '../base/clock.js';
import type { VolumeCore } from './core.js';

/** Smaller steps are a clock that is being corrected. */
const clockStepSeconds = 60;

export function dueConditions(core: VolumeCore, fill: number): readonly string[] {
  const { flush } = core.thresholds;
  if (core.backup === null) return [];
  const backlog = core.skeleton.backlog();
  const reasons: string[] = [];
  if (core.keepsSecondCopy && core.room.pressed) reasons.push('the journal disks are nearly full, and only a flush makes room there');
  if (core.presenceLost) reasons.push('an object is missing in the backup');
  if (backlog.deltas === 0) return reasons;
  if (flush.bytes !== null && backlog.bytes >= flush.bytes) reasons.push(`bytes ${backlog.bytes} >= ${flush.bytes}`);
  if (flush.count !== null && backlog.deltas >= flush.count) reasons.push(`count ${backlog.deltas} >= ${flush.count}`);
  if (flush.fill !== null && fill >= flush.fill) reasons.push(`fill ${fill.toFixed(2)} >= ${flush.fill}`);
  // Whatever the conditions: writers are being slowed, and only a flush makes room.
  if (fill >= core.thresholds.budget.softShare) reasons.push(`soft mark of the budget: ${fill.toFixed(2)} >= ${core.thresholds.budget.softShare}`);
  if (flush.ageSeconds !== null && backlog.oldest !== null) {
    const age = Math.floor(secondsOf(core.ports.clock.now()) - secondsOf(backlog.oldest));
    // Nobody knows how old it is, and its age would not be reached until the clock is where it was.
    if (age < -clockStepSeconds) reasons.push(`the clock was set back: the oldest update is ${-age} s in the future`);
    if (age >= flush.ageSeconds) reasons.push(`age ${age} s >= ${flush.ageSeconds} s`);
  }
  // Once for each loss: what it laid bare is in the backup then, and later changes wait for the other conditions.
  const lost = core.disks.lost().filter((disk) => !core.flushedLosses.has(disk.path));
  if (flush.lostDisk && lost.length > 0) reasons.push(`lost disk ${lost.map((d) => d.path).join(', ')}`);
  return reasons;
}
