// May this directory become a further disk? What can be seen of real places: links, devices, mount points. Whether it is empty, and whose
// label it has, is asked when it is labelled. Looks at other disks by name only where they do not answer.
import { realpath, stat } from 'node:fs/promises';
import { HoldfastError, messageOf } from '../base/errors.js';
import { backupDirectory, isWithin } from '../config/relations.js';
import type { VolumeSettings } from '../config/settings.js';
import { physicalParents } from '../disk/device.js';

export interface PlaceRequest {
  readonly path: string;
  /** It may lie on a device that the volume uses already, or on the system's. */
  readonly allowSharedDevice: boolean;
  /** Where the volume is mounted; null: it is not. */
  readonly mountPoint: string | null;
}

/** Throws 'invalid' (disk-missing, disks-overlap, place-on-disk, disk-inside-mount, disk-on-system-device, disks-share-device). */
export async function checkPlace(settings: VolumeSettings, { path, allowSharedDevice, mountPoint }: PlaceRequest): Promise<void> {
  if (mountPoint !== null && isWithin(path, mountPoint)) throw insideMount(path, mountPoint);
  const real = await realDirectory(path);
  if (mountPoint !== null && isWithin(real, mountPoint)) throw insideMount(path, mountPoint);
  const disks = [...settings.disks, ...settings.journal.disks].map((disk) => disk.path);
  for (const disk of disks) {
    if (overlap(real, disk) || overlap(path, disk) || overlap(real, await realOf(disk))) {
      throw new HoldfastError('invalid', `${path} and the disk ${disk} overlap`, { code: 'disks-overlap', hint: 'Each disk is a directory of its own.', context: { disk } });
    }
  }
  for (const place of [settings.stateDir, settings.backup === null ? null : backupDirectory(settings.backup.url)]) {
    if (place === null || !(overlap(real, place) || overlap(real, await realOf(place)))) continue;
    throw new HoldfastError('invalid', `${path} overlaps with ${place}`, { code: 'place-on-disk', hint: 'State and backup lie outside of every disk.', context: { place } });
  }
  if (!allowSharedDevice && !settings.allowSharedDevice) await checkDevice(settings, path, disks);
}

async function checkDevice(settings: VolumeSettings, path: string, disks: readonly string[]): Promise<void> {
  const { dev } = await stat(path);
  for (const place of ['/', settings.stateDir]) {
    if ((await stat(place)).dev !== dev) continue;
    throw new HoldfastError('invalid', `${path} lies on the filesystem of ${place}: nothing is mounted there`, {
      code: 'disk-on-system-device',
      hint: 'Mount the new disk first, and give a directory on it; --allow-shared-device takes this one all the same.',
      context: { place },
    });
  }
  const own = await physicalParents(path);
  for (const disk of disks) {
    // A lost disk has no device that could be shared.
    const device = (await physicalParents(disk).catch((): readonly string[] => [])).find((one) => own.includes(one));
    if (device === undefined) continue;
    throw new HoldfastError('invalid', `${path} and the disk ${disk} are on the same device (${device}): when it dies both die`, {
      code: 'disks-share-device',
      hint: 'Use a directory on a device of its own, or pass --allow-shared-device to try Holdfast out.',
      context: { disk, device },
    });
  }
}

async function realDirectory(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) throw new HoldfastError('invalid', `${path} is no directory`, { code: 'disk-missing', hint: 'A disk is a directory on a filesystem of its own.' });
    return await realpath(path);
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError('invalid', `the directory ${path} cannot be used: ${messageOf(error)}`, { code: 'disk-missing', hint: 'Mount the new disk, and make an empty directory on it.' });
  }
}

/** As it is written where it leads nowhere. */
function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

function overlap(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

function insideMount(path: string, mountPoint: string): HoldfastError {
  return new HoldfastError('invalid', `${path} lies inside the mount ${mountPoint}`, { code: 'disk-inside-mount', hint: 'A disk lies outside of what it carries.' });
}
