// Real disks for drills: sparse images on loop devices, each with its own xfs, by scripts/loop-disks. Ways to lose one are here too.
// end() takes down everything, whatever state it is in. Needs root.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

/** Why loop disks cannot be had here; null when they can. */
export const loopDiskObstacle = process.getuid?.() !== 0 ? 'needs root' : !existsSync('/dev/loop-control') ? 'needs loop devices' : null;

const script = join(repositoryRoot, 'scripts/loop-disks');

/**
 * - `errors`: every read and write gives EIO, also on files that are open (a dying disk);
 * - `pulled`: the filesystem goes from its place, what is open works on (a lazy unmount);
 * - `cut`: the medium ends early: blocks behind the end cannot be read or written.
 */
export type DiskLoss = 'errors' | 'pulled' | 'cut';

export class LoopDisk {
  /** The mount point, which is the disk's directory for Holdfast. */
  readonly path: string;
  readonly #folder: string;
  #frozen = false;

  /** `folder` is this disk's alone. */
  constructor(folder: string, bytes: number) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.path = execFileSync(script, ['up', folder, '1', String(bytes), 'xfs'], { encoding: 'utf8' }).trim();
  }

  lose(how: DiskLoss): void {
    if (how === 'errors') execFileSync('xfs_io', ['-x', '-c', 'shutdown', this.path]);
    else if (how === 'cut') truncateSync(join(this.#folder, 'image1'), 1 << 20);
    else this.detach();
  }

  /** Gone from its path: the empty mount point remains. */
  detach(): void {
    execFileSync(script, ['detach', this.#folder, '1'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  attach(): void {
    execFileSync(script, ['attach', this.#folder, '1'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** Every write to it hangs, not even to be killed, until thaw(); what is cached can be read. */
  freeze(): void {
    execFileSync('fsfreeze', ['--freeze', this.path]);
    this.#frozen = true;
  }

  thaw(): void {
    if (this.#frozen) execFileSync('fsfreeze', ['--unfreeze', this.path]);
    this.#frozen = false;
  }

  /** What lies in the mount point of a disk that is detached: nothing, or somebody wrote beneath. */
  beneath(): readonly string[] {
    return readdirSync(this.path);
  }

  end(): void {
    // A frozen filesystem could not be unmounted.
    this.thaw();
    execFileSync(script, ['down', this.#folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}
