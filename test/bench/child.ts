// Programs that the bench runs. They carry its mark, so that whatever is left of them can be found and ended.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Request } from './request.js';
import { mark } from './rig.js';

const outputBytesMax = 64 * 1024 * 1024;
const clientProgram = join(import.meta.dirname, 'client.js');

/** What the program printed. An exit code that is neither 0 nor `alsoFine` is an error with what it said. */
export function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}, alsoFine = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { env: marked(environment), maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
      if (error === null || error.code === alsoFine) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ').slice(0, 200)}: ${stderr.slice(-800) || error.message}`));
    });
    child.stdin?.end();
  });
}

/** A program that stays. What it prints is not looked at. */
export function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { env: marked({}), stdio: 'ignore' });
  child.on('error', (error) => process.stderr.write(`${program}: ${error.message}\n`));
  return child;
}

/** What the client measured, in seconds; which numbers there are depends on the work. */
export async function client(request: Request): Promise<readonly [number, number]> {
  const [first = 0, second = 0] = await clientNumbers(request);
  return [first, second];
}

export async function clientNumbers(request: Request): Promise<readonly number[]> {
  return JSON.parse(await run(process.execPath, [clientProgram, JSON.stringify(request)])) as readonly number[]; // client.ts answers with an array
}

/** Several clients that begin at the same moment; done when the last one is. Seconds from that moment until `then` is done as well. */
export async function clientsTogether(requests: readonly Request[], then: () => void): Promise<number> {
  const clients = requests.map((request) => spawn(process.execPath, [clientProgram, JSON.stringify(request)], { env: marked({}), stdio: ['pipe', 'pipe', 'inherit'] }));
  const ends = clients.map((child) => once(child, 'close') as Promise<[number | null]>);
  await Promise.all(clients.map((child, at) => Promise.race([once(child.stdout, 'data'), ends[at]])));
  const begun = performance.now();
  for (const child of clients) {
    child.stdout.resume();
    child.stdin.end('\n');
  }
  for (const [code] of await Promise.all(ends)) if (code !== 0) throw new Error(`a client ended with ${code}`);
  then();
  return (performance.now() - begun) / 1000;
}

export interface FioResult {
  readonly operationsPerSecond: number;
  readonly operations: number;
  readonly p99Microseconds: number;
  /** Of the syncs, where there are any. */
  readonly syncP99Microseconds: number;
}

/** One fio job over an existing file; synchronous reads and writes of 4 KiB unless said otherwise. */
export async function fio(path: string, kind: 'randread' | 'randwrite', options: Readonly<Record<string, string | number>>): Promise<FioResult> {
  const all = { name: 'bench', filename: path, rw: kind, bs: '4k', ioengine: 'psync', thread: 1, randseed: 7, group_reporting: 1, fallocate: 'none', allow_file_create: 0, 'output-format': 'json', ...options };
  const said = await run(
    'fio',
    Object.entries(all).map(([key, value]) => `--${key}=${value}`),
  );
  const report = JSON.parse(said.slice(said.indexOf('{'))) as FioReport; // fio's own format
  const job = report.jobs[0];
  const side = kind === 'randread' ? job?.read : job?.write;
  if (job === undefined || side === undefined || job.error !== 0) throw new Error(`fio ${kind} failed`);
  // fio's run time covers the fsync at the end.
  return {
    operationsPerSecond: side.total_ios / (side.runtime / 1000),
    operations: side.total_ios,
    p99Microseconds: (side.clat_ns.percentile?.['99.000000'] ?? 0) / 1000,
    syncP99Microseconds: (job.sync?.lat_ns?.percentile?.['99.000000'] ?? 0) / 1000,
  };
}

interface Percentiles {
  readonly percentile?: Readonly<Record<string, number>>;
}

interface FioSide {
  readonly total_ios: number;
  readonly runtime: number;
  readonly clat_ns: Percentiles;
}

interface FioReport {
  readonly jobs: readonly { readonly error: number; readonly read: FioSide; readonly write: FioSide; readonly sync?: { readonly lat_ns?: Percentiles } }[];
}

function marked(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...process.env, ...environment, HOLDFAST_TEST_MARK: mark };
}
