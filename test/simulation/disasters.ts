// Runs one seed of losses: lives with a store that fails and loses replies, then up to `tolerance` disks gone at once, work
// on what is left, and either their (stale) return or new disks and a rebuild; at last a flush and a restore on a bare machine.
// Every step must show the model's tree: nothing acknowledged is lost, no void future comes back.
import assert from 'node:assert/strict';
import { SeededRandom } from '../../src/base/random.js';
import { silentLogger, type Logger } from '../../src/base/logger.js';
import type { RebuildReport, RebuildRequest } from '../../src/recovery/contract.js';
import { rebuildMounted, rebuildVolumeWith } from '../../src/recovery/rebuild.js';
import { restoreVolumeWith } from '../../src/recovery/restore.js';
import type { VolumeSettings } from '../../src/config/settings.js';
import { FaultyDisk } from '../../src/disk/faulty-disk.js';
import type { ConfiguredDisks } from '../../src/volume/disk-add.js';
import { initVolumeWith } from '../../src/volume/init.js';
import { openVolumeWith } from '../../src/volume/open.js';
import { describeVolume, Model } from './model.js';
import { must, oneLife, survivor } from './lives.js';
import { World, type WorldShape } from './world.js';

export interface DisasterOptions {
  readonly shape: WorldShape;
  readonly opsPerLife: number;
  readonly logger?: Logger;
}

/** Gives the failpoints that were passed. */
export async function runDisaster(seed: number, options: DisasterOptions): Promise<ReadonlySet<string>> {
  const world = new World(seed, options.shape, options.logger ?? silentLogger);
  const random = new SeededRandom(seed ^ 0xd15a);
  const passed = new Set<string>();
  const what = (step: string): string => `seed ${seed}: ${step}`;
  try {
    await must(world, initVolumeWith(world.settings, world.ports()), what('init'));
    let outage = false;
    world.storeFault = (operation) => {
      if (outage) return 'error';
      if (random.below(10) > 0) return null;
      return operation === 'put' && random.below(2) === 0 ? 'lost-reply' : 'error';
    };
    const faulty = new Map<string, FaultyDisk>();
    world.wrapDisk = (disk) => {
      const wrapped = new FaultyDisk(disk);
      faulty.set(disk.path, wrapped);
      return wrapped;
    };
    let model = new Model();
    for (let life = 0; life < 2; life++) {
      outage = random.below(5) === 0;
      // One disk may die under load; it counts as one of those that may be lost.
      const victim = life === 1 && options.shape.tolerance > 0 && random.below(2) === 0 ? pick(random, [...world.slots.keys()]) : null;
      const dies = random.below(options.opsPerLife);
      const before = (op: number): void => {
        if (victim !== null && op === dies) faulty.get(victim)?.disappear();
      };
      const end = await oneLife(world, random, model, { ...options, before }, passed);
      outage = false;
      if (victim !== null) world.absent.add(victim);
      if (life === 1) loseDisks(world, random, options.shape.tolerance - world.absent.size);
      model = await survivor(world, end, what(`life ${life}, missing ${[...world.absent].join(' ') || 'none'}`));
    }
    const degraded = await oneLife(world, random, model, options, passed);
    model = await survivor(world, degraded, what('degraded life'));
    const settings = (await [() => comeBack(world), () => replaceAndRebuild(world, what('rebuild')), () => addAndRemove(world, random, what('add and remove'))][random.below(3)]?.()) ?? world.settings;
    model = await sameTree(world, settings, model, what('after the disks'));
    world.storeFault = () => null;
    await flushAndRestore(world, settings, model, what);
    return passed;
  } finally {
    world.remove();
  }
}

function loseDisks(world: World, random: SeededRandom, tolerance: number): void {
  const paths = [...world.slots.keys()];
  const count = random.below(tolerance + 1);
  for (let i = 0; i < count; i++) world.absent.add(pick(random, paths));
}

function pick(random: SeededRandom, paths: readonly string[]): string {
  return paths[random.below(paths.length)] ?? '';
}

function comeBack(world: World): VolumeSettings {
  world.absent.clear();
  return world.settings;
}

