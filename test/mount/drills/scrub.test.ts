// Drill 8: a thousand bytes rot in the shard files of a mounted volume: headers, tables, cells, of what is in the backup and of what is not.
// One scrub makes all of it whole, from parity and where that does not do from the backup; a second one finds nothing.
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SeededRandom } from '../../../src/base/random.js';
import { shardHeaderBytes } from '../../../src/format/shard.js';
import type { ScrubReport } from '../../../src/volume/scrub-report.js';
import { Drill, drillObstacle } from '../../support/mounted.js';
import { copySystemFiles, MiB, writeNoise } from '../../support/real-input.js';
import { assertSameTree, type Tree, treeOf } from '../../support/tree.js';

/** In segments that the backup has: many shards are bad in the same place. In the others so few that no three of four are. */
const placesBackedUp = 850;
const placesOnlyHere = 150;

describe('a thousand bytes rot below a mounted volume', { skip: drillObstacle ?? false }, () => {
  let drill: Drill;
  let tree: Tree;

  before(async () => {
    drill = new Drill();
    await drill.init();
    await drill.mount();
    copySystemFiles(join(drill.mountPoint, 'system'), 150);
    writeNoise(join(drill.mountPoint, 'large'), 32 * MiB, 'large');
    await drill.flush();
    writeNoise(join(drill.mountPoint, 'not-flushed'), 40 * MiB, 'not flushed', { fsync: true });
    // Everything is in shards after an unmount.
    await drill.umount();
    await drill.mount();
    tree = treeOf(drill.mountPoint);
  });
  after(() => drill.end());

  async function scrub(): Promise<ScrubReport> {
    return JSON.parse(await drill.succeed('scrub', drill.name, '--json')) as ScrubReport; // our own command's answer
  }

  test('one scrub heals all of it, the tree is what it was, and a second one finds nothing', async () => {
    const random = new SeededRandom(20_240_229);
    const files = drill.disks.flatMap(({ path }) =>
      (readdirSync(join(path, 'shards'), { recursive: true }) as string[]).map((name) => join(path, 'shards', name)).filter((file) => statSync(file).isFile()).sort(),
    );
    assert.ok(files.length >= 12, `${files.length} shard files`);
    // Those with a fourth shard, the delta shard, have not been flushed.
    const onlyHere = new Set(files.filter((file) => file.endsWith('.3')).map(segmentOf));
    const hit = new Set<string>();
    for (const [places, among] of [
      [placesBackedUp, files.filter((file) => !onlyHere.has(segmentOf(file)))],
      [placesOnlyHere, files.filter((file) => onlyHere.has(segmentOf(file)))],
    ] as const) {
      for (let place = 0; place < places; place++) hit.add(rot(among, random));
    }
    const report = await scrub();
    assert.deepEqual(report.lost, []);
    assert.equal(report.healed, report.found);
    assert.ok((report.healedFrom.parity ?? 0) > 0, 'some from parity');
    assert.ok((report.healedFrom.backup ?? 0) > 0, 'some from the backup: two bad shards in one place');
    // What lies in the padding of a table says nothing; all else is found.
    assert.ok(report.found >= hit.size - 2, `${report.found} of ${hit.size} files`);
    assert.equal(report.shards, files.length);
    assertSameTree(tree, treeOf(drill.mountPoint));
    const again = await scrub();
    assert.deepEqual([again.found, again.findings], [0, []]);
    const { scrub: told, redundancy } = await drill.status();
    assert.equal(told.last?.found, 0);
    assert.equal(redundancy.held, true, redundancy.reasons.join('; '));
    assert.match(await drill.succeed('check', drill.name), /no findings/);
  });
});

function segmentOf(file: string): string {
  return basename(file).split('.')[0] ?? '';
}

/** One bit of one byte, the larger a file the likelier in it: every tenth in a header, all others anywhere. Gives the file. */
function rot(files: readonly string[], random: SeededRandom): string {
  const sizes = files.map((file) => statSync(file).size);
  let at = random.below(sizes.reduce((sum, size) => sum + size, 0));
  const index = sizes.findIndex((size) => (at -= size) < 0);
  const file = files[index] ?? '';
  const place = random.below(10) === 0 ? random.below(shardHeaderBytes) : at + (sizes[index] ?? 0);
  const descriptor = openSync(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, place);
    byte[0] = (byte[0] ?? 0) ^ (1 << random.below(8));
    writeSync(descriptor, byte, 0, 1, place);
  } finally {
    closeSync(descriptor);
  }
  return file;
}
