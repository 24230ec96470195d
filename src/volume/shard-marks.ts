// What shard files say of the journal that the journal does not know: a segment above all that the history names was sealed in a
// future that is not here. Its header says up to where everything was durable by then. After an ordinary crash that is below the
// end; where the end of the journal was lost on all of its disks, it is above, and the mount is refused (rule 1).
import { isErrorOf } from '../base/errors.js';
import type { SegmentNumber, VolumeId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import type { DurableMark } from '../journal/durable-marks.js';
import { newestShards } from '../pool/newest-shards.js';

/** Headers read on each disk: more segments than can be sealed between two groups. */
const headersPerDisk = 32;

/** `next`: no segment of the history has this number or a higher one. */
export async function shardMarks(disks: readonly Disk[], volume: VolumeId, generations: readonly Generation[], next: SegmentNumber): Promise<readonly DurableMark[]> {
  const marks = await Promise.all(
    disks.map(async (disk) => {
      const shards = await newestShards(disk, next, headersPerDisk).catch((error: unknown) => {
        if (isErrorOf(error, 'unavailable')) return [];
        throw error;
      });
      // A segment that was opened in another history is no witness of this one.
      return shards
        .filter((shard) => shard.volume === volume && generations.some((generation) => generation.id === shard.id.generation))
        .map((shard): DurableMark => ({ generation: null, lsn: shard.durableLsn, source: `the shard of a later segment on ${disk.path}` }));
    }),
  );
  return marks.flat();
}
