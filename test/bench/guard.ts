// `make bench-guard`: a short bench that holds Holdfast against what it reached before, as ratios to a native disk of the same run, so that a
// slow or busy machine matters little. It reports, and fails only where Holdfast is worse than half of what is recorded in guard.json even in
// its best repeat. `--record` writes the medians of this run there instead. It runs at a raised priority where it may.
import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../repository.js';
import { HoldfastTarget } from './holdfast.js';
import { nativeXfs } from './peers/native-xfs.js';
import { figure, type Metric, median, Results } from './results.js';
import { addDisk } from './rig.js';
import { runGroup } from './run-group.js';
import { onStage, say } from './scene.js';
import type { Group, Sizes, Stage } from './stage.js';
import { database } from './workloads/database.js';
import { random } from './workloads/random.js';
import { sequential } from './workloads/sequential.js';
import { small } from './workloads/small.js';

const sizes: Sizes = { bigMebibytes: 96, randomMebibytes: 64, smallFiles: 1_000, treeFiles: 0, fioSeconds: 1, fsyncs: 150, longWriteGibibytes: 0, folderNames: 0, extents: 0, volumeFiles: 0 };
const groups: Readonly<Record<string, Group>> = { small, database, random, sequential };
/** One more repeat is begun while it fits. */
const secondsMax = 75;
const repeatsMax = 3;
/** What is recorded has to be typical. */
const recordRepeats = 5;
/** Where something would fail, so many more repeats may clear it. */
const againMax = 2;
const failsBelow = 0.5;
/** Worth a look, and no more than that. */
const remarkBelow = 0.75;

/** Where less is better. */
const lessIsBetter: readonly Metric['unit'][] = ['s', 'ms', 'us', 'x', 'KiB'];
/** Answered from the kernel's memory for both: a ratio of noise. */
const ofTheKernel = 'stat, warm';
const recordPath = join(repositoryRoot, 'test/bench/guard.json');
const recorded = JSON.parse(readFileSync(recordPath, 'utf8')) as Readonly<Record<string, number>>; // written by record()

const { values: options } = parseArgs({ options: { record: { type: 'boolean', default: false } } });

async function main(): Promise<number> {
  const begun = performance.now();
  const disks = ['d1', 'd2', 'd3', 'd4'].map((name) => addDisk(name, 512));
  const holdfast = new HoldfastTarget(disks, addDisk('system', 512));
  const results = new Results(() => undefined);
  const stage: Stage = { results, sizes, tree: { tar: '', files: 0, bytes: 0, sha256: '', repository: '' } };
  const once = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await runGroup(name, [nativeXfs(disks), holdfast], { repeats: 1, seconds: secondsMax }, results, (target) => groups[name]?.(stage, target) ?? Promise.resolve());
  };
  const names = Object.keys(groups);
  for (let repeat = 1; repeat <= (options.record ? recordRepeats : repeatsMax); repeat++) {
    const used = (performance.now() - begun) / 1000;
    if (!options.record && repeat > 1 && used + used / (repeat - 1) > secondsMax) break;
    await once(names);
  }
  if (!options.record) {
    // What a busy machine does to one repeat it does not do to all.
    for (let again = 1; again <= againMax && failures(results).length > 0; again++) await once(names);
  }
  for (const finding of results.findings) say(`not real: ${finding}`);
  return options.record ? record(results) : judge(results);
}

function record(results: Results): number {
  const medians = Object.fromEntries(results.metrics.filter((metric) => goodness(metric).length > 0).map((metric) => [metric.name, Number((median(goodness(metric)) ?? 0).toPrecision(2))]));
  writeFileSync(recordPath, `${JSON.stringify(medians, null, 2)}\n`);
  return 0;
}

function judge(results: Results): number {
  const failed = failures(results);
  let fine = 0;
  for (const metric of results.metrics) {
    const share = shareOfRecorded(metric);
    if (share === null) continue;
    const verdict = failed.includes(metric) ? 'FAILED' : share.typical < remarkBelow ? 'slower' : 'fine';
    if (verdict !== 'FAILED') fine++;
    process.stdout.write(`${metric.name.padEnd(38)}${figure(median(goodness(metric))).padStart(8)} of native: ${share.typical.toFixed(2)} of what is recorded, at best ${share.best.toFixed(2)}  ${verdict}\n`);
  }
  process.stdout.write(`${fine} passed, ${failed.length} failed\n`);
  return failed.length === 0 ? 0 : 1;
}

function failures(results: Results): readonly Metric[] {
  return results.metrics.filter((metric) => (shareOfRecorded(metric)?.best ?? 1) < failsBelow);
}

/** Null for what was not recorded or not measured. */
function shareOfRecorded(metric: Metric): { readonly typical: number; readonly best: number } | null {
  const before = recorded[metric.name];
  const now = goodness(metric);
  return before === undefined || now.length === 0 ? null : { typical: (median(now) ?? 0) / before, best: Math.max(...now) / before };
}

/** Holdfast over native in each repeat, above 1 where Holdfast is better. Nothing where one of them has no figure. */
function goodness(metric: Metric): readonly number[] {
  if (metric.name === ofTheKernel) return [];
  const natives = metric.series.get('native')?.values ?? [];
  return (metric.series.get('holdfast')?.values ?? []).flatMap((value, at) => {
    const native = natives[at];
    if (native === undefined || native === 0 || value === 0) return [];
    return [lessIsBetter.includes(metric.unit) ? native / value : value / native];
  });
}

try {
  // Nice values are handed on to everything that is started from here.
  setPriority(-10);
} catch {
  // Only root may: then a busy machine matters more.
}
onStage(main);
