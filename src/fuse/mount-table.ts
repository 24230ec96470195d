// Reads /proc/self/mountinfo (proc(5)): what is mounted where, without touching any mount, which could hang.
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface MountEntry {
  readonly mountPoint: string;
  /** `fuse.holdfast`, `ext4`, ... */
  readonly type: string;
  readonly source: string;
  /** `major:minor` of st_dev. A FUSE connection is known by the minor number. */
  readonly device: string;
}

export async function readMountTable(): Promise<readonly MountEntry[]> {
  return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** Of every other mount namespace that has a mount with this device number, one process. Who may not be looked at is passed over. */
export async function namespacesOf(device: string): Promise<readonly { readonly pid: number; readonly command: string }[]> {
  const own = await readlink('/proc/self/ns/mnt').catch(() => '');
  const seen = new Set([own]);
  const found: { readonly pid: number; readonly command: string }[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const namespace = await readlink(`/proc/${name}/ns/mnt`);
      if (seen.has(namespace)) continue;
      seen.add(namespace);
      const table = parseMountTable(await readFile(`/proc/${name}/mountinfo`, 'utf8'));
      if (table.some((entry) => entry.device === device)) found.push({ pid: Number(name), command: (await readFile(`/proc/${name}/comm`, 'utf8')).trim() });
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
    }
  }
  return found;
}

/** The mount that is seen at exactly this path: of several the last. */
export function mountAt(table: readonly MountEntry[], path: string): MountEntry | undefined {
  return table.findLast((entry) => entry.mountPoint === path);
}

/** Where the mount with this device number is now, wherever it was moved to; of several places (bind mounts) the one at `path` first. */
export function mountOfDevice(table: readonly MountEntry[], device: string, path: string): MountEntry | undefined {
  const places = table.filter((entry) => entry.device === device);
  return places.find((entry) => entry.mountPoint === path) ?? places[0];
}

/** Lines like `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw`; the fields before the dash vary in number. */
export function parseMountTable(text: string): readonly MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ', 2);
    const device = left?.split(' ')[2];
    const mountPoint = left?.split(' ')[4];
    const [type, source] = right?.split(' ') ?? [];
    if (device === undefined || mountPoint === undefined || type === undefined || source === undefined) continue;
    entries.push({ mountPoint: unescaped(mountPoint), type, source: unescaped(source), device });
  }
  return entries;
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
