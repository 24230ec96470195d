// A small machine for command line tests: a folder with disks, a backup directory, configuration and state, and the real
// `holdfast` run as a process of its own. end() unmounts and removes everything.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why mounts cannot be tested here; null when they can. */
export const mountObstacle = process.getuid?.() !== 0 ? 'needs root' : !existsSync('/dev/fuse') ? 'needs /dev/fuse' : null;

export const program = join(import.meta.dirname, '../../src/cli/main.js');

export class Machine {
  readonly folder: string;
  readonly mount: string;
  readonly backupUrl: string;

  constructor(diskCount = 4) {
    this.folder = realpathSync(mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'cli-')));
    this.mount = this.path('mnt');
    this.backupUrl = `file://${this.path('backup')}`;
    for (const name of ['mnt', 'backup', 'etc', 'var', ...Array.from({ length: diskCount }, (_, index) => `d${index + 1}`)]) mkdirSync(this.path(name));
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  disks(...numbers: readonly number[]): readonly string[] {
    return numbers.map((number) => this.path(`d${number}`));
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, HOLDFAST_CONFIG_DIR: this.path('etc'), HOLDFAST_STATE_DIR: this.path('var'), NO_COLOR: '1' };
  }

  run(...args: readonly string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(process.execPath, [program, ...args], { env: this.environment, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
      });
    });
  }

  /** For what must go well: throws with everything that was printed. */
  async succeed(...args: readonly string[]): Promise<string> {
    const outcome = await this.run(...args);
    if (outcome.code !== 0) throw new Error(`holdfast ${args.join(' ')}: exit code ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    return outcome.stdout;
  }

  /** The first line of `holdfast` with --json as a value. */
  async json(...args: readonly string[]): Promise<Record<string, unknown>> {
    return JSON.parse((await this.run(...args, '--json')).stdout) as Record<string, unknown>; // what the test then looks at
  }

  /** A volume over the given disks; the promise of the defaults. */
  async init(name: string, ...extra: readonly string[]): Promise<string> {
    return this.succeed('init', name, '--disk', ...this.disks(1, 2, 3, 4), '--backup', this.backupUrl, '--allow-shared-device', ...extra);
  }

  /** A process that goes on; the caller ends it. */
  start(...args: readonly string[]): ReturnType<typeof spawn> {
    return spawn(process.execPath, [program, ...args], { env: this.environment, stdio: 'ignore' });
  }

  async end(): Promise<void> {
    for (const [point] of mountsBelow(this.folder)) {
      await this.run('umount', point, '--lazy');
      spawnSync('umount', ['--lazy', point], { stdio: 'ignore' });
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function mountsBelow(folder: string): readonly (readonly [string])[] {
  const table = spawnSync('cat', ['/proc/self/mounts'], { encoding: 'utf8' }).stdout;
  return table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
    .map((point) => [point] as const);
}
