// A Holdfast volume over the four disks, parity 1, tolerance 2. A fifth disk, not one of the pool's, carries the live database and a
// directory as backup. It is driven by the command line alone, as a user does.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControlClient } from '../../src/daemon/control-client.js';
import { run } from './child.js';
import { format, isMounted, mount, type RamDisk, remount, stageFolder, unmount } from './rig.js';
import { seconds } from './stage.js';
import { mountFolder, type Target, until } from './target.js';

const volume = 'bench';
/** Of `holdfast status` while a disk is gone. */
const degraded = 3;
const environment = { HOLDFAST_CONFIG_DIR: join(stageFolder, 'etc'), NO_COLOR: '1' };
const volumeFile = join(stageFolder, 'etc', `${volume}.toml`);
const program = join(import.meta.dirname, '../../src/cli/main.js');
const slowDaemon = join(import.meta.dirname, 'slow-daemon.js');

/** How the daemon is run, where not as usual. */
export interface Ways {
  readonly cpuProfileFolder?: string | null;
  readonly slowDisks?: boolean;
}

/** Lines of [backup] in the configuration, and what the SDK takes from the environment. */
export interface BackupPlace {
  readonly lines: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

export class HoldfastTarget implements Target {
  readonly name = 'holdfast';
  readonly about = 'parity 1, tolerance 2 over 4 disks';
  readonly packages = ['xfsprogs', 'fuse3'];
  readonly lacks = (): null => null;
  readonly folder = mountFolder('holdfast');
  readonly disks: readonly RamDisk[];
  readonly below: readonly string[];
  /** Live database and backup. */
  readonly cacheDisk: RamDisk;
  /** From the next `fresh` on; null: a directory on the cache disk. */
  backup: BackupPlace | null = null;
  /** From the next `fresh` on. */
  tolerance: 1 | 2 = 2;
  readonly #ways: Ways;
  #pid = 0;
  #peakBytes = 0;

  constructor(disks: readonly RamDisk[], system: RamDisk, ways: Ways = {}) {
    this.disks = disks;
    this.below = disks.map((disk) => disk.folder);
    this.cacheDisk = system;
    this.#ways = ways;
    mkdirSync(this.folder);
    mkdirSync(join(stageFolder, 'etc'));
  }

