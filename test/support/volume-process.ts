// A volume on plain directories, served by a daemon in a process of its own that a test can watch, ask and kill. Faster than
// loop disks (mounted.ts): for what does not depend on real devices. All waiting is by polling something that can be seen.
// end() takes everything away, whatever state it is in.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ControlClient } from '../../src/daemon/control-client.js';
import type { FuseDriver } from '../../src/config/settings.js';
import type { DaemonStatus } from '../../src/daemon/served-volume.js';
import type { FlushReport } from '../../src/volume/contract.js';
import { withDriver } from './drivers.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface VolumeProcessOptions {
  readonly disks?: number;
  /** URL and further words of `init`; default: a directory. */
  readonly backup?: { readonly url: string; readonly words: readonly string[] };
  /** Default: the event-loop channel. */
  readonly driver?: FuseDriver;
  /** Added to the environment of every command. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** Keys of the configuration file by table: { flush: { bytes: '"never"' } }. */
export type Tables = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** No condition holds by itself. */
export const byHand: Tables = { flush: { bytes: '"never"', age: '"never"', count: '"never"', fill: '"never"', at_unmount: 'false', lost_disk: 'false' } };

export const mountObstacle = process.getuid?.() !== 0 ? 'needs root' : !existsSync('/dev/fuse') ? 'needs /dev/fuse' : null;

export const program = join(import.meta.dirname, '../../src/cli/main.js');

export class VolumeProcess {
  readonly name = 'drill';
  readonly folder: string;
  readonly mountPoint: string;
  readonly backupUrl: string;
  readonly disks: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly #backupWords: readonly string[];
  #driver: FuseDriver;
  #daemon: ChildProcess | null = null;
  #written = '';

