// Losses of disks, stores and machines, by seed: see disasters.ts.
import { test } from 'node:test';
import { firstSeed, runSeeds, seedCount } from './run-seeds.js';

/** A disaster has several lives, a rebuild and a restore: a quarter as many take as long. */
const count = Math.ceil(seedCount / 4);

test(`${count} seeds from ${firstSeed}: up to tolerance disks lost, rebuilt or returned, restored: always the same tree`, async () => {
  await runSeeds('disasters', count);
});
