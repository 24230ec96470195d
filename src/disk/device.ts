// Which device a directory lies on, and which physical devices are behind it: two disks of a volume that share one
// would be lost together. Linux only (/sys/dev/block, Documentation/ABI/testing/sysfs-block).
import { readFile, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** st_dev of the directory. */
export async function deviceOf(path: string): Promise<number> {
  return (await stat(path)).dev;
}

/**
 * Names of the physical devices under the filesystem of `path` ("sda", "nvme0n1", "loop3"), sorted. Partitions count as
 * their disk, mappings and arrays as what they are made of, a loop device as a device of its own. Filesystems without a
 * block device (tmpfs, network) give one name of their own, "dev:MAJOR:MINOR".
 */
export async function physicalParents(path: string): Promise<readonly string[]> {
  const device = await blockDeviceOf(path);
  const found = new Set<string>();
  if (device === null || !(await collect(device, found))) found.add(`dev:${numbersOf((await stat(path)).dev)}`);
  return [...found].sort();
}

/** Pairs of these directories that share a physical device (or the same filesystem). */
export async function sharingPairs(paths: readonly string[]): Promise<readonly (readonly [string, string])[]> {
  const parents = await Promise.all(paths.map(physicalParents));
  const pairs: (readonly [string, string])[] = [];
  paths.forEach((a, i) => {
    paths.slice(i + 1).forEach((b, j) => {
      const others = parents[i + 1 + j] ?? [];
      if ((parents[i] ?? []).some((name) => others.includes(name))) pairs.push([a, b]);
    });
  });
  return pairs;
}

/** "MAJOR:MINOR" as Linux packs them into a dev_t (makedev(3)). */
function numbersOf(device: number): string {
  const dev = BigInt(device);
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}

/** MAJOR:MINOR of the block device; btrfs and others show a made-up number, for them the mount table says which it is. */
async function blockDeviceOf(path: string): Promise<string | null> {
  const numbers = numbersOf((await stat(path)).dev);
  if (!numbers.startsWith('0:')) return numbers;
  const source = await mountSourceOf(await realpath(path));
  if (source === null || !source.startsWith('/dev/')) return null;
  try {
    return numbersOf((await stat(source)).rdev);
  } catch {
    return null; // the device node is not visible here: the filesystem stands for itself
  }
}

async function mountSourceOf(path: string): Promise<string | null> {
  return (await innermostMount(path))?.source ?? null;
}

/**
 * What is mounted at or above `path` (absolute, without symbolic links), as a text that changes when something else is.
 * Asks the mount table only, never the directory: it may be on a disk that hangs.
 */
export async function mountAt(path: string): Promise<string> {
  const mount = await innermostMount(path);
  return mount === null ? '' : `${mount.id} ${mount.point}`;
}

interface Mount {
  readonly id: string;
  readonly point: string;
  readonly source: string;
}

/** The innermost mount that holds `path`, of stacked ones the topmost (proc_pid_mountinfo(5)). */
async function innermostMount(path: string): Promise<Mount | null> {
  let best: Mount | null = null;
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const [before, after] = line.split(' - ');
    const [id = '', , , , field = ''] = before?.split(' ') ?? [];
    const point = unescape(field);
    const holds = path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`);
    if (point === '' || !holds || point.length < (best?.point.length ?? 0)) continue;
    best = { id, point, source: unescape(after?.split(' ')[1] ?? '') };
  }
  return best;
}

/** Spaces and such are octal in the mount table. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Adds the physical devices under a block device; false when the kernel does not show it. */
async function collect(device: string, found: Set<string>): Promise<boolean> {
  let folder: string;
  try {
    folder = join('/sys/dev/block', await readlink(join('/sys/dev/block', device)));
  } catch {
    return false;
  }
  const names = await readdir(folder);
  if (names.includes('partition')) folder = dirname(folder);
  const slaves = names.includes('slaves') ? await readdir(join(folder, 'slaves')) : [];
  for (const slave of slaves) {
    const numbers = (await readFile(join(folder, 'slaves', slave, 'dev'), 'utf8')).trim();
    await collect(numbers, found);
  }
  if (slaves.length === 0) found.add(basename(folder));
  return true;
}
