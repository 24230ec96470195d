// `make bench`: what the file system costs, beside one native xfs disk in the same run. Four disks on RAM, parity 1, tolerance 2, a
// directory as backup. Prints a table, and with --json everything. Whatever happens, nothing is left behind.
// Options: --repeats N (3), --quick (small sizes, once), --only GROUP,... , --json [FILE], --profile FOLDER (CPU profiles of the daemons).
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { makeRealTree } from './real-tree.js';
import { Results } from './results.js';
import { addDisk, closeStage, openStage } from './rig.js';
import { HoldfastTarget, NativeTarget, type Target } from './target.js';
import { prime, random, sequential, type Sizes, small, type Stage, synced, tree } from './workloads.js';
import { backupAndLoss, mounts } from './volume-workloads.js';

const fullSizes: Sizes = { bigMebibytes: 1024, randomMebibytes: 256, smallFiles: 10_000, fioSeconds: 3, appends: 2_000 };
const quickSizes: Sizes = { bigMebibytes: 256, randomMebibytes: 128, smallFiles: 2_000, fioSeconds: 1, appends: 500 };

/** Groups that both targets run, in this order; then those that only a volume has. */
const groups: Readonly<Record<string, (stage: Stage, target: Target) => Promise<void>>> = { small, synced, random, tree, sequential };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      repeats: { type: 'string', default: '3' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const only = values.only?.split(',') ?? [...Object.keys(groups), 'volume'];
  const sizes = values.quick ? quickSizes : fullSizes;
  const results = new Results((line) => process.stderr.write(`${line}\n`));
  const started = machine();
  // Two versions of the big file are on the disks at a time, each byte twice; the journal and the rest need about as much as one.
  const poolDisk = Math.max(768, 1.5 * sizes.bigMebibytes);
  const native = new NativeTarget(addDisk('native', Math.max(768, 1.5 * sizes.bigMebibytes)));
  const pool = ['d1', 'd2', 'd3', 'd4'].map((name) => addDisk(name, poolDisk));
  const system = addDisk('system', Math.max(1024, 2 * sizes.bigMebibytes));
  const holdfast = new HoldfastTarget(pool, system, values.profile ?? null);
  const real = await makeRealTree('/dev/shm/holdfast-bench', values.quick ? 1_500 : 6_000);
  const stage: Stage = { results, sizes, tree: real };
  const repeats = values.quick ? 1 : Number(values.repeats);
  for (let repeat = 1; repeat <= repeats; repeat++) {
    process.stderr.write(`repeat ${repeat} of ${repeats}\n`);
    await native.fresh();
    await holdfast.fresh();
    await prime(2 * sizes.bigMebibytes);
    for (const [name, group] of Object.entries(groups)) {
      if (!only.includes(name)) continue;
      await group(stage, native);
      await group(stage, holdfast);
    }
    if (only.includes('volume')) {
      await mounts(stage, holdfast);
      await backupAndLoss(stage, holdfast);
    }
    if (!only.includes('volume')) await holdfast.unmount();
    await native.end();
    await holdfast.end();
  }
  results.add('holdfast', 'memory of the daemon, peak', 'MB', holdfast.peakBytes / 1e6);
  process.stdout.write(`${results.table()}\n`);
  const report = { started, ended: machine(), sizes, tree: { files: real.files, bytes: real.bytes, sha256: real.sha256 }, repeats, rows: results.rows() };
  if (values.json !== undefined) writeFileSync(values.json === '' || values.json === '-' ? '/dev/stdout' : values.json, `${JSON.stringify(report, null, 1)}\n`);
}

/** What figures depend on; no names. */
function machine() {
  const processors = cpus();
  return { time: new Date().toISOString(), processors: processors.length, model: processors[0]?.model ?? '', memoryBytes: totalmem(), kernel: release(), node: process.version, load: loadavg() };
}

function stop(code: number): void {
  closeStage();
  process.exit(code);
}

process.once('SIGINT', () => stop(130));
process.once('SIGTERM', () => stop(143));
process.once('SIGHUP', () => stop(129));
openStage();
main().then(
  () => stop(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    stop(1);
  },
);
