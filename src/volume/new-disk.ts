// A directory becomes a disk of a volume that is open: labelled, and known to hold no other history. Nothing uses it yet.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { asDiskId } from '../base/ids.js';
import { uuid } from '../base/random.js';
import type { Disk } from '../disk/disk.js';
import { loadGenerations } from '../journal/generations.js';
import { strangersTo } from '../journal/true-history.js';
import type { VolumeCore } from './core.js';

/** Formats an empty directory; one that was labelled for this volume before (an interrupted work, a disk that was away) is taken as it is. */
export async function labelledDisk(core: VolumeCore, path: string): Promise<Disk> {
  const { disks, random } = core.ports;
  try {
    return await disks.format(path, { volume: core.volume, disk: asDiskId(uuid(random)), volumeName: core.settings.name });
  } catch (error) {
    if (!isErrorOf(error, 'conflict')) throw error;
    // Not for this volume, or not labelled at all: what format() said of it is the clearer answer.
    const { disk } = await disks.open(path, core.volume).catch((): never => {
      throw error;
    });
    try {
      await refuseOtherHistory(core, disk);
    } catch (refused) {
      await disk.close();
      throw refused;
    }
    return disk;
  }
}

/** What a disk that was mounted apart holds would be gone with its first journal file: that is for a person to say, by emptying it. */
async function refuseOtherHistory(core: VolumeCore, disk: Disk): Promise<void> {
  const { list } = await loadGenerations(disk, core.volume);
  const other = strangersTo(core.generations, list ?? []).at(-1);
  if (other === undefined) return;
  throw new HoldfastError('conflict', `${disk.path} holds another history of this volume, generation ${other.number} (${other.id})`, {
    code: 'disk-other-history',
    hint: 'If nothing of it is needed any more (`holdfast mount --prefer-history` shows it), empty the directory and try again.',
    context: { disk: disk.path, generation: other.id },
  });
}
