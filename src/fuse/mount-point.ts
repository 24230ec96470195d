// What is at a mount point before we mount, and the removal of what a dead daemon left there.
// Never blocks for long: a mount whose server does not answer is 'hung'.
import { lstat, readdir, realpath, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Clock, within } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import { forceUnmount, unmount } from './mount.js';
import { type MountEntry, mountAt, readMountTable } from './mount-table.js';

export type MountPointState = 'missing' | 'not-directory' | 'not-empty' | 'empty' | 'mounted' | 'dead' | 'hung';

export interface MountPoint {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly state: MountPointState;
  /** With 'mounted', 'dead' and 'hung': what is mounted there. */
  readonly mount: MountEntry | null;
}

const answerWithinMs = 5_000;
const stackedMountsMax = 16;

export async function inspectMountPoint(givenPath: string, clock: Clock): Promise<MountPoint> {
  let path = await besideMounts(resolve(givenPath));
  let mount = mountAt(await readMountTable(), path);
  if (mount === undefined) {
    const found = await lstat(path).catch(() => null);
    if (found === null) return { path, state: 'missing', mount: null };
    if (found.isSymbolicLink()) {
      const target = await realpath(path).catch(() => null);
      if (target === null) return { path, state: 'missing', mount: null };
      path = target;
      mount = mountAt(await readMountTable(), path);
    }
  }
  if (mount !== undefined) return { path, state: await liveness(path, clock), mount };
  return { path, state: await emptiness(path), mount: null };
}

/** Makes sure that there is an empty directory to mount on; detaches what dead daemons left. Gives its absolute path. */
export async function prepareMountPoint(givenPath: string, clock: Clock): Promise<string> {
  for (let detached = 0; detached <= stackedMountsMax; detached++) {
    const { path, state, mount } = await inspectMountPoint(givenPath, clock);
    if (state === 'empty') return path;
    if (state !== 'dead') throw unusable(path, state, mount);
    await unmount(path, { lazy: true });
  }
  throw new HoldfastError('unavailable', `${givenPath}: too many dead mounts lie on top of each other`, { code: 'mount-point-dead' });
}

/** Writing to it cuts the connection. It is not there where fusectl is not mounted. */
export function connectionFile(device: string): string {
  return `/sys/fs/fuse/connections/${device.split(':')[1] ?? ''}/abort`;
}

/** Cuts the connection of a FUSE mount, so that everybody who waits in it gets an error: for a server that hangs. The mount may be gone, too, afterwards. */
export async function abortConnection(mount: MountEntry): Promise<void> {
  const file = connectionFile(mount.device);
  try {
    await writeFile(file, '1');
  } catch (error) {
    // fusectl is not mounted everywhere; a forced unmount begins with the same cut.
    if ((await forceUnmount(mount.mountPoint)) === 0) return;
    throw new HoldfastError('unavailable', `cannot cut the connection of ${mount.mountPoint}: ${messageOf(error)}`, {
      code: 'fuse-abort-failed',
      hint: `As root: mount -t fusectl fusectl /sys/fs/fuse/connections; echo 1 > ${file}`,
      cause: error,
    });
  }
}

/** The path with its parents resolved but itself untouched: a dead mount cannot even be looked at. */
async function besideMounts(path: string): Promise<string> {
  if (path === '/') return path;
  try {
    return join(await realpath(dirname(path)), basename(path));
  } catch {
    // A parent that is not there is found missing by what follows.
    return path;
  }
}

async function liveness(path: string, clock: Clock): Promise<'mounted' | 'dead' | 'hung'> {
  // Unlike stat(2), which the kernel may answer from what it remembers, statfs(2) always asks the server.
  const answered = statfs(path).then(
    (): 'mounted' => 'mounted',
    (error: NodeJS.ErrnoException): 'mounted' | 'dead' => (error.code === 'ENOTCONN' || error.code === 'ECONNABORTED' ? 'dead' : 'mounted'),
  );
  return within(clock, answerWithinMs, answered, 'hung' as const);
}

async function emptiness(path: string): Promise<MountPointState> {
  try {
    return (await readdir(path)).length === 0 ? 'empty' : 'not-empty';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readdir rejects with system errors only
    if (code === 'ENOENT') return 'missing';
    if (code === 'ENOTDIR') return 'not-directory';
    throw new HoldfastError('unavailable', `${path}: ${messageOf(error)}`, { code: 'mount-point-unreadable', cause: error });
  }
}

function unusable(path: string, state: Exclude<MountPointState, 'empty' | 'dead'>, mount: MountEntry | null): HoldfastError {
  switch (state) {
    case 'missing':
      return new HoldfastError('invalid', `${path}: no such directory`, { code: 'mount-point-missing', hint: `mkdir -p ${path}` });
    case 'not-directory':
      return new HoldfastError('invalid', `${path} is not a directory`, { code: 'mount-point-not-directory' });
    case 'not-empty':
      return new HoldfastError('invalid', `${path} is not empty`, {
        code: 'mount-point-not-empty',
        hint: 'To bring these files in: move the folder aside, mount on a new empty one, and copy them in with `cp -a`.',
      });
    case 'mounted':
      return new HoldfastError('conflict', `${path}: ${mount?.source ?? 'something'} (${mount?.type ?? 'unknown'}) is mounted there`, { code: 'mount-point-busy' });
    case 'hung':
      return new HoldfastError('conflict', `${path}: what is mounted there (${mount?.type ?? 'unknown'}) does not answer`, { code: 'mount-point-hung' });
  }
}