async function replaceAndRebuild(world: World, what: string): Promise<VolumeSettings> {
  const replace = [...world.absent].map((old) => ({ old, new: `${old}-new` }));
  for (const { new: path } of replace) world.insertDisk(path);
  const report = await must(world, world.random.below(2) === 0 ? rebuildVolumeWith(world.settings, { replace, dryRun: false }, world.ports(), () => {}) : rebuildWhileOpen(world, replace), what);
  assert.deepEqual(report.lost, [], `${what}: nothing is lost`);
  const next = (path: string): string => replace.find((r) => r.old === path)?.new ?? path;
  const named = (disks: VolumeSettings['disks']): VolumeSettings['disks'] => disks.map(({ path }) => ({ path: next(path) }));
  return { ...world.settings, disks: named(world.settings.disks), journal: { disks: named(world.settings.journal.disks) } };
}

/** A new disk for every lost one, and now and then for one that is well: those go while the volume is open, and the work may be cut short once. */
async function addAndRemove(world: World, random: SeededRandom, what: string): Promise<VolumeSettings> {
  const { disks, journal } = world.settings;
  const going = disks.map(({ path }) => path).filter((path) => world.absent.has(path) || random.below(4) === 0);
  let settings = world.settings;
  const configured: ConfiguredDisks = {
    add: (path) => {
      settings = { ...settings, disks: [...settings.disks, { path }] };
    },
    remove: (path) => {
      settings = { ...settings, disks: settings.disks.filter((disk) => disk.path !== path) };
    },
  };
  for (const path of going) world.insertDisk(`${path}-new`);
  const work = async (): Promise<void> => {
    const volume = await openVolumeWith(settings, world.ports());
    for (const path of going) if (!settings.disks.some((disk) => disk.path === `${path}-new`)) await volume.addDisk(`${path}-new`, configured);
    for (const path of going) if (settings.disks.some((disk) => disk.path === path)) await volume.removeDisk(path, configured, () => {});
    await volume.close();
  };
  const outcome = await world.scheduler.run(work(), random.below(2) === 0 ? random.below(6_000) : 400_000);
  if (outcome === 'stopped') {
    if (random.below(2) === 0) world.losePower();
    else world.kill();
    settings = { ...settings, stateDir: world.settings.stateDir };
    await must(world, work(), `${what} again`);
  }
  assert.deepEqual(
    settings.disks.filter(({ path }) => going.includes(path)),
    [],
    `${what}: they are gone`,
  );
  return { ...settings, journal };
}

async function rebuildWhileOpen(world: World, replace: RebuildRequest['replace']): Promise<RebuildReport> {
  const volume = await openVolumeWith(world.settings, world.ports());
  const report = await rebuildMounted(volume, { replace, dryRun: false }, () => {});
  await volume.close();
  return report;
}

async function sameTree(world: World, settings: VolumeSettings, model: Model, what: string): Promise<Model> {
  const volume = await must(world, openVolumeWith(settings, world.ports()), `${what}: open`);
  const found = await must(
    world,
    describeVolume(volume.view, async (inode) => Buffer.from(await volume.read(inode.ino, 0, Number(inode.size)))),
    `${what}: read`,
  );
  assert.equal(found, model.describe(), what);
  await must(world, volume.close(), `${what}: close`);
  return model;
}

async function flushAndRestore(world: World, settings: VolumeSettings, model: Model, what: (step: string) => string): Promise<void> {
  if (settings.backup === null) return;
  const volume = await must(world, openVolumeWith(settings, world.ports()), what('open to flush'));
  await must(world, volume.flush(), what('flush'));
  assert.equal(volume.backlog().deltas, 0, what('a flush leaves no deltas'));
  await must(world, volume.close(), what('close'));
  const bare: VolumeSettings = { ...settings, stateDir: `${settings.stateDir}/bare`, disks: settings.disks.map((_, i) => ({ path: `/bare${i}` })), journal: { disks: settings.journal.disks.map((_, i) => ({ path: `/barejournal${i}` })) } };
  for (const { path } of [...bare.disks, ...bare.journal.disks]) world.insertDisk(path);
  const report = await must(
    world,
    restoreVolumeWith({ settings: bare, at: null }, world.ports(), () => {}),
    what('restore'),
  );
  assert.deepEqual(report.lost, [], what('restore loses nothing'));
  await sameTree(world, bare, model, what('restored'));
}
