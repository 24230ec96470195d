// Runs one seed: several lives of a volume under a random workload, each ended by a kill, a power loss or a clean close.
// After each end the survivor must equal the model at a prefix no older than the last sync, and the skeleton must check out.
import assert from 'node:assert/strict';
import { setFailpointAction } from '../../src/base/failpoint.js';
import { isErrorOf } from '../../src/base/errors.js';
import { silentLogger, type Logger } from '../../src/base/logger.js';
import { SeededRandom } from '../../src/base/random.js';
import { initVolumeWith } from '../../src/volume/init.js';
import type { MountedVolume } from '../../src/volume/mounted-volume.js';
import { openVolumeWith } from '../../src/volume/open.js';
import { type Change, describeVolume, Model } from './model.js';
import { emptyByOthers, fillNowAndThen } from './others.js';
import { Workload } from './workload.js';
import { World, type WorldShape } from './world.js';

const stepsMax = 200_000;
const fileBytesMax = 100_000;

export interface LifeOptions {
  readonly shape: WorldShape;
  readonly opsPerLife: number;
  /** false: it ends by a clean close. */
  readonly mayCrash?: boolean;
  /** Called before each change: a place for misfortunes. */
  readonly before?: (op: number) => void | Promise<void>;
}

export interface LivesOptions {
  readonly shape: WorldShape;
  readonly lives: number;
  readonly opsPerLife: number;
  readonly logger?: Logger;
  /** Changes the world before it starts: a canary bug. */
  readonly tamper?: (world: World) => void;
}

class Crash extends Error {}

export interface LivesReport {
  readonly failpoints: ReadonlySet<string>;
  readonly crashes: number;
}

export async function runLives(seed: number, options: LivesOptions): Promise<LivesReport> {
  const world = new World(seed, options.shape, options.logger ?? silentLogger);
  const random = new SeededRandom(seed ^ 0x5eed);
  const passed = new Set<string>();
  let crashes = 0;
  try {
    options.tamper?.(world);
    await must(world, initVolumeWith(world.settings, world.ports()), 'init');
    let model = new Model();
    for (let life = 0; life < options.lives; life++) {
      const end = await oneLife(world, random, model, options, passed);
      if (end.crashed) crashes++;
      model = await survivor(world, end, `seed ${seed} life ${life}`, options.shape.filledByOthers);
    }
  } finally {
    setFailpointAction(undefined);
    world.remove();
  }
  return { failpoints: passed, crashes };
}

export interface LifeEnd {
  readonly crashed: boolean;
  /** The state that is surely there. */
  readonly durable: Model;
  /** Changes after it, in order; any prefix of them may have survived. */
  readonly tail: readonly Change[];
}

/** One life: recovery, changes, an end. */
export async function oneLife(world: World, random: SeededRandom, start: Model, options: LifeOptions, passed: Set<string>): Promise<LifeEnd> {
  const model = start.clone();
  let durable = start;
  let tail: Change[] = [];
  let mounted: MountedVolume | null = null;
  // Death comes at a failpoint or at any step of the world, or not at all.
  const manner = options.mayCrash === false ? 4 : random.below(5);
  let fuse = manner < 2 ? 1 + random.below(60) : Number.POSITIVE_INFINITY;
  let crashed = false;
  setFailpointAction((name) => {
    passed.add(name);
    if (--fuse > 0) return;
    if (!crashed) {
      // Dead at this very place: what the code does with the exception reaches nobody.
      crashed = true;
      world.scheduler.halted = true;
      die(world, random);
    }
    throw new Crash(name);
  });
  const steps = manner < 4 && manner >= 2 ? random.below(3_000) : stepsMax;
  const script = async (): Promise<void> => {
    const volume = await openVolumeWith(world.settings, world.ports());
    mounted = volume;
    const workload = new Workload(random, world.scheduler.clock, fileBytesMax);
    for (let op = 0; op < options.opsPerLife && !crashed; op++) {
      await options.before?.(op);
      if (options.shape.filledByOthers === true) await fillNowAndThen(world, random);
      const change = await made(volume, random, workload.next(model, () => volume.view.nextIno()));
      if (change === null) continue;
      model.apply(change);
      tail.push(change);
      if (random.below(12) === 0) {
        const upTo = tail.length;
        const then = model.clone();
        if (!(await wellEnded(volume.sync(), options.shape))) continue;
        durable = then;
        tail = tail.slice(upTo);
      } else if (random.below(25) === 0 && options.shape.backup) await flushIfItCan(volume);
      else if (random.below(6) === 0) await world.scheduler.clock.turn();
    }
    const then = model.clone();
    if (!(await wellEnded(volume.close(), options.shape))) return;
    durable = then;
    tail = [];
  };
  let outcome: unknown;
  try {
    outcome = await world.scheduler.run(script(), steps);
  } catch (error) {
    if (!crashed) throw error;
  }
  setFailpointAction(undefined);
  const volume = mounted as MountedVolume | null; // assigned in the closure
  if (outcome === 'stopped' && !crashed) {
    crashed = true;
    die(world, random);
  }
  if (crashed) volume?.core.skeleton.close();
  return { crashed, durable, tail };
}

