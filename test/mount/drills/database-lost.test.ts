// Drill 3: the live database is a cache. Deleted, overwritten with garbage or cut, after an orderly end and after kill -9:
// the next mount makes it again by itself, and the tree is what it was.
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Drill, drillObstacle, fullProfile } from '../../support/mounted.js';
import { copySystemFiles, makeOddFiles, noise, writeNoise } from '../../support/real-input.js';
import { assertSameTree, type Tree, treeOf } from '../../support/tree.js';

const damages: Readonly<Record<string, (database: string) => void>> = {
  deleted: (database) => rmSync(database),
  'overwritten with garbage': (database) => writeFileSync(database, noise(statSync(database).size, 'garbage')),
  'with garbage in its middle': (database) => {
    const file = openSync(database, 'r+');
    const { size } = statSync(database);
    const garbage = noise(Math.min(size >> 1, 1 << 20), 'garbage');
    writeSync(file, garbage, 0, garbage.length, Math.floor((size - garbage.length) / 2 / 4096) * 4096);
    closeSync(file);
  },
  'cut in half': (database) => truncateSync(database, statSync(database).size >> 1),
  empty: (database) => truncateSync(database, 0),
};

describe('the live database is lost', { skip: drillObstacle ?? false }, () => {
  let drill: Drill;
  let tree: Tree;
  let rounds = 0;

  before(async () => {
    drill = new Drill();
    await drill.init();
    await drill.mount();
    copySystemFiles(join(drill.mountPoint, 'system'), fullProfile ? 3_000 : 1_000);
    makeOddFiles(join(drill.mountPoint, 'odd'));
    await drill.flush();
    change();
  });
  after(() => drill.end());

  /** Each round has something that no image knows yet. */
  function change(): void {
    const { mountPoint } = drill;
    writeNoise(join(mountPoint, 'written'), 3_000_000, `round ${rounds}`, { offset: rounds * 1_000_000, fsync: true });
    copyFileSync(join(mountPoint, 'odd/linked'), join(mountPoint, `copy-${rounds}`));
    writeNoise(join(mountPoint, 'fsynced'), 100, `round ${rounds}`, { fsync: true });
    rounds++;
    tree = treeOf(mountPoint);
  }

  for (const end of ['an orderly unmount', 'kill -9'] as const) {
    for (const [damage, apply] of Object.entries(damages).slice(0, end === 'kill -9' && !fullProfile ? 3 : undefined)) {
      test(`${damage} after ${end}`, async () => {
        await (end === 'kill -9' ? drill.kill() : drill.umount());
        apply(drill.liveDatabase);
        await drill.mount();
        assertSameTree(tree, treeOf(drill.mountPoint));
        const status = await drill.status();
        assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
        assert.equal(status.redundancy.remainingTolerance, 2);
        assert.match(await drill.succeed('check', drill.name), /no findings/);
        change();
      });
    }
  }
});