  constructor({ disks = 4, backup, driver = 'event-loop', environment = {} }: VolumeProcessOptions = {}) {
    this.folder = realpathSync(mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'volume-')));
    this.mountPoint = this.path('mnt');
    this.disks = Array.from({ length: disks }, (_, index) => this.path(`d${index + 1}`));
    for (const folder of ['mnt', 'backup', 'etc', 'var'].map((name) => this.path(name)).concat(this.disks)) mkdirSync(folder);
    this.backupUrl = backup?.url ?? `file://${this.path('backup')}`;
    this.#backupWords = backup?.words ?? [];
    this.#driver = driver;
    this.environment = { ...process.env, NO_COLOR: '1', ...environment, HOLDFAST_CONFIG_DIR: this.path('etc'), HOLDFAST_STATE_DIR: this.path('var') };
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** A path on the mount. */
  at(...parts: readonly string[]): string {
    return join(this.mountPoint, ...parts);
  }

  get log(): string {
    return ['daemon.log', join('var', this.name, 'holdfast.log')]
      .map((name) => this.path(name))
      .filter(existsSync)
      .map((path) => readFileSync(path, 'utf8'))
      .join('');
  }

  get socket(): string {
    return this.path('var', this.name, 'control.sock');
  }

  run(...args: readonly string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(process.execPath, [program, ...args], { env: this.environment, timeout: 120_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
      });
    });
  }

  /** For what must go well: throws with everything that was printed and the end of the log. */
  async succeed(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) assert.fail(`holdfast ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}\n${this.#lastWords()}`);
    return stdout;
  }

  /** init, and a configuration with these tables. */
  async init(tables: Tables = byHand, ...words: readonly string[]): Promise<void> {
    await this.succeed('init', this.name, '--disk', ...this.disks, '--backup', this.backupUrl, ...this.#backupWords, '--allow-shared-device', ...words);
    this.#written = withDriver(readFileSync(this.path('etc', `${this.name}.toml`), 'utf8'), this.#driver);
    this.configure(tables);
  }

  /** From the next mount on. */
  choose(driver: FuseDriver): void {
    this.#driver = driver;
    this.#written = withDriver(this.#written, driver);
    this.configure(byHand);
  }

  /** The configuration as init wrote it, with these keys in its tables. Takes its place in one step, as an editor does. */
  configure(tables: Tables): void {
    let text = this.#written;
    for (const [table, keys] of Object.entries(tables)) {
      const lines = Object.entries(keys).map(([key, value]) => `${key} = ${value}`);
      const next = text.replace(new RegExp(`^\\[${table}\\].*$`, 'm'), (header) => [header, ...lines].join('\n'));
      assert.notEqual(next, text, `the file has a table ${table}`);
      text = next;
    }
    const file = this.path('etc', `${this.name}.toml`);
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  /** A daemon as our own child, in the foreground; resolves when the mount answers. */
  async mount(...words: readonly string[]): Promise<void> {
    const daemon = this.launch(...words);
    await eventually(
      async () => {
        const end = daemon.exitCode ?? daemon.signalCode;
        // The log is long after a hundred lives: it is read when it is wanted only.
        if (end !== null) assert.fail(`the daemon ended with ${end} before it served\n${this.#lastWords()}`);
        return (await this.ask('ping').catch(() => null)) !== null;
      },
      'the mount answers',
      20,
    );
  }

  /** Only starts it: it may be killed before it serves. */
  launch(...words: readonly string[]): ChildProcess {
    const log = openSync(this.path('daemon.log'), 'a');
    this.#daemon = spawn(process.execPath, [program, 'mount', this.name, this.mountPoint, '--foreground', ...words], { env: this.environment, stdio: ['ignore', log, log] });
    closeSync(log);
    return this.#daemon;
  }

  get daemonPid(): number {
    assert.ok(this.#daemon?.pid !== undefined, 'no daemon was started');
    return this.#daemon.pid;
  }

  /** Sends the signal and waits for the end; gives exit code or signal. The dead mount of a killed daemon stays. */
  async signal(signal: NodeJS.Signals): Promise<number | string> {
    process.kill(this.daemonPid, signal);
    return this.ended();
  }

  /** Resolves when the daemon has ended, whoever ended it. */
  async ended(): Promise<number | string> {
    const daemon = this.#daemon;
    assert.ok(daemon !== null, 'a daemon was started');
    await eventually(async () => daemon.exitCode !== null || daemon.signalCode !== null, 'the daemon ends', 10);
    return daemon.exitCode ?? daemon.signalCode ?? 'unknown';
  }

  async umount(...words: readonly string[]): Promise<void> {
    await this.succeed('umount', this.name, ...words);
    assert.equal(await this.ended(), 0, this.#lastWords());
  }

  /** Over the control socket, without the cost of a command. */
  async ask(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const client = await ControlClient.connect(this.socket);
    if (client === null) throw new Error('no daemon listens');
    try {
      return await client.call(method, params);
    } finally {
      client.close();
    }
  }

  async status(): Promise<DaemonStatus> {
    return (await this.ask('status')) as DaemonStatus; // our own daemon's answer
  }

  async flush(): Promise<FlushReport> {
    const { report } = (await this.ask('flush')) as { report: FlushReport }; // our own daemon's answer
    return report;
  }

  async findings(): Promise<string> {
    return (await this.run('check', this.name)).stdout;
  }

  /** Does the kernel still show something at the mount point? */
  get isMounted(): boolean {
    return readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.mountPoint} `);
  }

  async end(): Promise<void> {
    if (this.#daemon !== null && this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      this.#daemon.kill('SIGKILL');
      await this.ended();
    }
    // Also what a command put into the background.
    const { pid } = JSON.parse(lockText(this.path('var', this.name, 'lock'))) as { pid?: number }; // written by our own lock
    if (pid !== undefined && commandOf(pid).includes(this.folder)) process.kill(pid, 'SIGKILL');
    const points = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    for (const point of points.filter((path) => path.startsWith(`${this.folder}/`)).reverse()) spawnSync('umount', ['--lazy', point], { stdio: 'ignore' });
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #lastWords(): string {
    return `log:\n${this.log.split('\n').slice(-12).join('\n')}`;
  }
}

/** Polls for what another process is about to do. */
export async function eventually(condition: () => Promise<boolean>, what: string, everyMs = 100, limitMs = 60_000): Promise<void> {
  const started = performance.now();
  while (!(await condition())) {
    assert.ok(performance.now() - started < limitMs, `did not happen within ${limitMs / 1000} s: ${what}`);
    await delay(everyMs);
  }
}

function lockText(path: string): string {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text === '' ? '{}' : text;
}

function commandOf(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
