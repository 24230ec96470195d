// A Holdfast volume over the four disks, parity 1, tolerance 2. A fifth disk, not one of the pool's, carries the live database and a
// directory as backup. It is driven by the command line alone, as a user does.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';
import { format, isMounted, mount, type RamDisk, remount, stageFolder, unmount } from './rig.js';
import { mountFolder, type Target, until } from './target.js';

const volume = 'bench';
/** Of `holdfast status` while a disk is gone. */
const degraded = 3;
const environment = { HOLDFAST_CONFIG_DIR: join(stageFolder, 'etc'), NO_COLOR: '1' };
const program = join(import.meta.dirname, '../../src/cli/main.js');

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
  readonly #profileFolder: string | null;
  #pid = 0;
  #peakBytes = 0;

  constructor(disks: readonly RamDisk[], system: RamDisk, profileFolder: string | null) {
    this.disks = disks;
    this.below = disks.map((disk) => disk.folder);
    this.cacheDisk = system;
    this.#profileFolder = profileFolder;
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
    remount([...this.disks, this.cacheDisk]);
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

  #config(): string {
    return [
      `name = "${volume}"`,
      `disks = [${this.disks.map((disk) => `"${disk.folder}"`).join(', ')}]`,
      'parity = 1',
      'tolerance = 2',
      `state_dir = "${join(this.cacheDisk.folder, 'state')}"`,
      '[backup]',
      `url = "file://${join(this.cacheDisk.folder, 'backup')}"`,
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
    await until('the mount', () => isMounted(this.folder));
  }

  #notePeak(): void {
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
