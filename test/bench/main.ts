// `make bench`: what Holdfast costs, beside one native xfs disk and its peers in the same run, on the same four disks on RAM.
// Prints a table with the bars, writes everything to --json, and leaves nothing behind whatever happens.
// Options: --only GROUP,... --peers NAME,...|none --repeats N (5) --budget SECONDS (90, for one target in one group) --quick (small, once)
// --backing FOLDER (of the disks' images; RAM) --disk-gibibytes N --plots FOLDER
// --json FILE, --profile slow-disks (Holdfast alone, each sync of a disk takes 10 ms), --cpu-profile FOLDER (of the daemons),
// --install (packages of the peers, by apt).
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { run } from './child.js';
import { HoldfastTarget } from './holdfast.js';
import { nativeAndPeers } from './peers/peers.js';
import { writePlots } from './plots.js';
import { makeRealTree } from './real-tree.js';
import { Results } from './results.js';
import { addDisk, memoryFolder } from './rig.js';
import { type Limits, runGroup } from './run-group.js';
import { onStage, say } from './scene.js';
import { type Group, prime, type Sizes, type Stage } from './stage.js';
import { evidence, table } from './table.js';
import type { Target } from './target.js';
import { type Bucket, backupPath, openBucket } from './workloads/backup-path.js';
import { codec } from './workloads/codec.js';
import { database } from './workloads/database.js';
import { latency } from './workloads/latency.js';
import { random } from './workloads/random.js';
import { rebuild } from './workloads/rebuild.js';
import { extents, folder, longWrite, manyFiles } from './workloads/scale.js';
import { degraded, sequential } from './workloads/sequential.js';
import { small } from './workloads/small.js';
import { git, tree } from './workloads/trees.js';
import { volume } from './workloads/volume.js';
import { writeCost } from './workloads/write-cost.js';
import { writeback } from './workloads/writeback.js';

const fullSizes: Sizes = { bigMebibytes: 1024, randomMebibytes: 1024, smallFiles: 10_000, treeFiles: 12_000, fioSeconds: 3, fsyncs: 2_000, longWriteGibibytes: 20, folderNames: 1_000_000, extents: 1_000_000, volumeFiles: 1_000_000 };
const quickSizes: Sizes = { bigMebibytes: 256, randomMebibytes: 256, smallFiles: 2_000, treeFiles: 1_500, fioSeconds: 1, fsyncs: 500, longWriteGibibytes: 1, folderNames: 20_000, extents: 20_000, volumeFiles: 20_000 };

/** Groups that every target runs; then those that only a volume has; then those that are long and run only when they are asked for. */
const common: Readonly<Record<string, Group>> = { sequential, degraded, small, tree, git, database, random };
const ofVolumes: Readonly<Record<string, (stage: Stage, target: HoldfastTarget) => Promise<void>>> = {
  volume,
  'write-cost': writeCost,
  latency,
  rebuild,
  codec: (stage, target) => codec(stage.results, target.name),
  'backup-path': (stage, target) => withBucket(target, false, (bucket) => backupPath(stage, target, bucket)),
};
const onRequest: typeof ofVolumes = {
  writeback,
  'long-write': longWrite,
  folder,
  extents,
  'many-files': (stage, target) => withBucket(target, true, (bucket) => manyFiles(stage, target, bucket.requests)),
};
const allGroups: Readonly<Record<string, unknown>> = { ...common, ...ofVolumes, ...onRequest };

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    repeats: { type: 'string', default: '5' },
    budget: { type: 'string', default: '90' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    profile: { type: 'string' },
    'cpu-profile': { type: 'string' },
    backing: { type: 'string' },
    'disk-gibibytes': { type: 'string' },
    plots: { type: 'string' },
    install: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const only = options.only?.split(',') ?? [...Object.keys(common), ...Object.keys(ofVolumes)];
  for (const name of only) if (allGroups[name] === undefined) throw new Error(`there is no group ${name}; there are ${Object.keys(allGroups).join(', ')}`);
  if (options.profile !== undefined && options.profile !== 'slow-disks') throw new Error(`there is no profile ${options.profile}; there is slow-disks`);
  const slow = options.profile === 'slow-disks';
  const sizes = options.quick ? quickSizes : fullSizes;
  const limits: Limits = { repeats: options.quick ? 1 : Number(options.repeats), seconds: Number(options.budget) };
  const started = machine();
  const backing = options.backing ?? memoryFolder;
  // Two versions of the big file are on the disks at a time, each byte twice; the journal and the rest need about as much as one.
  const diskMebibytes = options['disk-gibibytes'] === undefined ? Math.max(768, 1.5 * sizes.bigMebibytes) : 1024 * Number(options['disk-gibibytes']);
  const disks = ['d1', 'd2', 'd3', 'd4'].map((name) => addDisk(name, diskMebibytes, backing));
  // The live database, and a backup of three versions of the big file.
  const system = addDisk('system', Math.max(1536, 3.5 * sizes.bigMebibytes), backing);
  const holdfast = new HoldfastTarget(disks, system, { cpuProfileFolder: options['cpu-profile'] ?? null, slowDisks: slow });
  const targets = [...(slow ? [] : chosen(nativeAndPeers(disks))), holdfast];
  const results = new Results(say);
  const stage: Stage = { results, sizes, tree: await makeRealTree(memoryFolder, sizes.treeFiles) };
  await prime(2 * sizes.bigMebibytes);
  for (const name of only) {
    const group = common[name];
    if (group !== undefined) await runGroup(name, targets, limits, results, (target) => group(stage, target));
    const own = ofVolumes[name] ?? onRequest[name];
    if (own !== undefined) await runGroup(name, [holdfast], limits, results, () => own(stage, holdfast));
  }
  results.add('holdfast', 'memory of the daemon, peak', 'MB', holdfast.peakBytes / 1e6);
  return report(results, targets, { started, ended: machine(), profile: options.profile ?? 'ram', sizes, tree: { files: stage.tree.files, bytes: stage.tree.bytes, sha256: stage.tree.sha256 }, limits });
}

