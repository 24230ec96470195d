// What every workload gets: where figures go, sizes, the real files, and how a step is measured together with what reached the disks.
import { client, run } from './child.js';
import type { RealTree } from './real-tree.js';
import type { Results } from './results.js';
import { type DiskTraffic, traffic, trafficSince } from './rig.js';
import { syncAll } from './sync.js';
import type { Target } from './target.js';

export interface Sizes {
  readonly bigMebibytes: number;
  readonly randomMebibytes: number;
  readonly smallFiles: number;
  readonly treeFiles: number;
  readonly fioSeconds: number;
  readonly fsyncs: number;
  readonly longWriteGibibytes: number;
  readonly folderNames: number;
  readonly extents: number;
  readonly volumeFiles: number;
}

export interface Stage {
  readonly results: Results;
  readonly sizes: Sizes;
  readonly tree: RealTree;
}

/** A group of measurements on one target, which is fresh. */
export type Group = (stage: Stage, target: Target) => Promise<void>;

export const mebibyte = 1024 * 1024;
/** Of what must have reached the disks, so much has to be seen there: counters and sizes are not the same to the byte. */
const realShare = 0.9;

export interface Observed<T> {
  readonly value: T;
  readonly went: DiskTraffic;
}

export async function observed<T>(target: Target, action: () => Promise<T>): Promise<Observed<T>> {
  const caches = target.cacheDisk === undefined ? [] : [target.cacheDisk];
  const [start, cachesStart] = [traffic(target.disks), traffic(caches)];
  const value = await action();
  const went = trafficSince(target.disks, start);
  return { value, went: { ...went, readBytes: went.readBytes + trafficSince(caches, cachesStart).readBytes } };
}

/** Says so if the disks saw clearly less than what a real measurement must show there. */
export function expectReal(stage: Stage, target: Target, what: string, seen: number, least: number): void {
  if (seen < realShare * least) stage.results.find(target.name, `${what}: the disks saw ${seen.toFixed(0)}, at least ${least.toFixed(0)} were to be seen`);
}

export async function seconds(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** Time of a program and the durable end of what it did. */
export async function timedRun(target: Target, program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  return seconds(async () => {
    await run(program, args, environment);
    syncAll(target.folder, target.below);
  });
}

/** Memory that the next step takes was taken before: see client.ts. */
export async function prime(mebibytes: number): Promise<void> {
  await client({ work: 'prime', mebibytes });
}

/** Cold, with memory ready for what is read then. */
export async function makeCold(target: Target): Promise<void> {
  await target.cold();
  await prime(256);
}
