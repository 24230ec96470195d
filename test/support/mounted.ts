// A volume on loop disks for drills, driven only through the command line, as its owner would: every command and the daemon are
// processes of their own, so a drill may use the mount freely. end() takes away all of it, whatever state it is in.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AnyStatus } from '../../src/cli/commands/status.js';
import type { FuseDriver } from '../../src/config/settings.js';
import type { RebuildReport, RestoreReport } from '../../src/recovery/contract.js';
import type { FlushReport } from '../../src/volume/contract.js';
import { repositoryRoot } from '../repository.js';
import { fuseNativeObstacle, withDriver } from './drivers.js';
import { LoopDisk, loopDiskObstacle } from './loop-disks.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DrillOptions {
  readonly disks?: number;
  readonly journalDisks?: number;
  readonly diskBytes?: number;
  /** Default: the event-loop channel. */
  readonly driver?: FuseDriver;
  /** Words that follow `init`. */
  readonly init?: readonly string[];
  /** Where the backup is, and what the S3 client wants in its environment; default: a directory. */
  readonly backup?: { readonly url: string; readonly words: readonly string[]; readonly environment: NodeJS.ProcessEnv };
}

export const GiB = 1024 ** 3;
/** The full profile: all of the machine's own files, larger files, more rounds. */
export const fullProfile = process.env['HOLDFAST_DRILL_FULL'] === '1';
/** How a drill is run: with the event-loop channel at the size that is asked for, and again, small, with the second driver. */
export interface DrillRun {
  readonly driver: FuseDriver;
  readonly full: boolean;
  readonly obstacle: string | null;
}

export const drillObstacle = loopDiskObstacle ?? (existsSync('/dev/fuse') ? null : 'needs /dev/fuse');

export const drillRuns: readonly DrillRun[] = [
  { driver: 'event-loop', full: fullProfile, obstacle: drillObstacle },
  { driver: 'fuse-native', full: false, obstacle: drillObstacle ?? fuseNativeObstacle },
];

const compiled = fileURLToPath(new URL('../..', import.meta.url));
/** The installed way; where the tests were compiled elsewhere, the program that was compiled with them. */
const program: readonly [string, ...string[]] =
  join(compiled) === join(repositoryRoot, 'dist/') ? [join(repositoryRoot, 'scripts/holdfast')] : [process.execPath, join(compiled, 'src/cli/main.js')];

const commandTimeoutMs = 300_000;
/** Conditions only by hand, and a budget that no drill fills: what is in the backup is the drill's own decision. */
const byHand = { flush: 'bytes = "never"\nage = "never"\nfill = "never"\nat_unmount = false\nlost_disk = false', budget: 'bytes = "100 GiB"' };

export class Drill {
  readonly folder: string;
  readonly mountPoint: string;
  readonly backupUrl: string;
  readonly name = 'drill';
  readonly #options: DrillOptions;
  readonly #made = new Map<string, LoopDisk>();
  #disks: LoopDisk[];
  #journalDisks: LoopDisk[];

