// After an unclean end, or when a disk is back that was lost: shard files that no record knows are removed, in the background and in slices.
import { segmentName, type DiskId } from '../base/ids.js';
import { messageOf } from '../base/errors.js';
import type { Disk } from '../disk/disk.js';
import type { ShardIsKnown } from '../pool/contract.js';
import type { VolumeCore } from './core.js';

/** Resolves when every present disk was looked through; a disk that fails meanwhile is left out. `stopped` ends it early. */
export async function removeStrays(core: VolumeCore, stopped: () => boolean): Promise<void> {
  for (const disk of core.disks.writable('pool')) await removeStraysOn(core, disk, stopped);
}

export async function removeStraysOn(core: VolumeCore, disk: Disk, stopped: () => boolean): Promise<void> {
  if (stopped()) return;
  try {
    for await (const { removed } of core.pool.sweepStrays(disk, knownOn(core, disk.id))) {
      if (removed.length > 0) core.ports.logger.info({ disk: disk.path, files: removed.length }, 'shard files of no segment were removed');
      await core.ports.clock.turn();
      if (stopped()) return;
    }
  } catch (error) {
    core.ports.logger.warn({ disk: disk.path, error: messageOf(error) }, 'looking for stray shard files was given up on this disk');
  }
}

/** The record names this very file: segment of this history, layout, index and disk. */
function knownOn(core: VolumeCore, disk: DiskId): ShardIsKnown {
  return (id, layoutNumber, index) => {
    const place = core.placeOf(id.number);
    if (place === null) return core.pool.unsealed().includes(id.number);
    return segmentName(place.id) === segmentName(id) && place.layout.number === layoutNumber && place.disks[index] === disk;
  };
}
