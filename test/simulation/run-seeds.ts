// Spreads seeds over child processes, one a core, and joins their reports. HOLDFAST_SIM_SEEDS sets how many seeds there are,
// HOLDFAST_SIM_FIRST where to begin: a failing seed is replayed by HOLDFAST_SIM_FIRST=<seed> HOLDFAST_SIM_SEEDS=1.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { SeedsReport } from './seeds.js';

export const seedCount = Number(process.env['HOLDFAST_SIM_SEEDS'] ?? 100);
export const firstSeed = Number(process.env['HOLDFAST_SIM_FIRST'] ?? 1);

/** A killed life never closes what it had open: a process is used for so many worlds and no more. */
const seedsPerChild = 50;
/** Every world throws its disks away: with room to begin with, nine of ten collections of the whole heap need not be (a sixth of the time). */
const heapWords = ['--initial-heap-size=256'];

export async function runSeeds(kind: 'lives' | 'filled' | 'disasters', count: number): Promise<Omit<SeedsReport, 'failure'>> {
  const children = Math.max(1, Math.min(availableParallelism(), count));
  const reports: SeedsReport[] = [];
  let next = firstSeed;
  const worker = async (): Promise<void> => {
    while (next < firstSeed + count && reports.every((r) => r.failure === null)) {
      const first = next;
      next = Math.min(next + seedsPerChild, firstSeed + count);
      reports.push(await child(kind, first, next - first));
    }
  };
  await Promise.all(Array.from({ length: children }, worker));
  for (const { failure } of reports) assert.equal(failure, null, failure === null ? '' : `seed ${failure.seed}: ${failure.message}`);
  return { crashes: reports.reduce((sum, r) => sum + r.crashes, 0), failpoints: [...new Set(reports.flatMap((r) => r.failpoints))].sort() };
}

function child(kind: string, first: number, count: number): Promise<SeedsReport> {
  const script = fileURLToPath(new URL('./seeds.js', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...heapWords, script, kind, String(first), String(count)], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`seeds ${first}..${first + count - 1}: ${error.message}\n${stderr}`));
      else resolve(JSON.parse(stdout) as SeedsReport); // what seeds.ts prints
    });
  });
}
