// The test runner: `node dist/test/run.js [SUITE | SUITE/FOLDER | SUITE/FILE]...`. Lists the files of each suite from the sources (so that stale output never runs),
// runs them with node:test, ends what they left behind, and closes with one line `N passed, N failed, N skipped`.
// Exit code 1 when anything failed or when a suite that was asked for by name does not exist.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { endLeftovers } from './leftovers.js';
import { repositoryRoot } from './repository.js';

interface Suite {
  readonly name: string;
  /** Files at once: 1 where a test owns the machine (mounts, loop devices). */
  readonly concurrency: number;
  readonly fileTimeoutMs: number;
}

const minute = 60_000;
const suites: readonly Suite[] = [
  { name: 'tidy', concurrency: 2, fileTimeoutMs: 2 * minute },
  { name: 'unit', concurrency: 2, fileTimeoutMs: 2 * minute },
  { name: 'contract', concurrency: 2, fileTimeoutMs: 5 * minute },
  { name: 'property', concurrency: 2, fileTimeoutMs: 5 * minute },
  { name: 'rules', concurrency: 2, fileTimeoutMs: 10 * minute },
  { name: 'golden', concurrency: 2, fileTimeoutMs: 2 * minute },
  { name: 'crash', concurrency: 1, fileTimeoutMs: 10 * minute },
  { name: 'simulation', concurrency: 2, fileTimeoutMs: 40 * minute },
  { name: 'cli', concurrency: 1, fileTimeoutMs: 5 * minute },
  { name: 'posix', concurrency: 1, fileTimeoutMs: 10 * minute },
  { name: 'mount', concurrency: 1, fileTimeoutMs: 40 * minute },
];

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  readonly failures: string[];
}

async function main(): Promise<number> {
  // The S3 SDK tells every process on Node 20 that it wants 22 one day.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !suites.some((suite) => suite.name === name.split('/')[0]));
  if (unknown.length > 0) {
    console.error(`no suite named ${unknown.join(', ')}; there are: ${suites.map((suite) => suite.name).join(' ')}`);
    return 2;
  }
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const suite of suites) {
    const parts = asked.filter((name) => name.split('/')[0] === suite.name);
    if (asked.length > 0 && parts.length === 0) continue;
    await runSuite(suite, parts, totals);
  }
  for (const failure of totals.failures) console.log(`FAILED ${failure}`);
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
  return totals.failed > 0 ? 1 : 0;
}

async function runSuite(suite: Suite, parts: readonly string[], totals: Totals): Promise<void> {
  const files = filesOf(suite.name, parts);
  if (files.length === 0) return;
  const started = performance.now();
  const before = { ...totals };
  // Children carry this mark in their environment: what still runs, is mounted or attached afterwards is ours to end.
  const mark = `holdfast-test-${process.pid}-${randomBytes(4).toString('hex')}`;
  const scratch = join(process.env['TMPDIR'] ?? '/tmp', mark);
  mkdirSync(scratch, { recursive: true });
  process.env['HOLDFAST_TEST_MARK'] = mark;
  process.env['HOLDFAST_TEST_SCRATCH'] = scratch;
  try {
    await runFiles(suite, files, totals);
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

/** Compiled files of a suite, from test/SUITE/**\/*.test.ts; where parts are given, of these only. */
function filesOf(suite: string, parts: readonly string[]): readonly string[] {
  const folder = join(repositoryRoot, 'test', suite);
  if (!existsSync(folder)) return [];
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => parts.length === 0 || parts.some((part) => `${suite}/${name}`.startsWith(part)))
    .sort()
    .map((name) => join(import.meta.dirname, suite, name.replace(/\.ts$/, '.js')));
}

function runFiles(suite: Suite, files: readonly string[], totals: Totals): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = run({ files: [...files], concurrency: suite.concurrency, timeout: suite.fileTimeoutMs });
    stream.on('test:pass', (event) => {
      if (event.details.type === 'suite' || isFile(event.name, files)) return;
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

/** node:test reports a file that ran as a test of its own name; only what is inside counts. */
function isFile(name: string, files: readonly string[]): boolean {
  return files.includes(name) || files.includes(join(process.cwd(), name));
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

process.exitCode = await main();