/** The change as it was made; null: the volume is full, and nothing was changed. */
async function made(volume: MountedVolume, random: SeededRandom, change: Change): Promise<Change | null> {
  try {
    await admitted(volume, bytesOf(change), 'record' in change && (change.record.type === 'unlink' || change.record.type === 'truncate'));
    if ('temporary' in change) {
      volume.hold(change.temporary.ino);
      try {
        volume.apply(change.temporary);
        // Held, so it waits for its name.
        if (random.below(2) === 0) await admitted(volume, 0);
        volume.apply(change.link);
      } finally {
        volume.unhold(change.temporary.ino, 1);
      }
    } else if ('share' in change) {
      const { from, fromOffset, to, toOffset, length } = change.share;
      return { share: { ...change.share, length: volume.share(from as never, fromOffset, to as never, toOffset, length) } };
    } else if ('write' in change) volume.write(change.write.ino as never, change.write.offset, change.write.data);
    else volume.apply(change.record);
    return change;
  } catch (error) {
    if (!isErrorOf(error, 'full')) throw error;
    return null;
  }
}

/** False: the disks that others have filled did not take it, and it was said so. */
async function wellEnded(durable: Promise<void>, shape: WorldShape): Promise<boolean> {
  try {
    await durable;
    return true;
  } catch (error) {
    if (shape.filledByOthers !== true || !isErrorOf(error, 'full', 'unavailable')) throw error;
    return false;
  }
}

async function admitted(volume: MountedVolume, bytes: number, frees = false): Promise<void> {
  for (let wait = volume.admit(bytes, frees); wait !== null; wait = volume.admit(bytes, frees)) await wait;
}

/** A store may be away: the flush says so and nothing else happens. */
async function flushIfItCan(volume: MountedVolume): Promise<void> {
  try {
    await volume.flush();
  } catch (error) {
    if (!isErrorOf(error, 'unavailable', 'full', 'invalid')) throw error;
  }
}

/** Lines that differ. */
function distance(a: string, b: string): number {
  const lines = new Set(b.split('\n'));
  return a.split('\n').filter((line) => !lines.has(line)).length;
}

function die(world: World, random: SeededRandom): void {
  if (random.below(2) === 0) world.losePower();
  else world.kill();
}

const bytesOf = (change: Change): number => ('write' in change ? change.write.data.length : 0);

/** Opens what is left (`filled`: others may have filled the disks before), finds the prefix it equals, and checks it. */
export async function survivor(world: World, end: LifeEnd, what: string, filled = false): Promise<Model> {
  // What others have filled they have emptied by now: without room for a term nothing can be mounted.
  if (filled) await must(world, emptyByOthers(world.reopen()), `${what}: room`);
  const volume = await must(world, openVolumeWith(world.settings, world.ports()), `${what}: open`);
  const found = await must(world, describeVolume(volume.view, async (inode) => Buffer.from(await volume.read(inode.ino, 0, Number(inode.size)))), `${what}: read`);
  const model = end.durable.clone();
  let closest = model.describe();
  for (const change of end.tail) {
    if (closest === found) break;
    model.apply(change);
    const next = model.describe();
    if (distance(next, found) <= distance(closest, found)) closest = next;
  }
  assert.equal(found, closest, `${what}: the tree equals no prefix since the last sync; the closest one is shown`);
  await must(world, volume.points.cut(), `${what}: point`);
  const findings = [];
  for await (const finding of volume.core.skeleton.check()) findings.push(finding);
  assert.deepEqual(findings, [], `${what}: check`);
  await must(world, volume.close(), `${what}: close`);
  return model;
}

export async function must<T>(world: World, promise: Promise<T>, what: string): Promise<T> {
  const result = await world.scheduler.run(promise, stepsMax);
  if (result === 'stopped') throw new Error(`${what}: not done after ${stepsMax} steps`);
  return result as T; // run() gives the promise's value or 'stopped'
}
