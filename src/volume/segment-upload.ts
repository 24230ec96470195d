// Brings the segments of a flush to the backup, a few at a time, and records the presence of each once the store has proven it. May be
// repeated: an object that exists is verified, not written again. A segment that no source has any more does not hold up the others:
// it is named at the end, and while it goes on a partial root is asked for now and then.
import type { Backup } from '../backup/backup.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { SegmentNumber } from '../base/ids.js';
import type { SegmentPlace } from '../pool/contract.js';
import type { VolumeCore } from './core.js';
import { fetchSegment, type Rescue } from './rescue.js';

/** Segments in flight to the backup: enough to hide round trips, 4 x 32 MiB of memory (twice that where the store wants them in one piece). */
const uploadsAtOnce = 4;
/** A machine that dies within a day's flush loses the work of so much of it; each partial root is one small object. */
export const partialRootIntervalMs = 15 * 60_000;

export interface UploadHooks {
  /** Throws when the flush is to end. */
  readonly assertGoing: () => void;
  readonly uploaded: (done: number, total: number) => void;
  /** What the root would lack if it were made now; resolves when it stands. */
  readonly partial: (lost: readonly SegmentNumber[], pending: readonly SegmentNumber[]) => Promise<void>;
}

export class SegmentUploads {
  readonly #core: VolumeCore;
  readonly #rescue: Rescue;
  readonly #backup: Backup;
  readonly #hooks: UploadHooks;
  readonly #lost: SegmentNumber[] = [];
  #partialMs: number;
  /** A partial root is being made: one at a time. */
  #publishing = false;

  constructor(core: VolumeCore, rescue: Rescue, backup: Backup, hooks: UploadHooks) {
    this.#core = core;
    this.#rescue = rescue;
    this.#backup = backup;
    this.#hooks = hooks;
    this.#partialMs = core.ports.clock.monotonicMs();
  }

  /** Those that were open at the cut come first: a root whose image shows a segment as open and lacks it could not be mounted. Gives the lost ones. */
  async run(open: readonly SegmentNumber[], sealed: readonly SegmentNumber[]): Promise<readonly SegmentNumber[]> {
    await this.#each(open, (segment) => this.#upload(segment));
    const pending = new Set(sealed);
    await this.#each(sealed, async (segment) => {
      await this.#uploadUnlessLost(segment);
      pending.delete(segment);
      this.#hooks.uploaded(open.length + sealed.length - pending.size, open.length + sealed.length);
      await this.#partialNowAndThen(pending);
    });
    return this.#lost;
  }

  async #each(segments: readonly SegmentNumber[], action: (segment: SegmentNumber) => Promise<void>): Promise<void> {
    let next = 0;
    let failure: unknown = null;
    const worker = async (): Promise<void> => {
      while (next < segments.length && failure === null) {
        const segment = segments[next++];
        if (segment === undefined) return;
        try {
          this.#hooks.assertGoing();
          await action(segment);
        } catch (error) {
          failure ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: uploadsAtOnce }, worker));
    if (failure !== null) throw failure;
  }

  async #uploadUnlessLost(segment: SegmentNumber): Promise<void> {
    try {
      await this.#upload(segment);
    } catch (error) {
      if (!(error instanceof HoldfastError && error.code === 'segment-lost')) throw error;
      this.#core.ports.logger.error({ segment, error: error.message }, 'a segment has no source left; the root will name it as lost');
      this.#lost.push(segment);
    }
  }

  async #partialNowAndThen(pending: ReadonlySet<SegmentNumber>): Promise<void> {
    const now = this.#core.ports.clock.monotonicMs();
    if (this.#publishing || pending.size === 0 || now - this.#partialMs < partialRootIntervalMs) return;
    this.#publishing = true;
    try {
      await this.#hooks.partial([...this.#lost], [...pending]);
      this.#partialMs = now;
    } finally {
      this.#publishing = false;
    }
  }

  /** 'unavailable' (segment-unsealed, segment-lost) and what the store gives. */
  async #upload(segment: SegmentNumber): Promise<void> {
    const core = this.#core;
    const place = core.placeOf(segment);
    if (place === null) {
      throw new HoldfastError('unavailable', `segment ${segment} could not be sealed, so it cannot be uploaded`, {
        code: 'segment-unsealed',
        hint: 'Too few disks take writes: see `holdfast status`.',
      });
    }
    const bytes = await this.#bytesOf(place);
    await this.#backup.segments.put(place.id, bytes);
    failpoint('after-upload-before-presence');
    // Proven by the store's checksum or by read-back: the archive resolves only then.
    core.record({ type: 'presence', segment, present: true });
  }

  /** From the disks; else from the backup, which may have an object after all (one that was missing came back); else from the journal. */
  async #bytesOf(place: SegmentPlace): Promise<Buffer> {
    const core = this.#core;
    try {
      return await core.pool.readAll(place);
    } catch (error) {
      if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
      const now = core.placeOf(place.id.number);
      // Written anew while it was read: the old shards went, the new ones are as good.
      if (now !== null && now.layout.number !== place.layout.number) return this.#bytesOf(now);
      // A store that does not answer ends the flush here: only one that answers can be said to lack it.
      const { bytes } = await fetchSegment(this.#backup, place.id);
      if (bytes !== null) return bytes;
      const row = core.skeleton.segment(place.id.number);
      const journaled = row === null ? null : await this.#rescue.fromJournal({ ...row, length: place.length });
      if (journaled !== null) return journaled;
      throw new HoldfastError('unavailable', `segment ${place.id.number} is in no source any more: ${error.message}`, {
        code: 'segment-lost',
        hint: '`holdfast rebuild` names the files that need it; bring a disk or the object back, or remove those files, and flush again.',
        cause: error,
      });
    }
  }
}
