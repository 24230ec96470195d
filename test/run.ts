// The test runner: `node dist/test/run.js [SUITE | SUITE/FOLDER | SUITE/FILE]...`. Runs the suites one after the other, those that only
// compute beside them at low priority, and closes with a table of the slowest files and one line `N passed, N failed, N skipped`.
// Exit code 1 when anything failed or when a suite that was asked for by name does not exist.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runSuite, type Totals } from './suite-run.js';
import { suites } from './suites.js';
import { slowest } from './timings.js';

async function main(): Promise<number> {
  // The S3 SDK tells every process on Node 20 that it wants 22 one day.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const asked = process.argv.slice(2);
  const partsOf = (suite: string): readonly string[] => asked.filter((name) => name.split('/')[0] === suite);
  const unknown = asked.filter((name) => !suites.some((suite) => suite.name === name.split('/')[0]));
  if (unknown.length > 0) {
    console.error(`no suite named ${unknown.join(', ')}; there are: ${suites.map((suite) => suite.name).join(' ')}`);
    return 2;
  }
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [], timings: [] };
  const chosen = suites.filter((suite) => asked.length === 0 || partsOf(suite.name).length > 0);
  const beside = chosen.length > 1 ? chosen.filter((suite) => suite.beside === true) : [];
  const running = beside.map((suite) => runBeside(asked.length === 0 ? [suite.name] : partsOf(suite.name)));
  for (const suite of chosen) if (!beside.includes(suite)) await runSuite(suite, partsOf(suite.name), totals);
  for (const others of running) add(totals, await others);
  // A child leaves the last words to its parent.
  if (process.send !== undefined) await tellParent(totals);
  else close(totals);
  return totals.failed > 0 ? 1 : 0;
}

/** The same runner in a process of its own, for which only that is left which nobody else wants. */
function runBeside(words: readonly string[]): Promise<Totals> {
  return new Promise((resolve) => {
    const child = spawn('nice', ['-n', '19', process.execPath, fileURLToPath(import.meta.url), ...words], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let totals: Totals | null = null;
    child.on('message', (message) => {
      totals = message as Totals; // from tellParent()
    });
    child.on('error', (error) => resolve(failure(words, error.message)));
    child.on('close', (code, signal) => resolve(totals ?? failure(words, `its runner ended with ${code ?? signal}`)));
  });
}

function failure(words: readonly string[], what: string): Totals {
  return { passed: 0, failed: 1, skipped: 0, failures: [`${words.join(' ')}: ${what}`], timings: [] };
}

function tellParent(totals: Totals): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(totals, undefined, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}

function add(totals: Totals, others: Totals): void {
  totals.passed += others.passed;
  totals.failed += others.failed;
  totals.skipped += others.skipped;
  totals.failures.push(...others.failures);
  totals.timings.push(...others.timings);
}

function close(totals: Totals): void {
  for (const line of slowest(totals.timings)) console.log(line);
  for (const failed of totals.failures) console.log(`FAILED ${failed}`);
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
}

process.exitCode = await main();
if (process.connected) process.disconnect();
