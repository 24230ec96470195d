// Crashes at every place, by seed: see lives.ts. The canary is a bug that the harness must catch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk, LogFile } from '../../src/disk/disk.js';
import { runLives } from './lives.js';
import { firstSeed, runSeeds, seedCount } from './run-seeds.js';
import { shapeOf, shapes } from './shapes.js';
import type { World } from './world.js';

test(`${seedCount} seeds from ${firstSeed}: every survivor equals a prefix that contains the last sync`, async () => {
  const { crashes, failpoints } = await runSeeds('lives', seedCount);
  console.log(`# ${crashes} crashes, failpoints passed: ${failpoints.join(' ')}`);
  assert.ok(seedCount < 20 || crashes > seedCount / 2, 'the worlds do crash');
});

const filledCount = Math.ceil(seedCount / 40);

test(`${filledCount} seeds in which others fill the disks to the last byte: what was acknowledged stays, and all goes on`, async () => {
  await runSeeds('filled', filledCount);
});

test('canary: a disk that lies about fdatasync is caught', async () => {
  const lie = (world: World): void => {
    world.wrapDisk = (disk) => lyingDisk(disk);
  };
  for (let seed = 1; seed <= 300; seed++) {
    try {
      await runLives(seed, { shape: shapeOf(shapes, 0), lives: 3, opsPerLife: 40, tamper: lie });
    } catch (error) {
      assert.match(String(error), /equals no prefix|damaged|not there/, 'it is caught for what it is');
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
          const write: LogFile['write'] = (offset, buffers) => log.write(offset, buffers);
          return { write, writeDurably: write, sync: () => Promise.resolve(), close: () => log.close() };
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
