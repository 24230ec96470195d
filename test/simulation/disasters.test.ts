// Losses of disks, stores and machines, by seed: see disasters.ts.
import { test } from 'node:test';
import { firstSeed, runSeeds, seedCount } from './run-seeds.js';

test(`${seedCount} seeds from ${firstSeed}: up to tolerance disks lost, rebuilt or returned, restored: always the same tree`, async () => {
  await runSeeds('disasters');
});
