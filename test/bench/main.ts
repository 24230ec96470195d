// `make bench`: what Holdfast costs, beside one native xfs disk and its peers in the same run, on the same four disks on RAM.
// Prints a table with the bars, writes everything to --json, and leaves nothing behind whatever happens.
// Options: --only GROUP,... --peers NAME,...|none --repeats N (5) --budget SECONDS (90, for one target in one group) --quick (small, once)
// --json FILE, --cpu-profile FOLDER (of the daemons), --install (packages of the peers, by apt).
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { run } from './child.js';
import { HoldfastTarget } from './holdfast.js';
import { bindfs } from './peers/bindfs.js';
import { btrfs } from './peers/btrfs.js';
import { Gluster } from './peers/gluster.js';
import { mergerfs } from './peers/mergerfs.js';
import { nativeXfs } from './peers/native-xfs.js';
import { passthrough } from './peers/passthrough.js';
import { makeRealTree } from './real-tree.js';
import { Results } from './results.js';
import { addDisk, closeStage, memoryFolder, openStage, type RamDisk } from './rig.js';
import { type Group, prime, type Sizes, type Stage } from './stage.js';
import { evidence, table } from './table.js';
import type { Target } from './target.js';
import { database } from './workloads/database.js';
import { random } from './workloads/random.js';
import { sequential } from './workloads/sequential.js';
import { small } from './workloads/small.js';
import { git, tree } from './workloads/trees.js';
import { volume } from './workloads/volume.js';

const fullSizes: Sizes = { bigMebibytes: 1024, randomMebibytes: 1024, smallFiles: 10_000, treeFiles: 12_000, fioSeconds: 3, fsyncs: 2_000 };
const quickSizes: Sizes = { bigMebibytes: 256, randomMebibytes: 256, smallFiles: 2_000, treeFiles: 1_500, fioSeconds: 1, fsyncs: 500 };

/** Groups that every target runs, each on a fresh one; then those that only a volume has. */
const common: Readonly<Record<string, Group>> = { sequential, small, tree, git, database, random };
const ofVolumes: Readonly<Record<string, (stage: Stage, target: HoldfastTarget) => Promise<void>>> = { volume };

const namespaceVariable = 'HOLDFAST_BENCH_NAMESPACE';
const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    repeats: { type: 'string', default: '5' },
    budget: { type: 'string', default: '90' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    'cpu-profile': { type: 'string' },
    install: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const only = options.only?.split(',') ?? [...Object.keys(common), ...Object.keys(ofVolumes)];
  for (const name of only) if (common[name] === undefined && ofVolumes[name] === undefined) throw new Error(`there is no group ${name}; there are ${Object.keys({ ...common, ...ofVolumes }).join(', ')}`);
  const sizes = options.quick ? quickSizes : fullSizes;
  const repeats = options.quick ? 1 : Number(options.repeats);
  const started = machine();
  // Two versions of the big file are on the disks at a time, each byte twice; the journal and the rest need about as much as one.
  const disks = ['d1', 'd2', 'd3', 'd4'].map((name) => addDisk(name, Math.max(768, 1.5 * sizes.bigMebibytes)));
  const system = addDisk('system', Math.max(1024, 2 * sizes.bigMebibytes));
  const holdfast = new HoldfastTarget(disks, system, options['cpu-profile'] ?? null);
  const targets = [...chosen([nativeXfs(disks), ...peers(disks)]), holdfast];
  const results = new Results(say);
  const stage: Stage = { results, sizes, tree: await makeRealTree(memoryFolder, sizes.treeFiles) };
  await prime(2 * sizes.bigMebibytes);
  for (const name of only) {
    const group = common[name];
    if (group !== undefined) await runGroup(name, targets, repeats, (target) => group(stage, target), results);
    const own = ofVolumes[name];
    if (own !== undefined) await runGroup(name, [holdfast], repeats, () => own(stage, holdfast), results);
  }
  results.add('holdfast', 'memory of the daemon, peak', 'MB', holdfast.peakBytes / 1e6);
  report(results, targets, { started, ended: machine(), sizes, tree: { files: stage.tree.files, bytes: stage.tree.bytes, sha256: stage.tree.sha256 }, repeats });
}

/** Targets take turns. One that is too slow for its budget is repeated less often; one that cannot do it is named. */
async function runGroup(name: string, targets: readonly Target[], repeats: number, group: (target: Target) => Promise<void>, results: Results): Promise<void> {
  const used = new Map<string, number>();
  for (let repeat = 1; repeat <= repeats; repeat++) {
    say(`${name}, repeat ${repeat} of ${repeats}`);
    for (const target of targets) {
      const before = used.get(target.name) ?? 0;
      if (repeat > 1 && before + before / (repeat - 1) > Number(options.budget)) continue;
      const begun = performance.now();
      try {
        await target.fresh();
        await group(target);
      } catch (error) {
        if (target.name === 'holdfast' || target.name === 'native') throw error;
        results.find(target.name, `${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      await target.down();
      used.set(target.name, before + (performance.now() - begun) / 1000);
    }
  }
}

function peers(disks: readonly RamDisk[]): readonly Target[] {
  return [passthrough(disks), bindfs(disks), mergerfs(disks), btrfs(disks), new Gluster(disks)];
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

function report(results: Results, targets: readonly Target[], about: object): void {
  const names = targets.map((target) => target.name);
  process.stdout.write(`${table(results, names)}\n\nMedians; in brackets the ratio to native; spread from 15 %, half the distance from the smallest to the largest.\n`);
  for (const target of targets) process.stdout.write(`${target.name}: ${target.about}\n`);
  process.stdout.write(`\n${evidence(results, names)}\n`);
  for (const finding of results.findings) process.stdout.write(`NOT REAL: ${finding}\n`);
  const metrics = results.metrics.map((metric) => ({ ...metric, series: Object.fromEntries(metric.series) }));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ...about, targets: names, metrics, findings: results.findings }, null, 1)}\n`);
  if (results.findings.some((finding) => finding.startsWith('holdfast:'))) process.exitCode = 1;
}

/** What figures depend on; no names. */
function machine() {
  const processors = cpus();
  return { time: new Date().toISOString(), processors: processors.length, model: processors[0]?.model ?? '', memoryBytes: totalmem(), kernel: release(), node: process.version, load: loadavg() };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function stop(code: number): void {
  closeStage();
  process.exit(code);
}

async function install(): Promise<void> {
  const packages = [...new Set([...peers([]), nativeXfs([])].flatMap((target) => target.packages)), 'fio', 'git'];
  say(`installing ${packages.join(' ')}`);
  await run('apt-get', ['update', '-q']);
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { DEBIAN_FRONTEND: 'noninteractive' });
}

function fail(error: unknown): void {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  stop(1);
}

/** The same again in a mount namespace of its own: nobody who copies the table of mounts keeps the disks busy, and no mount outlives it. */
function again(): void {
  const child = spawn('unshare', ['--mount', '--propagation', 'private', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, [namespaceVariable]: '1' } });
  // A terminal tells both; what only this one is told is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}

if (options.install) install().catch(fail);
else if (process.env[namespaceVariable] === undefined) again();
else {
  // Not once: a second signal, which often comes with the first, must not end the cleaning up.
  process.on('SIGINT', () => stop(130));
  process.on('SIGTERM', () => stop(143));
  process.on('SIGHUP', () => stop(129));
  openStage();
  main().then(() => stop(Number(process.exitCode ?? 0)), fail);
}
