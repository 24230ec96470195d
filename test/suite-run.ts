// Runs one suite with node:test, each file in a process of its own, and ends what they left behind, which counts as a failure.
// Counts go into Totals as they come; nothing is thrown for a test that fails.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { endLeftovers } from './leftovers.js';
import { filesOf, type Suite } from './suites.js';
import { type FileTiming, processorMs } from './timings.js';

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  readonly failures: string[];
  readonly timings: FileTiming[];
}

/** `parts`: SUITE/FOLDER or SUITE/FILE prefixes; none: all of it. */
export async function runSuite(suite: Suite, parts: readonly string[], totals: Totals): Promise<void> {
  const { together, alone } = filesOf(suite, parts);
  if (together.length + alone.length === 0) return;
  const started = performance.now();
  const before = { ...totals };
  // Children carry this mark in their environment: what still runs, is mounted or attached afterwards is ours to end.
  const mark = `holdfast-test-${process.pid}-${randomBytes(4).toString('hex')}`;
  const scratch = join(process.env['TMPDIR'] ?? '/tmp', mark);
  mkdirSync(scratch, { recursive: true });
  process.env['HOLDFAST_TEST_MARK'] = mark;
  process.env['HOLDFAST_TEST_SCRATCH'] = scratch;
  try {
    await inLanes(suite.concurrency, together, (file) => runFile(suite, file, totals));
    await inLanes(1, alone, (file) => runFile(suite, file, totals));
  } finally {
    for (const left of endLeftovers(mark, scratch)) {
      totals.failed += 1;
      totals.failures.push(`${suite.name}: left behind: ${left}`);
    }
    rmSync(scratch, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${suite.name}: ${totals.passed - before.passed} passed, ${totals.failed - before.failed} failed, ${totals.skipped - before.skipped} skipped in ${seconds} s`);
}

/** Takes the files in order, `lanes` at a time. */
async function inLanes(lanes: number, files: readonly string[], runOne: (file: string) => Promise<void>): Promise<void> {
  const waiting = [...files];
  const lane = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runOne(file);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function runFile(suite: Suite, file: string, totals: Totals): Promise<void> {
  const startedMs = performance.now();
  const busyMs = processorMs();
  await report(suite, file, totals);
  totals.timings.push({ name: relative(import.meta.dirname, file).replace(/\.js$/, ''), wallMs: performance.now() - startedMs, machineMs: processorMs() - busyMs });
}

function report(suite: Suite, file: string, totals: Totals): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = run({ files: [file], concurrency: 1, timeout: suite.fileTimeoutMs });
    stream.on('test:pass', (event) => {
      if (event.details.type === 'suite' || isFile(event.name, file)) return;
      if (event.skip !== undefined && event.skip !== false) totals.skipped += 1;
      else totals.passed += 1;
    });
    stream.on('test:fail', (event) => {
      const cause = event.details.error.cause;
      const subtestsFailed = (event.details.error as { readonly failureType?: string }).failureType === 'subtestsFailed';
      if (subtestsFailed) return;
      totals.failed += 1;
      const where = `${suite.name}: ${event.file === undefined ? '' : `${relative(import.meta.dirname, event.file)}: `}${event.name}`;
      totals.failures.push(where);
      console.log(`FAILED ${where}\n${indent(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? event.details.error))}`);
    });
    stream.on('test:diagnostic', (event) => {
      if (/seed/i.test(event.message)) console.log(`  ${event.message}`);
    });
    stream.on('test:stderr', (event) => process.stderr.write(event.message));
    stream.on('test:stdout', (event) => process.stdout.write(event.message));
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.resume();
  });
}

/** node:test may report a file that ran as a test of its own name; only what is inside counts. */
function isFile(name: string, file: string): boolean {
  return name === file || join(process.cwd(), name) === file;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
