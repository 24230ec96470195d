// What is measured: one native xfs disk, and a Holdfast volume over four. Both can be made anew, and made cold: unmounted with
// everything below and mounted again, which empties their caches without touching anybody else's.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';
import { format, mount, type RamDisk, remount, stageFolder, unmount } from './rig.js';

export interface Target {
  readonly name: 'native' | 'holdfast';
  /** Where files go. */
  readonly folder: string;
  readonly disks: readonly RamDisk[];
  fresh(): Promise<void>;
  cold(): Promise<void>;
  end(): Promise<void>;
}

export class NativeTarget implements Target {
  readonly name = 'native';
  readonly folder: string;
  readonly disks: readonly RamDisk[];

  constructor(disk: RamDisk) {
    this.folder = disk.folder;
    this.disks = [disk];
  }

  async fresh(): Promise<void> {
    for (const disk of this.disks) format(disk);
  }

  async cold(): Promise<void> {
    remount(this.disks);
  }

  async end(): Promise<void> {
    for (const disk of this.disks) unmount(disk);
  }
}

const volume = 'bench';
/** Of `holdfast status` while a disk is gone. */
const degraded = 3;
const environment = { HOLDFAST_CONFIG_DIR: join(stageFolder, 'etc'), NO_COLOR: '1' };
const program = join(import.meta.dirname, '../../src/cli/main.js');

export class HoldfastTarget implements Target {
  readonly name = 'holdfast';
  readonly folder = join(stageFolder, 'mnt');
  readonly disks: readonly RamDisk[];
  /** Live database and backup; not one of the pool's. */
  readonly #system: RamDisk;
  readonly #profileFolder: string | null;
  #pid = 0;
  #peakBytes = 0;

  constructor(disks: readonly RamDisk[], system: RamDisk, profileFolder: string | null) {
    this.disks = disks;
    this.#system = system;
    this.#profileFolder = profileFolder;
    mkdirSync(this.folder);
    mkdirSync(join(stageFolder, 'etc'));
  }

  /** Largest resident memory of any daemon so far. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  async fresh(): Promise<void> {
    for (const disk of [...this.disks, this.#system]) format(disk);
    for (const name of ['state', 'backup']) mkdirSync(join(this.#system.folder, name));
    const config = join(stageFolder, 'etc', `${volume}.toml`);
    rmSync(config, { force: true });
    writeFileSync(config, this.#config());
    await this.#holdfast('init', volume);
    await this.mount();
  }

  async mount(): Promise<void> {
    if (this.#profileFolder === null) await this.#holdfast('mount', volume, this.folder);
    else await this.#mountProfiled(this.#profileFolder);
    this.#pid = Number((await this.status()).pid);
  }

  async unmount(): Promise<void> {
    this.#notePeak();
    await this.#holdfast('umount', volume);
    await this.#gone();
  }

  async cold(): Promise<void> {
    await this.unmount();
    remount([...this.disks, this.#system]);
    await this.mount();
  }

  /** As a crash would end the daemon; the mount point is left to the next mount. */
  async kill(): Promise<void> {
    this.#notePeak();
    process.kill(this.#pid, 'SIGKILL');
    await this.#gone();
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
    remount([...others, this.#system]);
    unmount(lost);
    await this.mount();
    await section();
    await this.unmount();
    mount(lost);
  }

  async end(): Promise<void> {
    for (const disk of [...this.disks, this.#system]) unmount(disk);
  }

  #config(): string {
    return [
      `name = "${volume}"`,
      `disks = [${this.disks.map((disk) => `"${disk.folder}"`).join(', ')}]`,
      'parity = 1',
      'tolerance = 2',
      `state_dir = "${join(this.#system.folder, 'state')}"`,
      '[backup]',
      `url = "file://${join(this.#system.folder, 'backup')}"`,
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
    return run(process.execPath, [program, ...args], environment, degraded);
  }

  /** The profile is written when the daemon ends. */
  async #mountProfiled(folder: string): Promise<void> {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'];
    void run(process.execPath, [...flags, program, 'mount', volume, this.folder, '--foreground'], environment).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    while (spawnSync('mountpoint', ['-q', this.folder]).status !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  #notePeak(): void {
    const kibibytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1];
    this.#peakBytes = Math.max(this.#peakBytes, 1024 * Number(kibibytes ?? 0));
  }

  async #gone(): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (alive(this.#pid)) {
      if (Date.now() > deadline) throw new Error(`the daemon (pid ${this.#pid}) does not end`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function alive(pid: number): boolean {
  try {
    // A dead child that nobody has waited for yet counts as gone.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
