// Seeds of the simulated storage core. HOLDFAST_SIM_SEEDS sets how many, HOLDFAST_SIM_FIRST where to begin:
// a failing seed is replayed by HOLDFAST_SIM_FIRST=<seed> HOLDFAST_SIM_SEEDS=1.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk, LogFile } from '../../src/disk/disk.js';
import { runLives } from './lives.js';
import type { World, WorldShape } from './world.js';

const seeds = Number(process.env['HOLDFAST_SIM_SEEDS'] ?? 100);
const first = Number(process.env['HOLDFAST_SIM_FIRST'] ?? 1);

const shapes: readonly WorldShape[] = [
  { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true },
  { disks: 3, parity: 1, tolerance: 1, scheme: 'parity', backup: true },
  { disks: 4, parity: 1, tolerance: 2, scheme: 'copy', backup: true },
  { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: false },
  { disks: 1, parity: 0, tolerance: 0, scheme: 'parity', backup: true },
];

const shapeOf = (seed: number): WorldShape => shapes[seed % shapes.length] ?? (shapes[0] as WorldShape); // never empty

test(`${seeds} seeds from ${first}: every survivor equals a prefix that contains the last sync`, async () => {
  const failpoints = new Set<string>();
  let crashes = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const report = await runLives(seed, { shape: shapeOf(seed), lives: 3, opsPerLife: 40 });
      crashes += report.crashes;
      for (const name of report.failpoints) failpoints.add(name);
    } catch (error) {
      throw new Error(`seed ${seed} (${JSON.stringify(shapeOf(seed))}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  console.log(`# ${crashes} crashes, failpoints passed: ${[...failpoints].sort().join(' ')}`);
  assert.ok(seeds < 20 || crashes > seeds / 2, 'the worlds do crash');
});

test('canary: a disk that lies about fdatasync is caught', async () => {
  const lie = (world: World): void => {
    world.wrapDisk = (disk) => lyingDisk(disk);
  };
  for (let seed = 1; seed <= 300; seed++) {
    try {
      await runLives(seed, { shape: shapes[0] as WorldShape, lives: 3, opsPerLife: 40, tamper: lie }); // the first shape is there
    } catch {
      return;
    }
  }
  assert.fail('300 seeds did not notice that nothing is synced');
});

function lyingDisk(disk: Disk): Disk {
  return new Proxy(disk, {
    get(target, property): unknown {
      if (property === 'openLog') {
        return async (path: string, bytes: number): Promise<LogFile> => {
          const log = await target.openLog(path, bytes);
          return { write: (offset, buffers) => log.write(offset, buffers), sync: () => Promise.resolve(), close: () => log.close() };
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
