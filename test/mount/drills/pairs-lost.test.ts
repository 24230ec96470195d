// Drill 2: two of four disks are lost at once, for every pair, under both forms of the second redundancy. At that moment some files have
// a part only in the backup, some are overwritten and sealed but not flushed, and the newest bytes are only in the journal.
// Nothing is lost; the plan says beforehand what the rebuild then does; over all pairs every source was needed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RebuildReport } from '../../../src/recovery/contract.js';
import { bucketOrDirectory } from '../../support/drill-backup.js';
import type { LoopDisk } from '../../support/loop-disks.js';
import { Drill, type DrillRun, drillRuns } from '../../support/mounted.js';
import { copySystemFiles, GitInput, makeOddFiles, makeSegmentFiles, MiB, writeNoise } from '../../support/real-input.js';
import { assertSameTree, type Tree, treeOf } from '../../support/tree.js';

const allPairs = [0, 1, 2, 3].flatMap((a) => [0, 1, 2, 3].filter((b) => b > a).map((b) => [a, b] as const));
type Replacement = readonly [LoopDisk, LoopDisk];

const schemes = { parity: { words: [], journalDisks: 0 }, copy: { words: ['--scheme', 'copy'], journalDisks: 3 } } as const;

for (const run of drillRuns) {
  // What the scheme changes lies below the drivers.
  for (const scheme of run.driver === 'event-loop' ? (['parity', 'copy'] as const) : (['parity'] as const)) drillWith(run, scheme);
}

function drillWith({ driver, full, obstacle }: DrillRun, scheme: keyof typeof schemes): void {
  const { words, journalDisks } = schemes[scheme];
  /** In a hurry, two pairs that have no disk in common: each shard is lost once. */
  const pairs = full ? allPairs : allPairs.filter(([a, b]) => a + b === 3);
  describe(`two of four disks lost (${driver}, scheme ${scheme})`, { skip: obstacle ?? false }, () => {
    let drill: Drill;
    let git: GitInput;
    let tree: Tree;
    const used = { parity: 0, backup: 0, journal: 0 };

    before(async () => {
      drill = new Drill({ driver, journalDisks, init: words, ...(driver === 'event-loop' ? await bucketOrDirectory() : {}) });
      await drill.init();
      await drill.mount();
      const { mountPoint } = drill;
      copySystemFiles(join(mountPoint, 'system'), full ? 3_000 : driver === 'event-loop' ? 1_000 : 300);
      makeOddFiles(join(mountPoint, 'odd'), driver);
      git = new GitInput(join(mountPoint, 'git'));
      if (full) makeSegmentFiles(join(mountPoint, 'segments'));
      writeNoise(join(mountPoint, 'large'), (full ? 128 : 48) * MiB, 'large');
      await drill.flush();
    });
    after(() => drill.end());

    pairs.forEach(([a, b], round) => {
      test(`disks ${a + 1} and ${b + 1}`, async () => {
        change(round);
        await (round % 3 === 2 ? drill.umount() : drill.kill());
        const replace = losePair(a, b);
        // Every byte of every disk is looked at: in two rounds only.
        const untouched = round < 2 ? contentsOf(replace) : null;
        const plan = await drill.dryRun(replace);
        assert.equal(plan.dryRun, true);
        if (untouched !== null) assert.equal(contentsOf(replace), untouched, 'a plan writes nothing');
        const report = await drill.rebuild(replace);
        assertPlanned(plan, report);
        used.parity += report.fromParity.segments;
        used.backup += report.fromBackup.segments;
        used.journal += report.fromJournal.segments;
        await assertWhole(replace, report);
      });
    });

    test('with two disks missing it mounts and works on, and what was written then is as safe after the rebuild as all else', async () => {
      change(pairs.length);
      await drill.kill();
      const first = losePair(1, 3);
      await drill.mount();
      assertSameTree(tree, treeOf(drill.mountPoint));
      const status = await drill.status();
      assert.equal(status.state, 'degraded');
      assert.equal(status.redundancy.held, false);
      assert.deepEqual(status.disks.slice(0, 4).map((disk) => disk.state), ['healthy', 'missing', 'healthy', 'missing']);
      change(pairs.length + 1);
      await drill.umount();
      await assertWhole(first, await drill.rebuild(first));
      await drill.kill();
      const second = losePair(0, 2);
      await assertWhole(second, await drill.rebuild(second));
    });

    test('every source was needed', () => {
      assert.ok(used.backup > 0 && used.journal > 0, JSON.stringify(used));
      // Under `copy` every segment has a shard on each of four disks and one parity: two lost disks are always too many for it.
      assert.equal(used.parity > 0, scheme === 'parity', JSON.stringify(used));
    });

    /** They are gone from where they were; new ones stand ready. */
    function losePair(a: number, b: number): readonly Replacement[] {
      const lost = [drill.disk(a), drill.disk(b)];
      for (const disk of lost) disk.detach();
      return lost.map((disk) => [disk, drill.newDisk()]);
    }

    /** After a rebuild: nothing is lost, everything is protected, and nothing was written beside the disks. */
    async function assertWhole(replaced: readonly Replacement[], report: RebuildReport): Promise<void> {
      assert.deepEqual(report.lost, []);
      for (const [old] of replaced) assert.deepEqual(old.beneath(), [], 'nothing is written where the lost disk was mounted');
      await drill.mount();
      assertSameTree(tree, treeOf(drill.mountPoint));
      git.check();
      const status = await drill.status();
      assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
      assert.equal(status.redundancy.remainingTolerance, 2);
      assert.match(await drill.succeed('check', drill.name), /no findings/);
    }

    /** One digest over names, sizes, times and bytes of all that lies on the disks that are left, on the new ones, and in the backup if that is a directory. */
    function contentsOf(replaced: readonly Replacement[]): string {
      const lost = replaced.map(([old]) => old);
      const disks = [...drill.disks, ...drill.journalDisks, ...replaced.map(([, next]) => next)].filter((disk) => !lost.includes(disk));
      const script = 'for dir; do cd "$dir" && find . -printf "%P %s %T@\\n" | sort && find . -type f -print0 | sort -z | xargs -0 -r cat; done | sha1sum';
      return execFileSync('bash', ['-c', script, 'contents', ...disks.map((disk) => disk.path), drill.path('backup')], { encoding: 'utf8' });
    }

    /** Flushed data is there; on top of it an overwrite that fills segments, and at last a tail that is fsynced and not sealed. */
    function change(round: number): void {
      const { mountPoint } = drill;
      writeNoise(join(mountPoint, 'large'), 36 * MiB, `overwrite ${round}`, { offset: round * 6 * MiB + 777 });
      git.commit();
      writeNoise(join(mountPoint, `tail-${round}`), 300_000, `tail ${round}`, { fsync: true });
      tree = treeOf(mountPoint);
    }
  });
}

/** What the plan promised is what was done; what came back from the journal is packed anew, into fewer segments perhaps. */
function assertPlanned(plan: RebuildReport, report: RebuildReport): void {
  const both = JSON.stringify([plan, report]);
  for (const source of ['fromParity', 'fromBackup'] as const) assert.deepEqual(report[source], plan[source], `${source}: ${both}`);
  assert.ok(report.fromJournal.segments <= plan.fromJournal.segments && report.fromJournal.segments > 0 === plan.fromJournal.segments > 0, `fromJournal: ${both}`);
  assert.deepEqual(plan.lost, []);
}
