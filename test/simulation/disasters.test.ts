// Seeds of losses: HOLDFAST_SIM_SEEDS and HOLDFAST_SIM_FIRST as in lives.test.ts.
import { test } from 'node:test';
import { runDisaster } from './disasters.js';
import type { WorldShape } from './world.js';

const seeds = Number(process.env['HOLDFAST_SIM_SEEDS'] ?? 100);
const first = Number(process.env['HOLDFAST_SIM_FIRST'] ?? 1);

const shapes: readonly WorldShape[] = [
  { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true },
  { disks: 5, parity: 1, tolerance: 2, scheme: 'parity', backup: true },
  { disks: 4, parity: 2, tolerance: 2, scheme: 'parity', backup: true },
  { disks: 4, parity: 1, tolerance: 2, scheme: 'copy', backup: true, journalDisks: 3 },
  { disks: 3, parity: 0, tolerance: 1, scheme: 'parity', backup: true },
];

test(`${seeds} seeds from ${first}: up to tolerance disks lost, rebuilt or returned, restored: always the same tree`, async () => {
  for (let seed = first; seed < first + seeds; seed++) {
    const shape = shapes[seed % shapes.length] as WorldShape; // the index is in range
    try {
      await runDisaster(seed, { shape, opsPerLife: 40 });
    } catch (error) {
      throw new Error(`seed ${seed} (${JSON.stringify(shape)}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
});
