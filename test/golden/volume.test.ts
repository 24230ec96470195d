// The golden images of every format version so far, opened with the present code: mounted after the kill that ended them, with as
// many disks lost as they may lose, and restored from their backup alone. What comes out must be what went in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restoreVolumeWith } from '../../src/recovery/restore.js';
import type { MountedVolume } from '../../src/volume/mounted-volume.js';
import { openVolumeWith } from '../../src/volume/open.js';
import type { VolumeSettings } from '../../src/config/settings.js';
import { must } from '../simulation/lives.js';
import { fixtureSets, readFixture } from './fixture.js';
import { Stand } from './stand.js';
import { describeTree } from './tree.js';

const meaning = 'the present code no longer reads what an older version wrote: the format changed, see docs/format/README.md';

for (const set of fixtureSets()) {
  const fixture = readFixture(set);
  const disks = Object.keys(fixture.disks);

  test(`set ${set}: a volume that was killed opens with every synced byte, checks out, and can be flushed`, async () => {
    const stand = await Stand.of(fixture, { disks: true });
    try {
      const volume = await open(stand);
      assert.deepEqual(await must(stand.world, describeTree(volume), 'read'), fixture.tree, meaning);
      assert.ok(volume.core.refilled.bytes > 0, 'some bytes were in the journal alone');
      assert.ok(volume.backlog().deltas > 0, 'the deltas since the root are known');
      await checkAll(stand, volume);
      await must(stand.world, volume.flush(), 'flush');
      assert.equal(volume.backlog().deltas, 0);
      await must(stand.world, volume.close(), 'close');
    } finally {
      stand.world.remove();
    }
  });

  for (const lost of pairs(disks)) {
    test(`set ${set}: without ${lost.join(' and ')} nothing is missing`, async () => {
      const stand = await Stand.of(fixture, { disks: true });
      try {
        for (const path of lost) stand.world.slots.delete(path);
        const volume = await open(stand);
        assert.deepEqual(await must(stand.world, describeTree(volume), 'read'), fixture.tree, meaning);
        await must(stand.world, volume.close(), 'close');
      } finally {
        stand.world.remove();
      }
    });
  }

  test(`set ${set}: the backup alone gives the tree of its root on a bare machine`, async () => {
    const stand = await Stand.of(fixture, { disks: false });
    const { world } = stand;
    try {
      const settings: VolumeSettings = { ...world.settings, stateDir: `${world.stateDir}/bare`, disks: disks.map((_, i) => ({ path: `/bare${i}` })) };
      const report = await must(
        world,
        restoreVolumeWith({ settings, at: null }, stand.ports(), () => {}),
        'restore',
      );
      assert.deepEqual(report.lost, []);
      const volume = await must(world, openVolumeWith(settings, stand.ports()), 'open');
      assert.deepEqual(await must(world, describeTree(volume), 'read'), fixture.treeAtRoot, meaning);
      await checkAll(stand, volume);
      await must(world, volume.close(), 'close');
    } finally {
      world.remove();
    }
  });
}

function open(stand: Stand): Promise<MountedVolume> {
  return must(stand.world, openVolumeWith(stand.world.settings, stand.ports()), 'open');
}

async function checkAll({ world }: Stand, volume: MountedVolume): Promise<void> {
  await must(world, volume.points.cut(), 'point');
  const findings = [];
  for await (const finding of volume.core.skeleton.check()) findings.push(finding);
  assert.deepEqual(findings, []);
}

/** Every two of them: what tolerance 2 may lose. */
function pairs(paths: readonly string[]): readonly (readonly [string, string])[] {
  return paths.flatMap((a, i) => paths.slice(i + 1).map((b) => [a, b] as const));
}
