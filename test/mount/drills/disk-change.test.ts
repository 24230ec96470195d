// Drill: disks come to a volume in use and go from it. Programs write, read, copy and compare meanwhile, and none of them notices; what is refused changes
// nothing; a daemon that is killed right afterwards has lost nothing, and the new disk counts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, describe, test } from 'node:test';
import type { DiskRemovalReport } from '../../../src/volume/disk-removal.js';
import { Load } from '../../support/load.js';
import type { LoopDisk } from '../../support/loop-disks.js';
import { Drill, drillObstacle } from '../../support/mounted.js';
import { copySystemFiles, MiB, writeNoise } from '../../support/real-input.js';
import { eventually } from '../../support/volume-process.js';
import { assertSameTree, type Tree, treeOf } from '../../support/tree.js';

describe('disks come and go while programs work', { skip: drillObstacle ?? false }, () => {
  const drill = drillObstacle === null ? new Drill() : null;
  let load: Load | null = null;
  let fifth: LoopDisk;
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

  const config = (): string => readFileSync(volume().path('etc', `${volume().name}.toml`), 'utf8');
  const beforeLoad = (whole: Tree): Tree => new Map([...whole].filter(([path]) => path !== '.'));

  test('what cannot be a disk of its own is refused with the reason, and nothing is changed', async () => {
    await volume().init();
    await volume().mount();
    const before = config();
    const full = volume().newDisk();
    writeFileSync(join(full.path, 'something'), 'else');
    mkdirSync(join(volume().mountPoint, 'inside'));
    mkdirSync(join(volume().disk(0).path, 'second'));
    const refusals: readonly (readonly [string, RegExp])[] = [
      [volume().path('nowhere'), /cannot be used/],
      [volume().path('backup'), /overlaps with/],
      [volume().folder, /overlap/],
      [join(volume().mountPoint, 'inside'), /inside the mount/],
      [join(volume().disk(0).path, 'second'), /overlap/],
      [volume().disk(1).path, /overlap/],
      [full.path, /not empty: it holds "something"/],
    ];
    mkdirSync(volume().path('unmounted'));
    for (const [path, reason] of [...refusals, [volume().path('unmounted'), /nothing is mounted there/] as const]) {
      const { code, stderr } = await volume().run('disk', 'add', volume().name, path);
      assert.equal(code, 1, `${path}: ${stderr}`);
      assert.match(stderr, reason, path);
    }
    assert.equal(config(), before);
    full.end();
  });

  test('under load a fifth disk takes part at once, and nobody notices', async () => {
    const { mountPoint, name } = volume();
    copySystemFiles(join(mountPoint, 'reading'), 300);
    writeNoise(join(mountPoint, 'large'), 48 * MiB, 'large', { fsync: true });
    tree = treeOf(mountPoint);
    load = new Load(join(mountPoint, 'load'), join(mountPoint, 'reading'), volume().path('stop'));
    await delay(1_500);
    fifth = volume().newDisk();
    const report = JSON.parse(await volume().succeed('disk', 'add', name, fifth.path, '--json')) as { before: { totalBytes: number }; after: { totalBytes: number } }; // our own command's answer
    assert.ok(report.after.totalBytes > report.before.totalBytes * 1.2);
    assert.ok(config().includes(fifth.path));
    const rows = load.rows;
    await delay(1_500);
    load.assertRunning();
    assert.ok(load.rows > rows, 'commits are still answered');
    await load.stop();
    assertSameTree(beforeLoad(tree), beforeLoad(treeOf(mountPoint, ['./load'])));
    writeNoise(join(mountPoint, 'afterwards'), 48 * MiB, 'afterwards', { fsync: true });
    const status = await volume().status();
    assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
    assert.deepEqual(status.reminders, []);
    assert.match(status.redundancy.promise, /any 2 of 5 disks/);
    assert.ok((status.disks[4]?.bytesWritten ?? 0) > 12 * MiB, 'new data is on it');
    tree = treeOf(mountPoint);
  });

  test('killed, and without the new disk and another one, every byte is there; with them it is whole again', async () => {
    await volume().kill();
    fifth.detach();
    volume().disk(0).detach();
    await volume().mount();
    assertSameTree(tree, treeOf(volume().mountPoint));
    await volume().umount();
    for (const disk of [fifth, volume().disk(0)]) disk.attach();
    await volume().mount();
    const status = await volume().status();
    assert.deepEqual(
      status.disks.map(({ state }) => state),
      Array.from({ length: 5 }, () => 'healthy'),
    );
    assertSameTree(tree, treeOf(volume().mountPoint));
  });

  test('under load a disk leaves: nobody notices, what was on it is on the others, and it is empty', async () => {
    const { mountPoint, name } = volume();
    const leaves = volume().disk(1);
    load = new Load(join(mountPoint, 'load-2'), join(mountPoint, 'reading'), volume().path('stop-2'));
    await delay(1_500);
    const report = JSON.parse(await volume().succeed('disk', 'remove', name, leaves.path, '--json')) as DiskRemovalReport; // our own command's answer
    assert.ok(report.segmentsMoved + report.segmentsAnew > 0 && report.emptied, JSON.stringify(report));
    assert.deepEqual(readdirSync(leaves.path), []);
    assert.ok(!config().includes(leaves.path));
    const rows = load.rows;
    await delay(1_500);
    load.assertRunning();
    assert.ok(load.rows > rows, 'commits are still answered');
    await load.stop();
    leaves.end();
    assertSameTree(beforeLoad(tree), beforeLoad(treeOf(mountPoint, ['./load-2'])));
    tree = treeOf(mountPoint);
    const status = await volume().status();
    assert.equal(status.state, 'serving', status.redundancy.reasons.join('; '));
    assert.match(status.redundancy.promise, /any 2 of 4 disks/);
    assert.equal(status.redundancy.remainingTolerance, 2);
  });

  test('another one, and the daemon is killed in the middle: after the mount it goes on by itself', async () => {
    const { name } = volume();
    const leaves = volume().disk(2);
    const command = volume().start('disk', 'remove', name, leaves.path);
    const state = async (): Promise<string | undefined> => (await volume().status()).disks.find(({ path }) => path === leaves.path)?.state;
    await eventually(async () => (await state()) === 'leaving', 'it begins to leave', 20);
    await volume().kill();
    if (command.exitCode === null) await once(command, 'exit');
    assert.ok(config().includes(leaves.path), 'it was in the middle');
    await volume().mount();
    await eventually(async () => (await state()) === undefined, 'it is gone', 200, 120_000);
    assert.ok(!config().includes(leaves.path));
    await eventually(async () => readdirSync(leaves.path).length === 0, 'it is empty');
    assertSameTree(tree, treeOf(volume().mountPoint));
    const { code, stderr } = await volume().run('disk', 'remove', name, fifth.path);
    assert.equal(code, 1);
    assert.match(stderr, /2 disks are in service, and tolerance 2 needs 3/);
  });

  test('then two of the three that are left may go', async () => {
    await volume().kill();
    fifth.detach();
    volume().disk(0).detach();
    await volume().mount();
    assertSameTree(tree, treeOf(volume().mountPoint));
    await volume().umount();
    assert.match(await volume().succeed('check', volume().name), /no findings/);
  });
});
