// Programs that the bench runs. They carry its mark, so that whatever is left of them can be found and ended.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Request } from './request.js';
import { mark } from './rig.js';

const outputBytesMax = 64 * 1024 * 1024;

/** What the program printed. An exit code that is neither 0 nor `alsoFine` is an error with what it said. */
export function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}, alsoFine = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment, HOLDFAST_TEST_MARK: mark };
    execFile(program, args, { env, maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
      if (error === null || error.code === alsoFine) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ').slice(0, 200)}: ${stderr.slice(-800) || error.message}`));
    });
  });
}

/** What the client measured, in seconds; which numbers there are depends on the work. */
export async function client(request: Request): Promise<readonly [number, number]> {
  const said = await run(process.execPath, [join(import.meta.dirname, 'client.js'), JSON.stringify(request)]);
  const [first = 0, second = 0] = JSON.parse(said) as readonly number[]; // client.ts answers with an array
  return [first, second];
}

export interface FioResult {
  readonly operationsPerSecond: number;
  readonly operations: number;
  readonly p99Microseconds: number;
}

/** One fio job over an existing file; synchronous reads and writes of 4 KiB unless said otherwise. */
export async function fio(path: string, kind: 'randread' | 'randwrite', options: Readonly<Record<string, string | number>>): Promise<FioResult> {
  const all = { name: 'bench', filename: path, rw: kind, bs: '4k', ioengine: 'psync', thread: 1, randseed: 7, group_reporting: 1, fallocate: 'none', allow_file_create: 0, 'output-format': 'json', ...options };
  const said = await run('fio', Object.entries(all).map(([key, value]) => `--${key}=${value}`));
  const report = JSON.parse(said.slice(said.indexOf('{'))) as FioReport; // fio's own format
  const job = report.jobs[0];
  const side = kind === 'randread' ? job?.read : job?.write;
  if (job === undefined || side === undefined || job.error !== 0) throw new Error(`fio ${kind} failed`);
  // fio's run time covers the fsync at the end.
  return {
    operationsPerSecond: side.total_ios / (side.runtime / 1000),
    operations: side.total_ios,
    p99Microseconds: (side.clat_ns.percentile?.['99.000000'] ?? 0) / 1000,
  };
}

interface FioSide {
  readonly total_ios: number;
  readonly runtime: number;
  readonly clat_ns: { readonly percentile?: Readonly<Record<string, number>> };
}

interface FioReport {
  readonly jobs: readonly { readonly error: number; readonly read: FioSide; readonly write: FioSide }[];
}
