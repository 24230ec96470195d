// Death at every named position: the action takes the power away from all disks at that moment and throws.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setFailpointAction } from '../../../src/base/failpoint.js';
import { JournalWorld } from './journal-world.js';

const names = [
  'journal-file-opened-before-header',
  'journal-collected-before-write',
  'journal-written-before-sync',
  'journal-synced-before-answer',
  'journal-failed-before-generation',
  'journal-generation-before-rewrite',
  'journal-release-before-remove',
  'journal-heal-between-batches',
];

after(() => setFailpointAction(undefined));

/** Two mounts with a failing disk, a release and healing; may end in the middle. */
async function story(world: JournalWorld, crashed: () => boolean): Promise<void> {
  for (let round = 0; round < 2 && !crashed(); round++) {
    const mounted = await world.mount();
    for (let i = 0; i < 12 && !crashed(); i++) {
      if (i === 6) world.flaky[round]?.faults.add(round === 0 ? 'sync' : 'write');
      world.append(mounted, i % 2 === 0 ? 6000 : 0);
      world.append(mounted);
      await world.commit(mounted);
      if (i % 4 === 3) await world.release(mounted);
    }
    if (!crashed()) world.crash('process');
    // A copy that heal has to write.
    for (const path of world.disks[2]?.paths().filter((name) => name.endsWith('.log')) ?? []) world.disks[2]?.tamper(path, () => null);
  }
}

for (const name of names) {
  for (const times of [1, 2, 5]) {
    test(`power loss at ${name}, time ${times}: everything acknowledged is there`, async () => {
      const world = new JournalWorld({ disks: 4, tolerance: 1, seed: times });
      let passed = 0;
      let crashed = false;
      const died = new Promise<void>((resolve) => {
        setFailpointAction((at) => {
          if (at !== name || crashed || ++passed < times) return;
          crashed = true;
          world.crash('power');
          resolve();
          throw new Error(`death at ${at}`);
        });
      });
      const told = story(world, () => crashed).catch((error: unknown) => {
        if (!crashed) throw error;
      });
      await Promise.race([told, died]);
      setFailpointAction(undefined);
      if (times === 1) assert.ok(crashed, 'the story passes this position');
      await world.check(await world.recover());
      const mounted = await world.mount();
      world.append(mounted);
      await world.commit(mounted);
      await world.check(await world.recover());
    });
  }
}
