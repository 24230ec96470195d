// Looks at one segment as a scrub does: header, table and every cell of every shard, as the media have them. What is bad is made again from
// parity, else the whole segment from the backup, else from the journal; what no source has is named by file and range, never guessed.
import { isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { DiskId, SegmentNumber } from '../base/ids.js';
import { fileBytes, shardPath } from '../format/shard.js';
import type { FaultyShard, SegmentPlace } from '../pool/contract.js';
import type { LostRange } from './contract.js';
import type { VolumeCore } from './core.js';
import { unreadableRanges } from './lost.js';
import type { Repairs } from './repairs.js';
import type { Rescue, RescueSource } from './rescue.js';
import { nothingSeen, type ScrubFinding, type ScrubLook } from './scrub-report.js';

interface Outcome {
  /** null: not healed. */
  readonly healedFrom: RescueSource | 'parity' | null;
  /** Why not. */
  readonly problem: string;
  readonly lost: readonly LostRange[];
}

export class SegmentScrub {
  readonly #core: VolumeCore;
  readonly #repairs: Repairs;
  readonly #rescue: Rescue;

  constructor(core: VolumeCore, repairs: Repairs, rescue: Rescue) {
    this.#core = core;
    this.#repairs = repairs;
    this.#rescue = rescue;
  }

  /** Repeatable; may run beside anything. What is not sealed, or dead, is nobody's business: nothing seen. */
  async look(segment: SegmentNumber): Promise<ScrubLook> {
    const core = this.#core;
    const wanted = core.pinned(segment);
    core.pin(segment);
    try {
      for (;;) {
        const place = this.#placeOf(segment, wanted);
        if (place === null) return nothingSeen;
        const faulty = await core.pool.verify(place);
        // Died, written anew or moved meanwhile: what was seen is of no interest to anybody.
        if (!this.#isStill(place)) continue;
        const seen = await this.#judge(place, faulty);
        if (seen !== null) return seen;
      }
    } finally {
      core.unpin(segment);
    }
  }

  /** Pinned, so it stays what it is: alive, or at least not removed. */
  #placeOf(segment: SegmentNumber, wanted: boolean): SegmentPlace | null {
    const row = this.#core.skeleton.segment(segment);
    if (row === null || (row.live === 0 && !wanted) || this.#core.latestLayout(segment) === null) return null;
    return this.#core.placeOf(segment);
  }

  #isStill(place: SegmentPlace): boolean {
    const now = this.#core.latestLayout(place.id.number) === place.layout.number ? this.#core.placeOf(place.id.number) : null;
    return now?.disks.every((disk, index) => disk === place.disks[index]) ?? false;
  }

  /** null: somebody else wrote it anew, look again. */
  async #judge(place: SegmentPlace, faulty: readonly FaultyShard[]): Promise<ScrubLook | null> {
    const core = this.#core;
    const inService = ({ index }: FaultyShard): boolean => {
      const disk = place.disks[index] ?? null;
      return disk !== null && core.disks.serves(disk);
    };
    const damaged = faulty.filter((shard) => shard.fault !== 'absent' && inService(shard));
    const shards = place.disks.length - faulty.filter(({ fault }) => fault === 'absent').length;
    const looked = { ...nothingSeen, segments: 1, shards, bytes: shards * fileBytes(place.layout.shardBytes), shardsAbsent: faulty.length - damaged.length };
    if (damaged.length === 0 && place.disks.length - faulty.length >= place.layout.k) return looked;
    // Told to the repairs as well while it was read: it is made again here.
    core.damagedShards.delete(place.id.number);
    failpoint('scrub-found-before-heal');
    const outcome = await this.#heal(place, damaged);
    if (outcome === null) return null;
    // Bad cells were told of while they were read.
    for (const { index, fault } of damaged) if (fault === 'header') core.states.damaged(place.disks[index] as DiskId, `${place.id.number}/${index}`); // in service, so there is one
    const { healedFrom, problem, lost } = outcome;
    const findings = (damaged.length === 0 ? faulty : damaged).map((shard) => this.#finding(place, shard, outcome));
    const files = findings.map(({ disk, file, reason }) => `${disk}/${file}: ${reason}`).join('; ');
    if (healedFrom === null) core.ports.logger.error({ segment: place.id.number, files, problem, lostRanges: lost.length }, 'the scrub found damage that could not be healed');
    else core.ports.logger.warn({ segment: place.id.number, files, healedFrom }, 'the scrub found damage and healed it');
    return { ...looked, findings, lost };
  }

  async #heal(place: SegmentPlace, damaged: readonly FaultyShard[]): Promise<Outcome | null> {
    const segment = place.id.number;
    let cause: unknown = null;
    if (damaged.length > 0) {
      try {
        const healed = await this.#repairs.heal(segment, damaged.map(({ index }) => index));
        return healed.length === damaged.length ? { healedFrom: 'parity', problem: '', lost: [] } : null;
      } catch (error) {
        if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
        // Full disks, mostly: what is left of the segment is still enough for it.
        if (error.code !== 'segment-unreadable') return { healedFrom: null, problem: error.message, lost: [] };
        cause = error;
      }
    }
    try {
      const source = await this.#rescue.keep(segment, place, cause);
      return source === null ? null : { healedFrom: source, problem: '', lost: [] };
    } catch (error) {
      if (!isErrorOf(error, 'unavailable', 'corrupt', 'full')) throw error;
      // What the backup is still believed to hold is not lost while that does not answer: the next look tries again.
      const expected = this.#core.skeleton.segment(segment)?.present === true;
      return { healedFrom: null, problem: error.message, lost: expected ? [] : await unreadableRanges(this.#core, place) };
    }
  }

  #finding(place: SegmentPlace, { index, fault, reason }: FaultyShard, { healedFrom, problem }: Outcome): ScrubFinding {
    const id = place.disks[index] ?? null;
    const disk = this.#core.disks.members.find((member) => id !== null && member.disk?.id === id)?.path ?? '';
    const file = shardPath(place.id, place.layout.number, index);
    return { kind: 'shard', disk, file, segment: place.id.number, index, fault, reason: problem === '' ? reason : `${reason}; ${problem}`, healedFrom };
  }
}
