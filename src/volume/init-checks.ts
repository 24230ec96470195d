// What must hold before init writes anything: a shape the disks can keep, and disks that are really several.
import { realpath, stat } from 'node:fs/promises';
import { HoldfastError } from '../base/errors.js';
import { backupDirectory } from '../config/relations.js';
import type { VolumeSettings } from '../config/settings.js';
import type { VolumePorts } from './ports.js';

/** Throws 'invalid' for a shape that n disks cannot hold; gives warnings for one that is weaker than it looks. */
export function checkShape(settings: VolumeSettings): readonly string[] {
  const n = settings.disks.length;
  const { parity, tolerance, scheme } = settings;
  const possible = Array.from({ length: n }, (_, f) => `tolerance ${f} (parity 0..${f})`).join(', ');
  if (n === 0) throw new HoldfastError('invalid', 'a volume needs at least one disk', { code: 'no-disks', hint: 'Name them with --disk.' });
  if (tolerance > n - 1 || parity > tolerance) {
    throw new HoldfastError('invalid', `${n} disk${n === 1 ? '' : 's'} cannot hold parity ${parity} with tolerance ${tolerance}`, {
      code: 'shape-impossible',
      hint: `Possible with ${n}: ${possible}.`,
    });
  }
  const warnings: string[] = [];
  if (n === 1) warnings.push('one disk: no redundancy at all until data is in the backup');
  else if (tolerance === parity && scheme === 'parity') warnings.push('tolerance = parity: the second redundancy is off');
  if (n > 1 && n <= 2 * tolerance) {
    warnings.push(`${n} disks with tolerance ${tolerance}: two halves could be mounted apart, and only the backup can tell which one is true; keep all disks together`);
  }
  return warnings;
}

/** Throws when two disks are one directory after all, by links or bind mounts, or when state or backup lie on a disk that way. Of real disks only. */
export async function checkRealPaths(settings: VolumeSettings): Promise<void> {
  const seen: { readonly given: string; readonly real: string; readonly inode: string }[] = [];
  for (const { path } of [...settings.disks, ...settings.journal.disks]) {
    const real = await realpath(path);
    const { dev, ino } = await stat(real, { bigint: true });
    const inode = `${dev}:${ino}`;
    const other = seen.find((disk) => disk.inode === inode || isInside(disk.real, real) || isInside(real, disk.real));
    if (other !== undefined) {
      throw new HoldfastError('invalid', `disks ${other.given} and ${path} lead to the same place (${real}): they overlap`, { code: 'disks-overlap', hint: 'Each disk is a directory of its own.' });
    }
    seen.push({ given: path, real, inode });
  }
  for (const place of [settings.stateDir, settings.backup === null ? null : backupDirectory(settings.backup.url)]) {
    const real = place === null ? null : await realpath(place).catch(() => null); // what is not there yet leads nowhere
    const disk = real === null ? undefined : seen.find((candidate) => isInside(real, candidate.real) || isInside(candidate.real, real));
    if (disk === undefined) continue;
    throw new HoldfastError('invalid', `${place} leads to ${real}, which overlaps with the disk ${disk.given}`, { code: 'place-on-disk', hint: 'Choose a directory outside of the disks.' });
  }
}

/** Throws when two disks overlap or share a device; gives a warning when sharing was allowed. */
export async function checkDisks(settings: VolumeSettings, ports: VolumePorts): Promise<readonly string[]> {
  const paths = [...settings.disks, ...settings.journal.disks].map((d) => d.path);
  for (const [i, a] of paths.entries()) {
    for (const b of paths.slice(i + 1)) {
      if (a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)) {
        throw new HoldfastError('invalid', `disks ${a} and ${b} overlap`, { code: 'disks-overlap', hint: 'Each disk is a directory of its own.' });
      }
    }
    if (isInside(settings.stateDir, a)) {
      throw new HoldfastError('invalid', `state_dir ${settings.stateDir} lies on disk ${a}`, { code: 'state-on-disk', hint: 'Choose a state_dir outside of the disks.' });
    }
  }
  for (const path of paths) await ports.disks.checkFormattable(path);
  const shared = await sharedDevices(paths, ports);
  if (shared === null) return [];
  if (!settings.allowSharedDevice) {
    throw new HoldfastError('invalid', `disks ${shared.a} and ${shared.b} are on the same device (${shared.device}): when it dies both die`, {
      code: 'disks-share-device',
      hint: 'Use directories on different devices, or pass --allow-shared-device to try Holdfast out.',
    });
  }
  return [`disks ${shared.a} and ${shared.b} share a device: this volume does not survive its loss`];
}

async function sharedDevices(paths: readonly string[], ports: VolumePorts): Promise<{ a: string; b: string; device: string } | null> {
  const seen = new Map<string, string>();
  for (const path of paths) {
    for (const device of await ports.disks.devices(path)) {
      const other = seen.get(device);
      if (other !== undefined && other !== path) return { a: other, b: path, device };
      seen.set(device, path);
    }
  }
  return null;
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
