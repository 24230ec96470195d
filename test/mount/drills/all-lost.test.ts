// Drill 4: the machine is gone with all disks and all state. From the backup alone comes back what was there at the last flush, to the
// last attribute. A restore that dies half-way goes on when it is repeated; what is missing in the backup is named, never invented.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { printable } from '../../../src/base/printable.js';
import type { RestoreReport } from '../../../src/recovery/contract.js';
import type { FlushReport } from '../../../src/volume/contract.js';
import { bucketOrDirectory, storeOf } from '../../support/drill-backup.js';
import { Drill, type DrillRun, drillRuns } from '../../support/mounted.js';
import { copySystemFiles, GitInput, makeOddFiles, makeSegmentFiles, MiB, writeNoise } from '../../support/real-input.js';
import { checkDatabase, SqliteWriter } from '../../support/real-input-sqlite.js';
import { assertSameTree, nameOf, type Tree, treeOf } from '../../support/tree.js';

for (const run of drillRuns) drillWith(run);

function drillWith({ driver, full, obstacle }: DrillRun): void {
  describe(`all disks and all local state are lost (${driver})`, { skip: obstacle ?? false }, () => {
    let drill: Drill;
    let git: GitInput;
    let rows = 0;
    let tree: Tree;

    before(async () => {
      drill = new Drill({ ...(await bucketOrDirectory()), driver });
      await drill.init();
      await drill.mount();
      const { mountPoint } = drill;
      copySystemFiles(join(mountPoint, 'system'), full ? 20_000 : driver === 'event-loop' ? 1_500 : 300);
      makeOddFiles(join(mountPoint, 'odd'), driver);
      git = new GitInput(join(mountPoint, 'git'));
      if (full) makeSegmentFiles(join(mountPoint, 'segments'));
      writeNoise(join(mountPoint, 'large'), (full ? 1024 : 96) * MiB, 'large');
      const writer = new SqliteWriter(join(mountPoint, 'database'));
      try {
        await drill.flush();
        // A second root that builds on the first: overwritten, moved, deleted, grown.
        writeNoise(join(mountPoint, 'large'), 5 * MiB, 'again', { offset: 50 * MiB + 1 });
        git.commit();
        for (let tries = 0; writer.rows === 0 && tries < 100; tries++) await delay(50);
      } finally {
        rows = await writer.stop();
      }
      // The database rolls back what the kill left half done, before the tree is looked at.
      checkDatabase(join(mountPoint, 'database'), rows);
      await drill.flush();
      tree = treeOf(mountPoint);
      writeNoise(join(mountPoint, 'after-the-flush'), 1 * MiB, 'too late', { fsync: true });
      await drill.kill();
    });
    after(() => drill.end());

    test('restore gives the state at the last flush', async () => {
      drill.loseEverything();
      const report = await drill.restore();
      assert.deepEqual(report.lost, []);
      await assertRestored();
    });

    test('a restore that was killed half-way goes on when it is repeated', async () => {
      await drill.umount();
      drill.loseEverything();
      await killedRestore();
      const report = await drill.restore();
      assert.deepEqual(report.lost, []);
      await assertRestored();
    });

    test('what is missing in the backup is named, its files give errors, all others are whole', async () => {
      await drill.umount();
      drill.loseEverything();
      const store = await storeOf(drill.backupUrl);
      try {
        const object = await largestSegment();
        const bytes = await store.get(object);
        await store.delete([object]);
        const outcome = await drill.run(...drill.restoreWords, '--json');
        assert.equal(outcome.code, 1, outcome.stdout + outcome.stderr);
        const { lost } = JSON.parse(outcome.stdout) as RestoreReport; // our own command's answer
        assert.ok(lost.length > 0 && lost.every((range) => range.length > 0), outcome.stdout);
        const named = new Set(lost.map((range) => range.path));
        const first = new Set([...tree.values()].filter(({ path }) => named.has(`/${printable(nameOf(path))}`)).map(({ linkedTo }) => linkedTo));
        const damaged = [...tree.values()].filter(({ linkedTo }) => first.has(linkedTo)).map(({ path }) => path);
        assert.ok(damaged.length >= named.size);
        await drill.mount();
        const absolute = (path: string): Buffer => Buffer.concat([Buffer.from(`${drill.mountPoint}/`), nameOf(path)]);
        for (const path of damaged.slice(0, 20)) assert.throws(() => readFileSync(absolute(path)), { code: 'EIO' });
        const whole = new Map([...tree].filter(([path]) => !damaged.includes(path)));
        assertSameTree(whole, treeOf(drill.mountPoint, damaged));
        // A flush goes on without it, names it in its root, and says so.
        const lacking = await drill.run('flush', drill.name, '--json');
        assert.equal(lacking.code, 1, lacking.stdout + lacking.stderr);
        const { report } = JSON.parse(lacking.stdout) as { readonly report: FlushReport }; // our own command's answer
        assert.equal(report.lacks.segments, 1);
        const told = new Set(report.lacks.ranges.map((range) => range.path));
        assert.ok([...told].every((path) => named.has(path)));
        assert.equal(told.size < named.size, report.lacks.more);
        assert.match((await drill.status()).redundancy.reasons.join('; '), /last root lacks 1 segment/);
        // The object comes back: so do the files, without another restore.
        await store.put(object, [bytes], { ifAbsent: true });
        await drill.flush();
        await assertRestored();
      } finally {
        await store.close();
      }

      async function largestSegment(): Promise<string> {
        let best = { key: '', bytes: 0 };
        for await (const info of store.list('segments/')) if (info.bytes > best.bytes) best = info;
        return best.key;
      }
    });

    async function assertRestored(): Promise<void> {
      if ((await drill.status()).mountpoint === null) await drill.mount();
      assertSameTree(tree, treeOf(drill.mountPoint));
      git.check();
      checkDatabase(join(drill.mountPoint, 'database'), rows);
      const status = await drill.status();
      assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
      assert.match(await drill.succeed('check', drill.name), /no findings/);
    }

    /** Killed as soon as the first shard stands on a disk. */
    async function killedRestore(): Promise<void> {
      const child = drill.start(...drill.restoreWords);
      const ended = once(child, 'close');
      const shards = (): boolean => drill.disks.some((disk) => readdirSync(disk.path, { recursive: true }).some((name) => /^shards\/[0-9a-f]+\/./.test(String(name))));
      while (child.exitCode === null && !shards()) await delay(5);
      assert.equal(child.exitCode, null, 'the restore was too fast to be killed');
      child.kill('SIGKILL');
      await ended;
    }
  });
}
