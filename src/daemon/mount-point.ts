// Is this directory fit to be mounted on? Exists, is empty, is not mounted on, and holds nothing that the volume itself needs.
// Also finds Holdfast mounts in the kernel's table, and clears what a killed daemon left behind.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HoldfastError, messageOf } from '../base/errors.js';
import { backupDirectory, isWithin } from '../config/relations.js';
import type { VolumeSettings } from '../config/settings.js';

export const filesystemType = 'fuse.holdfast';
/** A daemon that is well answers in milliseconds, and within seconds on the busiest machine. */
const answerWithinMs = 10_000;

export interface MountEntry {
  readonly source: string;
  readonly point: string;
  readonly type: string;
  readonly options: string;
}

/** Mounts of this mount namespace, oldest first. */
export function mountTable(): readonly MountEntry[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [source = '', point = '', type = '', options = ''] = line.split(' ');
      return { source: unescapeOctal(source), point: unescapeOctal(point), type, options };
    });
}

/** The topmost Holdfast mount at a path, or null. Never touches the path itself: it may hang or be dead. */
export function holdfastMountAt(path: string): MountEntry | null {
  const wanted = resolve(path);
  return mountTable().findLast((entry) => entry.point === wanted && entry.type === filesystemType) ?? null;
}

/** A mount whose daemon is gone is taken away. True when there was one. Call only with the volume's lock held or for a foreign dead mount. */
export function clearDeadMount(path: string): boolean {
  const entry = holdfastMountAt(path);
  if (entry === null || livenessOf(entry.point) !== 'dead') return false;
  detachByKernel(entry.point);
  return true;
}

/** Takes a mount from its place without asking its daemon. Not by the helper of umount(8), which is ours. */
function detachByKernel(point: string): void {
  try {
    execFileSync('umount', ['-i', '--lazy', point], { stdio: 'pipe' });
  } catch {
    execFileSync('fusermount3', ['-u', '-z', point], { stdio: 'pipe' });
  }
}

/** Throws 'invalid' or 'conflict' with a way out; nothing is changed. Gives the real path. */
export function checkMountPoint(path: string, settings: VolumeSettings): string {
  const asked = resolve(path);
  const entry = holdfastMountAt(asked);
  const liveness = entry === null ? null : livenessOf(asked);
  if (liveness === 'hung') {
    throw new HoldfastError('conflict', `${asked} is a mount point of ${entry?.source ?? 'holdfast'}, whose daemon does not answer`, {
      code: 'mount-point-hung',
      hint: `look at its log and at the kernel's (dmesg); umount -f ${asked} cuts it off`,
      context: { mountPoint: asked },
    });
  }
  if (entry !== null && liveness === 'alive') {
    throw new HoldfastError('conflict', `${asked} is a mount point of ${entry.source} already`, {
      code: 'mount-point-mounted',
      hint: `holdfast umount ${asked} ends that mount; or choose another directory`,
      context: { mountPoint: asked },
    });
  }
  // A dead mount cannot be looked into; it is cleared once the volume's lock is held.
  if (entry !== null) return asked;
  const point = realDirectory(asked);
  refusePathsInside(point, settings);
  refuseContents(point, settings);
  return point;
}

function realDirectory(path: string): string {
  try {
    const point = realpathSync(path);
    if (statSync(point).isDirectory()) return point;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new HoldfastError('invalid', `the mount point ${path} cannot be used: ${messageOf(error)}`, { code: 'mount-point-unusable', cause: error, context: { mountPoint: path } });
    }
    throw new HoldfastError('invalid', `the mount point ${path} does not exist`, { code: 'mount-point-missing', hint: `mkdir -p ${quoted(path)}`, context: { mountPoint: path } });
  }
  throw new HoldfastError('invalid', `the mount point ${path} is not a directory`, { code: 'mount-point-not-directory', hint: 'choose an empty directory', context: { mountPoint: path } });
}

function refuseContents(point: string, settings: VolumeSettings): void {
  const names = readdirSync(point);
  if (names.length === 0) return;
  const beside = `${point === '/' ? '/mnt' : dirname(point)}/${settings.name}-new`.replace('//', '/');
  throw new HoldfastError('invalid', `the mount point ${point} is not empty (${names.length} ${names.length === 1 ? 'entry' : 'entries'}, for example ${names[0]})`, {
    code: 'mount-point-not-empty',
    hint: `to bring these files in: mkdir ${quoted(beside)} && holdfast mount ${settings.name} ${quoted(beside)} && cp -a ${quoted(`${point}/.`)} ${quoted(`${beside}/`)} && holdfast umount ${settings.name} && mv ${quoted(point)} ${quoted(`${point}.old`)} && mkdir ${quoted(point)} && holdfast mount ${settings.name} ${quoted(point)}`,
    context: { mountPoint: point, entries: names.length },
  });
}

/** What the volume lives on must not disappear below its own mount. */
function refusePathsInside(point: string, settings: VolumeSettings): void {
  const places: readonly (readonly [string, string | null])[] = [
    ...[...settings.disks, ...settings.journal.disks].map((disk) => ['disk', disk.path] as const),
    ['state_dir', settings.stateDir],
    ['control_socket', settings.controlSocketPath],
    ['log.file', settings.log.filePath],
    ['configuration file', settings.configPath],
    ['backup directory', settings.backup === null ? null : backupDirectory(settings.backup.url)],
  ];
  for (const [what, path] of places) {
    if (path === null || !isWithin(realAsFarAsThere(path), point)) continue;
    throw new HoldfastError('invalid', `the ${what} ${path} lies inside the mount point ${point}: the mount would hide it`, {
      code: 'inside-mount',
      hint: `choose a mount point that holds none of the volume's own files, or move the ${what}`,
      context: { mountPoint: point, path },
    });
  }
  for (const { path } of [...settings.disks, ...settings.journal.disks]) {
    if (!isWithin(point, realAsFarAsThere(path))) continue;
    throw new HoldfastError('invalid', `the mount point ${point} lies inside the disk ${path}`, { code: 'mount-inside-disk', hint: 'choose a directory outside every disk', context: { mountPoint: point, path } });
  }
}

/** The real path; of what does not exist yet, the real path of the nearest folder above plus the rest. */
function realAsFarAsThere(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const up = dirname(path);
    return up === path ? path : `${realAsFarAsThere(up)}/${path.slice(up.length).replace(/^\//, '')}`.replace('//', '/');
  }
}

/**
 * Unlike stat(2), which the kernel may answer from what it remembers, statfs(2) always asks the daemon. In a child that can be
 * given up: a daemon that hangs would otherwise take us with it.
 */
export function livenessOf(point: string): 'alive' | 'dead' | 'hung' {
  const { status, signal, stderr } = spawnSync('stat', ['--file-system', '--format=%T', '--', point], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: answerWithinMs,
    killSignal: 'SIGKILL',
  });
  if (signal !== null) return 'hung';
  return status !== 0 && /Transport endpoint is not connected|Software caused connection abort/.test(stderr) ? 'dead' : 'alive';
}

/** /proc/self/mounts and utab write blanks and the like as three octal digits. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
