// Removes what Holdfast keeps on a disk that is no part of a volume any more, the label last: cut short, the rest is still known for what it is.
import { HoldfastError } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { Logger } from '../base/logger.js';
import type { Clock } from '../base/clock.js';
import type { Disk } from '../disk/disk.js';
import { labelPath } from '../disk/label.js';
import { generationsPath } from '../format/generation-codec.js';
import type { DiskProvider } from './ports.js';

/** Files lie so many folders below each of these. */
const folders: readonly (readonly [string, number])[] = [
  ['shards', 1],
  ['journal', 0],
  ['image', 1],
];
/** Files removed in one turn. */
const filesAtOnce = 64;

/** False: the disk does not let go of them all, or it was stopped. `told`: files so far, of those that are known. */
export async function emptyDisk(
  disk: Disk,
  provider: Pick<DiskProvider, 'removeFolders'>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  told: (done: number, total: number) => void,
  stopped: () => boolean,
): Promise<boolean> {
  try {
    const files: string[] = [];
    for (const [folder, depth] of folders) files.push(...(await filesBelow(disk, folder, depth)));
    files.push(generationsPath);
    for (let done = 0; done < files.length; done += filesAtOnce) {
      await Promise.all(files.slice(done, done + filesAtOnce).map((path) => disk.remove(path)));
      told(Math.min(done + filesAtOnce, files.length), files.length);
      await clock.turn();
      if (stopped()) return false;
    }
    await provider.removeFolders(
      disk,
      folders.map(([folder]) => folder),
    );
    failpoint('disk-emptied-before-label');
    await disk.remove(labelPath);
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    logger.warn({ disk: disk.path, error: error.message }, 'the files on a removed disk could not all be removed');
    return false;
  }
}

async function filesBelow(disk: Disk, folder: string, depth: number): Promise<readonly string[]> {
  const paths = (await disk.list(folder)).map((name) => `${folder}/${name}`);
  if (depth === 0) return paths;
  const files: string[] = [];
  for (const path of paths) files.push(...(await filesBelow(disk, path, depth - 1)));
  return files;
}