  /** Largest resident memory of any daemon so far. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  async fresh(): Promise<void> {
    await this.down();
    for (const disk of [...this.disks, this.cacheDisk]) format(disk);
    for (const name of ['state', 'backup']) mkdirSync(join(this.cacheDisk.folder, name));
    rmSync(volumeFile, { force: true });
    writeFileSync(volumeFile, this.#config());
    await this.#holdfast('init', volume);
    await this.mount();
  }

  async mount(...words: readonly string[]): Promise<void> {
    const { cpuProfileFolder = null, slowDisks = false } = this.#ways;
    if (slowDisks) await this.#mountForeground([slowDaemon, volumeFile, this.folder]);
    // The profile is written when the daemon ends.
    else if (cpuProfileFolder !== null) await this.#mountForeground(['--cpu-prof', `--cpu-prof-dir=${cpuProfileFolder}`, '--cpu-prof-interval=500', program, 'mount', volume, this.folder, '--foreground', ...words]);
    else await this.#holdfast('mount', volume, this.folder, ...words);
    this.#pid = Number((await this.status()).pid);
  }

  async unmount(): Promise<void> {
    this.notePeak();
    await this.#holdfast('umount', volume);
    await this.#gone();
  }

  async cold(): Promise<void> {
    await this.unmount();
    remount([...this.disks, this.cacheDisk]);
    await this.mount();
  }

  /** As a crash would end the daemon; the mount point is left to the next mount. */
  async kill(): Promise<void> {
    this.notePeak();
    process.kill(this.#pid, 'SIGKILL');
    await this.#gone();
  }

  /** As a power loss would: the live database, which is never synced, is worth nothing afterwards. */
  async losePower(): Promise<void> {
    await this.kill();
    // The old mount point has no daemon any more.
    unmount(this.folder);
    remount([...this.disks, this.cacheDisk]);
    for (const name of readdirSync(this.#stateFolder)) rmSync(join(this.#stateFolder, name), { recursive: true });
  }

  /** Since the mount, by the daemon's own histogram. */
  async largestLoopDelayMs(): Promise<number> {
    const daemon = await ControlClient.connect(join(this.#stateFolder, 'control.sock'));
    if (daemon === null) throw new Error('the daemon does not listen');
    const { text } = (await daemon.call('metrics')) as { readonly text: string }; // src/daemon/control-methods.ts
    daemon.close();
    const seconds = /^holdfast_event_loop_delay_seconds\{.*quantile="1".*\} (\S+)$/m.exec(text)?.[1];
    if (seconds === undefined) throw new Error('the daemon has no figure of its event loop');
    return 1000 * Number(seconds);
  }

  /** Puts an empty disk in the place of the first, and makes it whole. Unmounted afterwards. */
  async rebuildFirstDisk(): Promise<{ readonly seconds: number; readonly folder: string }> {
    const [lost] = this.disks;
    if (lost === undefined) throw new Error('there is a disk to lose');
    await this.unmount();
    format(lost);
    const folder = join(lost.folder, 'fresh');
    mkdirSync(folder);
    return { folder, seconds: await seconds(() => this.#holdfast('rebuild', volume, '--replace', `${lost.folder}=${folder}`)) };
  }

  /** All disks are lost; seconds until the volume is whole again from this backup. Unmounted before and afterwards. */
  async restore(url: string, server: { readonly endpoint: string; readonly region: string }): Promise<number> {
    for (const disk of [...this.disks, this.cacheDisk]) format(disk);
    rmSync(volumeFile);
    return seconds(() => this.#holdfast('restore', volume, '--from', url, '--endpoint', server.endpoint, '--region', server.region, '--state-dir', this.#stateFolder, '--disk', ...this.below));
  }

  async flush(): Promise<void> {
    await this.#holdfast('flush', volume);
  }

  async status(): Promise<{ readonly pid: number }> {
    return JSON.parse(await this.#holdfast('status', volume, '--json')) as { readonly pid: number }; // the part looked at here
  }

  /** Runs `section` cold while the first disk is not there. The volume is of no use for anything but reading afterwards. */
  async withoutOneDisk(section: () => Promise<void>): Promise<void> {
    await this.unmount();
    const [lost, ...others] = this.disks;
    if (lost === undefined) throw new Error('there is a disk to lose');
    remount([...others, this.cacheDisk]);
    unmount(lost.folder);
    await this.mount();
    await section();
    await this.unmount();
    mount(lost);
  }

  async down(): Promise<void> {
    if (alive(this.#pid)) await this.unmount();
    // What a killed daemon leaves.
    unmount(this.folder);
    for (const disk of [...this.disks, this.cacheDisk]) unmount(disk.folder);
  }

  get #stateFolder(): string {
    return join(this.cacheDisk.folder, 'state');
  }

  #config(): string {
    return [
      `name = "${volume}"`,
      `disks = [${this.disks.map((disk) => `"${disk.folder}"`).join(', ')}]`,
      'parity = 1',
      `tolerance = ${this.tolerance}`,
      `state_dir = "${this.#stateFolder}"`,
      '[backup]',
      ...(this.backup?.lines ?? [`url = "file://${join(this.cacheDisk.folder, 'backup')}"`]),
      // Flushes are started by the bench alone, and the budget is no part of what is measured.
      '[flush]',
      ...['bytes', 'age', 'count', 'fill'].map((key) => `${key} = "never"`),
      'lost_disk = false',
      // As the native disk is mounted.
      '[mount]',
      'noatime = true',
      '[budget]',
      'bytes = "1 TiB"',
      '',
    ].join('\n');
  }

  #holdfast(...args: readonly string[]): Promise<string> {
    return run(process.execPath, [program, ...args], { ...environment, ...this.backup?.environment }, degraded);
  }

  async #mountForeground(args: readonly string[]): Promise<void> {
    run(process.execPath, args, environment).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    await until('the mount', () => isMounted(this.folder), 60);
  }

  notePeak(): void {
    const kibibytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1];
    this.#peakBytes = Math.max(this.#peakBytes, 1024 * Number(kibibytes ?? 0));
  }

  async #gone(): Promise<void> {
    await until(`the end of the daemon (pid ${this.#pid})`, () => !alive(this.#pid), 60);
  }
}

function alive(pid: number): boolean {
  if (pid === 0) return false;
  try {
    // A dead child that nobody has waited for yet counts as gone.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
