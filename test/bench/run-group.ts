// Runs one group of measurements: targets take turns, each on fresh disks, so that all see the same machine. One that is too slow for its
// budget is repeated less often. A peer that cannot do it is named; Holdfast and the native disk have to.
import type { Results } from './results.js';
import { say } from './scene.js';
import type { Target } from './target.js';

export interface Limits {
  readonly repeats: number;
  /** For one target. */
  readonly seconds: number;
}

export async function runGroup<Kind extends Target>(name: string, targets: readonly Kind[], limits: Limits, results: Results, group: (target: Kind) => Promise<void>): Promise<void> {
  const used = new Map<string, number>();
  for (let repeat = 1; repeat <= limits.repeats; repeat++) {
    say(`${name}, repeat ${repeat} of ${limits.repeats}`);
    for (const target of targets) {
      const before = used.get(target.name) ?? 0;
      if (repeat > 1 && before + before / (repeat - 1) > limits.seconds) continue;
      const begun = performance.now();
      try {
        await target.fresh();
        await group(target);
      } catch (error) {
        if (target.name === 'holdfast' || target.name === 'native') throw error;
        results.find(target.name, `${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      await target.down();
      used.set(target.name, before + (performance.now() - begun) / 1000);
    }
  }
}
