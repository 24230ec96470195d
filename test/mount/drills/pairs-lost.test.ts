// Drill 2: two of four disks are lost at once, for every pair, under both forms of the second redundancy. At that moment some files have
// a part only in the backup, some are overwritten and sealed but not flushed, and the newest bytes are only in the journal.
// Nothing is lost; the plan says beforehand what the rebuild then does; over all pairs every source was needed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RebuildReport } from '../../../src/recovery/contract.js';
import type { LoopDisk } from '../../support/loop-disks.js';
import { Drill, drillObstacle, fullProfile } from '../../support/mounted.js';
import { copySystemFiles, GitInput, makeOddFiles, makeSegmentFiles, MiB, writeNoise } from '../../support/real-input.js';
import { assertSameTree, type Tree, treeOf } from '../../support/tree.js';

const pairs = [0, 1, 2, 3].flatMap((a) => [0, 1, 2, 3].filter((b) => b > a).map((b) => [a, b] as const));
const schemes = { parity: { words: [], journalDisks: 0 }, copy: { words: ['--scheme', 'copy'], journalDisks: 3 } } as const;

for (const [scheme, { words, journalDisks }] of Object.entries(schemes)) {
  describe(`two of four disks lost, scheme ${scheme}`, { skip: drillObstacle ?? false }, () => {
    let drill: Drill;
    let git: GitInput;
    let tree: Tree;
    const used = { parity: 0, backup: 0, journal: 0 };

    before(async () => {
      drill = new Drill({ journalDisks, init: words });
      await drill.init();
      await drill.mount();
      const { mountPoint } = drill;
      copySystemFiles(join(mountPoint, 'system'), fullProfile ? 30_000 : 1_000);
      makeOddFiles(join(mountPoint, 'odd'));
      git = new GitInput(join(mountPoint, 'git'));
      if (fullProfile) makeSegmentFiles(join(mountPoint, 'segments'));
      writeNoise(join(mountPoint, 'large'), (fullProfile ? 1024 : 96) * MiB, 'large');
      await drill.flush();
    });
    after(() => drill.end());

    pairs.forEach(([a, b], round) => {
      test(`disks ${a + 1} and ${b + 1}`, async () => {
        change(round);
        await (round % 3 === 2 ? drill.umount() : drill.kill());
        const lost = [drill.disk(a), drill.disk(b)];
        for (const disk of lost) disk.detach();
        const replace = lost.map((disk) => [disk, drill.newDisk()] as const);

        const untouched = contentsOf([...drill.disks, ...drill.journalDisks].filter((disk) => !lost.includes(disk)), drill.path('backup'));
        const plan = await drill.dryRun(replace);
        assert.equal(plan.dryRun, true);
        assert.equal(contentsOf([...drill.disks, ...drill.journalDisks].filter((disk) => !lost.includes(disk)), drill.path('backup')), untouched, 'a plan writes nothing');
        for (const [, next] of replace) assert.deepEqual(next.beneath(), [], 'not to the new disks either');

        const report = await drill.rebuild(replace);
        assert.deepEqual(report.lost, []);
        assertPlanned(plan, report);
        used.parity += report.fromParity.segments;
        used.backup += report.fromBackup.segments;
        used.journal += report.fromJournal.segments;
        for (const disk of lost) assert.deepEqual(disk.beneath(), [], 'nothing is written where the lost disk was mounted');

        await drill.mount();
        assertSameTree(tree, treeOf(drill.mountPoint));
        git.check();
        const status = await drill.status();
        assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
        assert.equal(status.redundancy.remainingTolerance, 2);
        assert.match(await drill.succeed('check', drill.name), /no findings/);
      });
    });

    test('every source was needed', () => {
      assert.ok(used.parity > 0 && used.backup > 0 && used.journal > 0, JSON.stringify(used));
    });

    /** Flushed data is there; on top of it an overwrite that fills segments, and at last a tail that is fsynced and not sealed. */
    function change(round: number): void {
      const { mountPoint } = drill;
      writeNoise(join(mountPoint, 'large'), 40 * MiB, `overwrite ${round}`, { offset: round * 8 * MiB + 777 });
      git.commit();
      writeNoise(join(mountPoint, `tail-${round}`), 300_000, `tail ${round}`, { fsync: true });
      tree = treeOf(mountPoint);
    }
  });
}

/** What the plan promised is what was done. Of un-sealed segments the plan counts what is alive, the rebuild all that it read. */
function assertPlanned(plan: RebuildReport, report: RebuildReport): void {
  const counts = ({ fromParity, fromBackup, fromJournal, lost }: RebuildReport): object => ({ fromParity, fromBackup, fromJournal: fromJournal.segments, lost });
  assert.deepEqual(counts(plan), counts(report));
}

/** One digest over names, sizes, times and bytes of all that lies there. */
function contentsOf(disks: readonly LoopDisk[], backup: string): string {
  const script = 'for dir; do cd "$dir" && find . -printf "%P %s %T@\\n" | sort && find . -type f -print0 | sort -z | xargs -0 -r cat; done | sha256sum';
  return execFileSync('bash', ['-c', script, 'contents', ...disks.map((disk) => disk.path), backup], { encoding: 'utf8' });
}
