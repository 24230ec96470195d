// Drill 1: parity 1, four disks, and one of them goes while programs write, read, copy and compare. None of them notices.
// Status tells the truth at each step; a rebuild onto a new disk makes the volume whole, so whole that the next two may go.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, describe, test } from 'node:test';
import type { DiskLoss, LoopDisk } from '../../support/loop-disks.js';
import { Load } from '../../support/load.js';
import { Drill, type DrillRun, drillRuns } from '../../support/mounted.js';
import { copySystemFiles, GitInput, makeOddFiles, MiB, writeNoise } from '../../support/real-input.js';
import { assertSameTree, type Tree, treeOf } from '../../support/tree.js';

for (const run of drillRuns) for (const loss of lossesOf(run)) drillWith(run, loss);

function lossesOf({ driver, full }: DrillRun): readonly DiskLoss[] {
  if (driver === 'fuse-native') return ['pulled'];
  return full ? ['errors', 'cut', 'pulled'] : ['errors', 'pulled'];
}

function drillWith({ driver, full, obstacle }: DrillRun, loss: DiskLoss): void {
  describe(`one of four disks lost under load (${driver}, ${loss})`, { skip: obstacle ?? false }, () => {
    const loadMs = full ? 4_000 : 2_000;
    const drill = obstacle === null ? new Drill({ driver }) : null;
    let load: Load | null = null;
    let lost: LoopDisk;
    let tree: Tree;

    after(async () => {
      await load?.end();
      await drill?.end();
    });

    /** Not null: the suite is skipped otherwise. */
    function volume(): Drill {
      assert.ok(drill !== null);
      return drill;
    }

    test('reads and writes go on without an error, and status says what is missing', async () => {
      const { mountPoint } = volume();
      await volume().init();
      await volume().mount();
      copySystemFiles(join(mountPoint, 'reading'), 400);
      if (full) copySystemFiles(join(mountPoint, 'system'), 3_000);
      makeOddFiles(join(mountPoint, 'odd'), driver);
      new GitInput(join(mountPoint, 'git')).commit();
      writeNoise(join(mountPoint, 'large'), (full ? 128 : 32) * MiB, 'large');
      await volume().flush();
      const whole = await volume().status();
      assert.equal(whole.state, 'serving', whole.redundancy.reasons.join('; '));
      assert.equal(whole.redundancy.remainingTolerance, 2);

      // Only here, and on all four disks: the loss of one is the loss of one of its two spare shards.
      writeNoise(join(mountPoint, 'not-flushed'), 40 * MiB, 'not flushed', { fsync: true });
      const before = treeOf(mountPoint);
      load = new Load(join(mountPoint, 'load'), join(mountPoint, 'reading'), volume().path('stop'));
      await delay(loadMs);
      load.assertRunning();
      lost = volume().disk(2);
      lost.lose(loss);
      const rows = load.rows;
      await delay(loadMs);
      load.assertRunning();
      assert.ok(load.rows > rows, 'commits are still answered');
      const status = await degraded();
      assert.deepEqual(status.disks.map((disk) => disk.state === 'healthy'), [true, true, false, true], JSON.stringify(status.disks));
      assert.notEqual(status.disks[2]?.reason, '');
      assert.equal(status.redundancy.held, false);
      // One until what is only here is written anew for three disks, which begins at once and has no end while the load adds to it.
      assert.ok([1, 2].includes(status.redundancy.remainingTolerance), `${status.redundancy.remainingTolerance} more may be lost`);
      await load.stop();
      // What is beside the load is as it was, read without the lost disk.
      assertSameTree(withoutRoot(before), withoutRoot(treeOf(mountPoint, ['./load'])));
      // Written while the disk is away: it must be as safe as all else after the rebuild.
      writeNoise(join(mountPoint, 'while-away'), 40 * MiB, 'while away', { fsync: true });
      tree = treeOf(mountPoint);
    });

    if (loss === 'pulled') test('rebuild onto a new disk makes it whole while programs work on', rebuildUnderLoad);
    else test('rebuild onto a new disk makes it whole', rebuildUnmounted);

    test('then two others may go, and nothing of what was written meanwhile is lost', async () => {
      await volume().kill();
      const replace = [volume().disk(0), volume().disk(3)].map((disk) => [disk, volume().newDisk()] as const);
      for (const [disk] of replace) disk.detach();
      const report = await volume().rebuild(replace);
      assert.deepEqual(report.lost, []);
      await volume().mount();
      assertSameTree(tree, treeOf(volume().mountPoint));
    });

    async function rebuildUnmounted(): Promise<void> {
      await volume().umount();
      lost.detach();
      const offline = await volume().status();
      assert.equal(offline.disks[2]?.state, 'missing');
      const replace = [[lost, volume().newDisk()]] as const;
      const plan = await volume().dryRun(replace);
      assert.ok(plan.fromParity.segments > 0);
      assert.equal(plan.fromBackup.segments + plan.lost.length, 0, 'one lost disk needs no backup');
      const report = await volume().rebuild(replace);
      assert.deepEqual(report.lost, []);
      assert.ok(report.bytesWritten > 0);
      assert.deepEqual(lost.beneath(), [], 'nothing is written where the lost disk was mounted');
      await volume().mount();
      assertSameTree(tree, treeOf(volume().mountPoint));
      await assertWhole();
    }

    async function rebuildUnderLoad(): Promise<void> {
      const { mountPoint } = volume();
      load = new Load(join(mountPoint, 'load-2'), join(mountPoint, 'reading'), volume().path('stop-2'));
      await delay(1_000);
      const report = await volume().rebuild([[lost, volume().newDisk()]]);
      assert.deepEqual(report.lost, []);
      assert.ok(report.bytesWritten > 0);
      load.assertRunning();
      const rows = load.rows;
      await delay(1_000);
      assert.ok(load.rows > rows, 'commits are still answered');
      await load.stop();
      assert.deepEqual(lost.beneath(), [], 'nothing is written where the lost disk was mounted');
      assertSameTree(withoutRoot(tree), withoutRoot(treeOf(mountPoint, ['./load-2'])));
      await assertWhole();
      // What the load wrote last was not fsynced; this is, and everything before it with it.
      writeNoise(join(mountPoint, 'load-2', 'end'), 1, 'end', { fsync: true });
      tree = treeOf(mountPoint);
    }

    async function assertWhole(): Promise<void> {
      const status = await volume().status();
      assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
      assert.equal(status.redundancy.remainingTolerance, 2);
      assert.match(await volume().succeed('check', volume().name), /no findings/);
    }

    /** The loss is noticed at the latest when the disk is next written to. */
    async function degraded(): ReturnType<Drill['status']> {
      for (let tries = 0; ; tries++) {
        const status = await volume().status();
        if (status.state === 'degraded' || tries === 20) return status;
        await delay(250);
      }
    }
  });
}

/** The root's own times and links change with what is made in it. */
function withoutRoot(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => path !== '.'));
}