  constructor(options: DrillOptions = {}) {
    this.#options = options;
    this.folder = realpathSync(mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'drill-')));
    for (const name of ['mnt', 'backup', 'etc', 'var']) mkdirSync(this.path(name));
    this.mountPoint = this.path('mnt');
    this.backupUrl = options.backup?.url ?? `file://${this.path('backup')}`;
    this.#disks = Array.from({ length: options.disks ?? 4 }, () => this.newDisk());
    this.#journalDisks = Array.from({ length: options.journalDisks ?? 0 }, () => this.newDisk());
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Of the pool, in the order of the configuration. */
  get disks(): readonly LoopDisk[] {
    return this.#disks;
  }

  get journalDisks(): readonly LoopDisk[] {
    return this.#journalDisks;
  }

  disk(index: number): LoopDisk {
    const disk = this.#disks[index];
    assert.ok(disk !== undefined);
    return disk;
  }

  newDisk(): LoopDisk {
    const disk = new LoopDisk(this.path(`loop${this.#made.size + 1}`), this.#options.diskBytes ?? (fullProfile ? 6 : 2) * GiB);
    this.#made.set(disk.path, disk);
    return disk;
  }

  get liveDatabase(): string {
    return this.path('var', this.name, 'skeleton.db');
  }

  get log(): string {
    const path = this.path('var', this.name, 'holdfast.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.#options.backup?.environment, HOLDFAST_CONFIG_DIR: this.path('etc'), HOLDFAST_STATE_DIR: this.path('var'), NO_COLOR: '1' };
  }

  run(...args: readonly string[]): Promise<Outcome> {
    const [file, ...words] = [...program, ...args];
    const startedMs = performance.now();
    return new Promise((resolve) => {
      execFile(file, words, { env: this.environment, timeout: commandTimeoutMs, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
        if (process.env['HOLDFAST_DRILL_TRACE'] === '1') console.error(`${(performance.now() - startedMs).toFixed(0).padStart(6)} ms: holdfast ${args.join(' ').replaceAll(`${this.folder}/`, '')}`);
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
      });
    });
  }

  /** For what must go well: throws with everything that was printed, and the end of the daemon's log. */
  async succeed(...args: readonly string[]): Promise<string> {
    const outcome = await this.run(...args);
    if (outcome.code !== 0) {
      throw new Error(`holdfast ${args.join(' ')}: exit code ${outcome.code}\n${outcome.stdout}${outcome.stderr}\nlog:\n${this.log.split('\n').slice(-15).join('\n')}`);
    }
    return outcome.stdout;
  }

  /** A process that goes on; the caller ends it. */
  start(...args: readonly string[]): ChildProcess {
    const [file, ...words] = [...program, ...args];
    return spawn(file, words, { env: this.environment, stdio: 'ignore' });
  }

  async init(): Promise<void> {
    const journal = this.#journalDisks.length === 0 ? [] : ['--journal-disk', ...this.#journalDisks.map((disk) => disk.path)];
    await this.succeed('init', this.name, '--disk', ...this.#disks.map((disk) => disk.path), ...journal, '--backup', this.backupUrl, ...this.#backupWords(), ...(this.#options.init ?? []));
    this.flushByHandOnly();
  }

  flushByHandOnly(): void {
    const path = this.path('etc', `${this.name}.toml`);
    const text = readFileSync(path, 'utf8');
    const next = text.replace(/^\[flush\].*$/m, (line) => `${line}\n${byHand.flush}`).replace(/^\[budget\].*$/m, (line) => `${line}\n${byHand.budget}`);
    assert.notEqual(next, text);
    writeFileSync(path, next);
  }

  mount(): Promise<string> {
    // Also after a restore, which writes a new file.
    const path = this.path('etc', `${this.name}.toml`);
    writeFileSync(path, withDriver(readFileSync(path, 'utf8'), this.#options.driver ?? 'event-loop'));
    return this.succeed('mount', this.name, this.mountPoint);
  }

  umount(): Promise<string> {
    return this.succeed('umount', this.name);
  }

  /** kill -9; resolves when the daemon is gone. The dead mount stays, as it would. */
  async kill(): Promise<void> {
    const { pid } = await this.status();
    assert.ok(pid !== null);
    process.kill(pid, 'SIGKILL');
    for (let tries = 0; existsSync(`/proc/${pid}`); tries++) {
      assert.ok(tries < 500, `${pid} does not die`);
      await delay(20);
    }
  }

  /** Also says whether the exit code tells the same as the words. */
  async status(): Promise<AnyStatus> {
    const { code, stdout, stderr } = await this.run('status', this.name, '--json');
    assert.ok(code === 0 || code === 3, `status: exit code ${code}\n${stdout}${stderr}`);
    const status = JSON.parse(stdout) as AnyStatus; // our own command's answer
    assert.equal(code, status.redundancy.held ? 0 : 3);
    return status;
  }

  async flush(): Promise<FlushReport> {
    const { report } = JSON.parse(await this.succeed('flush', this.name, '--json')) as { report: FlushReport }; // our own command's answer
    return report;
  }

  async dryRun(replace: readonly (readonly [LoopDisk, LoopDisk])[]): Promise<RebuildReport> {
    return JSON.parse(await this.succeed('rebuild', this.name, ...replaceWords(replace), '--dry-run', '--json')) as RebuildReport; // our own command's answer
  }

  /** The new disks take the old ones' places, here as in the configuration. */
  async rebuild(replace: readonly (readonly [LoopDisk, LoopDisk])[]): Promise<RebuildReport> {
    const report = JSON.parse(await this.succeed('rebuild', this.name, ...replaceWords(replace), '--json')) as RebuildReport; // our own command's answer
    for (const [old, next] of replace) {
      const swap = (disk: LoopDisk): LoopDisk => (disk === old ? next : disk);
      this.#disks = this.#disks.map(swap);
      this.#journalDisks = this.#journalDisks.map(swap);
    }
    return report;
  }

  /** The bare machine: disks, state and configuration are gone; new disks stand ready. */
  loseEverything(): void {
    for (const disk of this.#made.values()) disk.end();
    this.#made.clear();
    for (const name of ['etc', 'var']) {
      rmSync(this.path(name), { recursive: true });
      mkdirSync(this.path(name));
    }
    this.#disks = this.#disks.map(() => this.newDisk());
    this.#journalDisks = [];
  }

  get restoreWords(): readonly string[] {
    return ['restore', this.name, '--from', this.backupUrl, ...this.#backupWords(), '--disk', ...this.#disks.map((disk) => disk.path)];
  }

  async restore(): Promise<RestoreReport> {
    return JSON.parse(await this.succeed(...this.restoreWords, '--json')) as RestoreReport; // our own command's answer
  }

  async end(): Promise<void> {
    await this.#killDaemon();
    for (const point of this.#mountPoints()) spawnSync('umount', ['--lazy', point], { stdio: 'ignore' });
    for (const disk of this.#made.values()) disk.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #backupWords(): readonly string[] {
    return this.#options.backup?.words ?? [];
  }

  /** By its title or command line, which names our mount point, and nobody else's. */
  async #killDaemon(): Promise<void> {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
      const command = commandLineOf(entry);
      if (!command.includes(this.mountPoint) || !/^holdfast |daemon.main\.js/.test(command)) continue;
      process.kill(Number(entry), 'SIGKILL');
      await delay(100);
    }
  }

  #mountPoints(): readonly string[] {
    const points = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    return points.map((line) => line.split(' ')[1] ?? '').filter((point) => point === this.mountPoint);
  }
}

/** '' when the process is gone. */
function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function replaceWords(replace: readonly (readonly [LoopDisk, LoopDisk])[]): readonly string[] {
  return replace.flatMap(([old, next]) => ['--replace', `${old.path}=${next.path}`]);
}
