// Others who use the disks beside the volume: they fill some of them to the last byte, at any time, and take it away again.
import assert from 'node:assert/strict';
import { isErrorOf } from '../../src/base/errors.js';
import type { MemoryDisk } from '../../src/disk/memory-disk.js';
import type { SeededRandom } from '../../src/base/random.js';
import type { World } from './world.js';

const filler = 'filler-';

/** To the last byte, whatever is written to them meanwhile. */
export async function fillByOthers(disks: readonly MemoryDisk[]): Promise<void> {
  for (const disk of disks) {
    for (let attempt = 0; ; attempt++) {
      assert.ok(attempt < 100, 'a disk fills up');
      const { freeBytes } = await disk.space();
      if (freeBytes === 0) break;
      await disk.create(`${filler}${attempt}`, [Buffer.alloc(freeBytes)]).catch((error: unknown) => assert.ok(isErrorOf(error, 'full', 'conflict'), String(error)));
    }
  }
}

export async function emptyByOthers(disks: Iterable<MemoryDisk>): Promise<void> {
  for (const disk of disks) {
    for (const name of await disk.list('')) if (name.startsWith(filler)) await disk.remove(name);
  }
}

/** Now and then before a change: some disks are filled, or all are emptied. */
export async function fillNowAndThen(world: World, random: SeededRandom): Promise<void> {
  const disks = [...world.slots.values()];
  const roll = random.below(30);
  if (roll < 2) await fillByOthers(disks.filter(() => random.below(2) === 0));
  else if (roll === 2) await fillByOthers(disks);
  else if (roll < 6) await emptyByOthers(disks);
}
