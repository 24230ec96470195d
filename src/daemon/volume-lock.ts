// One process per volume: flock(2) on the state folder's lock file and on every disk's directory, so that not even a second
// configuration over the same disks gets in. The kernel lets go when the process dies; nothing can go stale.
// Who holds it stands in the lock file, for messages only.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../base/errors.js';
import type { VolumeSettings } from '../config/settings.js';
import { inStateFolder } from './state-folder.js';

export type LockPurpose = 'mount' | 'flush' | 'status' | 'deltas' | 'rebuild' | 'restore' | 'check' | 'scrub' | 'disk' | 'init';

export interface LockHolder {
  readonly pid: number;
  readonly purpose: LockPurpose;
  readonly mountPoint: string | null;
}

export class VolumeLock {
  readonly #own: number;
  /** Open directories of disks by path. */
  readonly #disks: Map<string, number>;

  private constructor(own: number, disks: Map<string, number>) {
    this.#own = own;
    this.#disks = disks;
  }

  /** 'conflict': volume-mounted when a daemon holds it, volume-busy (try again) for any other holder, disk-busy for a disk of another volume. */
  static acquire(settings: VolumeSettings, purpose: LockPurpose, mountPoint: string | null): VolumeLock {
    const disks = new Map<string, number>();
    let own: number | null = null;
    try {
      own = inStateFolder(settings.stateDir, () => {
        mkdirSync(settings.stateDir, { recursive: true, mode: 0o700 });
        return openSync(lockPath(settings), constants.O_RDWR | constants.O_CREAT, 0o600);
      });
      if (!tryLock(own)) throw heldBy(settings, lockHolder(settings));
      for (const { path } of [...settings.disks, ...settings.journal.disks]) {
        const disk = lockedDirectory(path);
        if (disk !== null) disks.set(path, disk);
      }
      ftruncateSync(own);
      writeSync(own, JSON.stringify({ pid: process.pid, purpose, mountPoint } satisfies LockHolder), 0);
      return new VolumeLock(own, disks);
    } catch (error) {
      for (const file of [...disks.values(), ...(own === null ? [] : [own])]) closeSync(file);
      throw error;
    }
  }

  /** A further disk. 'conflict' (disk-busy). */
  include(path: string): void {
    if (this.#disks.has(path)) return;
    const disk = lockedDirectory(path);
    if (disk !== null) this.#disks.set(path, disk);
  }

  /** A disk that is no part of the volume any more, or never became one. */
  exclude(path: string): void {
    const disk = this.#disks.get(path);
    this.#disks.delete(path);
    if (disk !== undefined) closeSync(disk);
  }

  release(): void {
    // An empty lock file: nobody is named who is gone in good order.
    ftruncateSync(this.#own);
    // Closing the last descriptor is what ends a flock(2).
    for (const file of [...this.#disks.values(), this.#own]) closeSync(file);
  }
}

/** Who wrote the lock file last; null when nobody did or it is being written. Says nothing about whether the lock is held. */
export function lockHolder(settings: Pick<VolumeSettings, 'stateDir'>): LockHolder | null {
  try {
    return JSON.parse(readFileSync(lockPath(settings), 'utf8')) as LockHolder; // written by acquire() only
  } catch {
    return null;
  }
}

/** null: missing or broken, so nobody can use it, and a volume with such a disk must still be mounted. */
function lockedDirectory(path: string): number | null {
  let disk: number;
  try {
    disk = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return null;
  }
  let locked = false;
  try {
    locked = tryLock(disk);
  } finally {
    if (!locked) closeSync(disk);
  }
  if (locked) return disk;
  throw new HoldfastError('conflict', `the disk ${path} is in use by another holdfast process`, {
    code: 'disk-busy',
    hint: 'two volumes cannot share a disk: compare the disks of your configuration files',
    context: { disk: path },
  });
}

function lockPath(settings: Pick<VolumeSettings, 'stateDir'>): string {
  return join(settings.stateDir, 'lock');
}

/**
 * Node has no flock(2). The lock belongs to the open file description, which a child shares: flock(1) takes it on the
 * inherited descriptor and ends, and we keep it.
 */
function tryLock(file: number): boolean {
  const result = spawnSync('flock', ['--nonblock', '--exclusive', '3'], { stdio: ['ignore', 'ignore', 'pipe', file], env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
  if (result.status === 0) return true;
  if (result.status === 1) return false;
  throw new HoldfastError('internal', `flock(1) could not be run: ${result.error?.message ?? result.stderr.toString().trim()}`, {
    code: 'flock-failed',
    hint: 'flock is part of util-linux: apt-get install util-linux',
  });
}

function heldBy(settings: VolumeSettings, holder: LockHolder | null): HoldfastError {
  if (holder?.purpose === 'mount') {
    return new HoldfastError('conflict', `volume ${settings.name} is mounted already at ${holder.mountPoint ?? '?'} (pid ${holder.pid})`, {
      code: 'volume-mounted',
      hint: `holdfast umount ${settings.name} ends that mount`,
      context: { volume: settings.name, pid: holder.pid, mountPoint: holder.mountPoint ?? '' },
    });
  }
  const who = holder === null ? 'another holdfast process' : `holdfast ${holder.purpose} (pid ${holder.pid})`;
  return new HoldfastError('conflict', `volume ${settings.name} is in use by ${who}`, {
    code: 'volume-busy',
    hint: 'try again when it has ended',
    context: { volume: settings.name, pid: holder?.pid ?? 0 },
  });
}