/** The volume is made anew with its backup there. */
async function withBucket(target: HoldfastTarget, counted: boolean, section: (bucket: Bucket) => Promise<void>): Promise<void> {
  const bucket = await openBucket(counted);
  try {
    target.backup = bucket.place;
    await target.fresh();
    await section(bucket);
    await target.down();
  } finally {
    target.backup = null;
    await bucket.close();
  }
}

/** Native, and the peers that were asked for and can run here. */
function chosen(all: readonly Target[]): readonly Target[] {
  const names = options.peers === 'none' ? [] : options.peers?.split(',');
  for (const name of names ?? []) if (!all.some((target) => target.name === name)) throw new Error(`there is no peer ${name}; there are ${all.map((target) => target.name).join(', ')}`);
  return all.filter((target) => {
    if (target.name !== 'native' && names !== undefined && !names.includes(target.name)) return false;
    const lacks = target.lacks();
    if (lacks !== null) say(`${target.name} is left out: ${lacks} is missing (make bench-setup installs ${target.packages.join(', ')})`);
    return lacks === null;
  });
}

function report(results: Results, targets: readonly Target[], about: object): number {
  const names = targets.map((target) => target.name);
  process.stdout.write(`${table(results, names, options.profile === undefined)}\n\nMedians; in brackets the ratio to native; spread from 15 %, half the distance from the smallest to the largest.\n`);
  for (const target of targets) process.stdout.write(`${target.name}: ${target.about}\n`);
  process.stdout.write(`\n${evidence(results, names)}\n`);
  for (const finding of results.findings) process.stdout.write(`NOT REAL: ${finding}\n`);
  const metrics = results.metrics.map((metric) => ({ ...metric, series: Object.fromEntries(metric.series) }));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ...about, targets: names, metrics, findings: results.findings }, null, 1)}\n`);
  if (options.plots !== undefined) for (const path of writePlots(options.plots, results.curves)) process.stdout.write(`plot: ${path}\n`);
  return results.findings.some((finding) => finding.startsWith('holdfast:')) ? 1 : 0;
}

/** What figures depend on; no names. */
function machine() {
  const processors = cpus();
  return { time: new Date().toISOString(), processors: processors.length, model: processors[0]?.model ?? '', memoryBytes: totalmem(), kernel: release(), node: process.version, load: loadavg() };
}

async function install(): Promise<void> {
  const packages = [...new Set([...nativeAndPeers([]).flatMap((target) => target.packages), 'fio', 'git'])];
  say(`installing ${packages.join(' ')}`);
  await run('apt-get', ['update', '-q']);
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { DEBIAN_FRONTEND: 'noninteractive' });
}

if (options.install) await install();
else onStage(main);
