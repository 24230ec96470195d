// What a byte of bulk data costs on the disks, from their own counters, with and without a second redundancy: writes of 1 MiB, one fsync,
// until everything is on the disks. What is above n / (n - f) is the journal, tables of checksums and the disks' own file systems.
import { join } from 'node:path';
import { client } from '../child.js';
import type { HoldfastTarget } from '../holdfast.js';
import { mebibyte, observed, type Stage } from '../stage.js';
import { syncAll } from '../sync.js';

/** Lost disks that un-backed-up data survives: the tolerance of the configuration. */
const tolerances = [2, 1] as const;

export async function writeCost({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  for (const tolerance of tolerances) {
    target.tolerance = tolerance;
    try {
      await target.fresh();
      const { went } = await observed(target, async () => {
        await client({ work: 'write', path: join(target.folder, 'big'), mebibytes: sizes.bigMebibytes });
        syncAll(target.folder, target.below);
      });
      const cost = went.writtenBytes / (sizes.bigMebibytes * mebibyte);
      const needed = target.disks.length / (target.disks.length - tolerance);
      results.add(target.name, `disk bytes per byte, tolerance ${tolerance}`, 'x', cost, went);
      results.add(target.name, `written over what parity needs, tolerance ${tolerance}`, 'x', cost / needed);
    } finally {
      target.tolerance = 2;
    }
  }
}
