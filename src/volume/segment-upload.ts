// Brings one sealed segment to the backup and records its presence there, once the store has proven it.
// May be repeated: an object that exists is verified, not written again.
import type { Backup } from '../backup/backup.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { SegmentNumber } from '../base/ids.js';
import type { SegmentPlace } from '../pool/contract.js';
import type { VolumeCore } from './core.js';

/** 'unavailable' (segment-unsealed, segment-lost) and what the store gives. */
export async function uploadSegment(core: VolumeCore, backup: Backup, segment: SegmentNumber): Promise<void> {
  const place = core.placeOf(segment);
  if (place === null) {
    throw new HoldfastError('unavailable', `segment ${segment} could not be sealed, so it cannot be uploaded`, {
      code: 'segment-unsealed',
      hint: 'Too few disks take writes: see `holdfast status`.',
    });
  }
  const bytes = await bytesOf(core, backup, place);
  await backup.segments.put(place.id, bytes);
  failpoint('after-upload-before-presence');
  // Proven by the store's checksum or by read-back: the archive resolves only then.
  core.record({ type: 'presence', segment, present: true });
}

/** Of a segment that the disks cannot give, the backup may have an object after all: one that was missing came back. */
async function bytesOf(core: VolumeCore, backup: Backup, place: SegmentPlace): Promise<Buffer> {
  try {
    return await core.pool.readAll(place);
  } catch (error) {
    if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
    // Written anew while it was read: the old shards went, the new ones are as good.
    const now = core.placeOf(place.id.number);
    if (now !== null && now.layout.number !== place.layout.number) return bytesOf(core, backup, now);
    const length = await backup.segments.length(place.id);
    if (length !== null) return backup.segments.get(place.id, 0, length);
    throw new HoldfastError('unavailable', `segment ${place.id.number} is in no source any more, so no complete root can be made: ${error.message}`, {
      code: 'segment-lost',
      hint: '`holdfast rebuild` names the files that need it; bring a disk or the object back, or remove those files, and flush again.',
      cause: error,
    });
  }
}
