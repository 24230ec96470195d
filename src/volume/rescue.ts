// Segments with fewer than k usable shards: their bytes come whole from the next source (backup, then journal), are kept as a
// new layout on the disks that are here, and served from there. One fetch a segment, however many wait for it.
import type { Backup } from '../backup/backup.js';
import { assert } from '../base/assert.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber, type SegmentId, type SegmentNumber } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import { Mutex } from '../base/mutex.js';
import type { Disk } from '../disk/disk.js';
import type { RecoveredJournal } from '../journal/contract.js';
import { recoverJournal } from '../journal/recovery.js';
import type { SegmentPlace } from '../pool/contract.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';
import { takeBackPresence } from './presence.js';

export type RescueSource = 'backup' | 'journal';

export interface RescuedBytes {
  readonly source: RescueSource;
  readonly bytes: Buffer;
}

export class Rescue {
  readonly #core: VolumeCore;
  readonly #lock = new Mutex();
  /** As it was at some time: what it holds stays true, and it has all there is of the segments that were sealed then. */
  #journal: { readonly journal: RecoveredJournal; readonly disks: readonly Disk[]; covers(segment: SegmentNumber): boolean } | null = null;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  /**
   * Makes a segment readable again; gives where its bytes came from, null where somebody else was faster. 'unavailable' (segment-unreadable) when no
   * source has it; `seen`: where it was looked for, null when it was never sealed; `cause`: why that did not do. The caller has pinned it.
   */
  keep(segment: SegmentNumber, seen: SegmentPlace | null, cause: unknown): Promise<RescueSource | null> {
    return this.#lock.run(async () => {
      const core = this.#core;
      const row = core.skeleton.segment(segment);
      // Somebody else's rescue, or a rebuild, was faster.
      if (row === null || row.layout?.number !== seen?.layout.number) return null;
      const found = await this.find(row);
      if (found === null) throw unreadable(segment, cause);
      const place = await storeAnew(core, core.skeleton.segment(segment) ?? row, found.bytes);
      // What is left of the old layout is nobody's.
      if (seen !== null && place.layout.number !== seen.layout.number) await removeLayout(core, seen);
      core.ports.logger.warn({ segment, source: found.source }, 'a segment had too few shards and was made whole from another source');
      return found.source;
    });
  }

  /** The whole segment from the backup, else from the journal; null when neither has it. What the backup turns out to have lost is taken back (rule 8). */
  async find(row: SegmentRow): Promise<RescuedBytes | null> {
    const fromBackup = await this.#fromBackup(row);
    if (fromBackup !== null) return { source: 'backup', bytes: fromBackup };
    const bytes = await this.fromJournal(row);
    return bytes === null ? null : { source: 'journal', bytes };
  }

  /** Which source would give it, without fetching it from the backup. */
  async source(row: SegmentRow): Promise<RescueSource | null> {
    const length = await this.#askBackup(row, (backup) => backup.segments.length(idOf(row)));
    if (length !== null) return 'backup';
    return (await this.fromJournal(row)) === null ? null : 'journal';
  }

  #fromBackup(row: SegmentRow): Promise<Buffer | null> {
    return this.#askBackup(row, async (backup) => {
      const { bytes, problem } = await fetchSegment(backup, idOf(row));
      if (problem !== null && row.present) {
        // An empty directory where a disk is not mounted has lost nothing.
        await backup.checkMarker();
        await takeBackPresence(this.#core, row.segment, problem);
      }
      return bytes;
    });
  }

  async #askBackup<Answer>(row: SegmentRow, ask: (backup: Backup) => Promise<Answer | null>): Promise<Answer | null> {
    const { backup } = this.#core;
    if (backup === null) return null;
    try {
      return await ask(backup);
    } catch (error) {
      // An unreachable backup is no source, and says nothing about what it holds; the journal may be one.
      if (!isErrorOf(error, 'missing', 'corrupt', 'unavailable', 'invalid', 'conflict')) throw error;
      this.#core.ports.logger.warn({ segment: row.segment, error: error.message }, 'the backup cannot give a segment');
      return null;
    }
  }

  /** All of a sealed segment's bytes, where the journal still has them; null: it has not. */
  async fromJournal(row: SegmentRow): Promise<Buffer | null> {
    // A segment that was never sealed has no length yet: refilling it is the mount's business.
    if (row.length === 0) return null;
    const { skeleton, volume, disks, ports } = this.#core;
    const present = disks.present();
    const known = this.#journal !== null && sameDisks(this.#journal.disks, present) ? this.#journal : null;
    const bytes = known === null ? null : await payloadOf(known.journal, row);
    if (bytes !== null || known?.covers(row.segment) === true) return bytes;
    const next = skeleton.nextSegment();
    const open = new Set(skeleton.segments(asSegmentNumber(0), rowsPerTurnMax, 'open').map(({ segment }) => segment));
    const journal = await recoverJournal({ volume, disks: present, journalDisks: [], logger: ports.logger });
    // Bytes of a sealed segment enter the journal no more: a second look at it would find nothing new.
    this.#journal = { journal, disks: present, covers: (segment) => segment < next && !open.has(segment) };
    return payloadOf(journal, row);
  }
}

function idOf(row: SegmentRow): SegmentId {
  return { generation: row.generation, number: row.segment };
}

/** A whole segment from the backup; `problem`: it answers, and does not have it whole. 'unavailable' and the like when it does not answer. */
export async function fetchSegment(backup: Backup, id: SegmentId): Promise<{ readonly bytes: Buffer; readonly problem: null } | { readonly bytes: null; readonly problem: string }> {
  try {
    const length = await backup.segments.length(id);
    if (length === null) return { bytes: null, problem: 'it is not there any more, or not whole' };
    return { bytes: await backup.segments.get(id, 0, length), problem: null };
  } catch (error) {
    if (!isErrorOf(error, 'missing', 'corrupt')) throw error;
    return { bytes: null, problem: error.message };
  }
}

function sameDisks(a: readonly Disk[], b: readonly Disk[]): boolean {
  return a.length === b.length && a.every((disk, index) => disk === b[index]);
}

/** null: the journal does not have all of it. */
async function payloadOf(journal: RecoveredJournal, row: SegmentRow): Promise<Buffer | null> {
  const bytes = Buffer.alloc(row.length);
  const covered: { readonly from: number; readonly to: number }[] = [];
  for await (const range of journal.payloadOf(row.segment)) {
    range.bytes.copy(bytes, range.offset);
    covered.push({ from: range.offset, to: range.offset + range.bytes.length });
  }
  covered.sort((a, b) => a.from - b.from);
  let end = 0;
  for (const { from, to } of covered) if (from <= end) end = Math.max(end, to);
  return end >= row.length ? bytes : null;
}

/**
 * Writes a segment under a new layout that fits the disks that are here; durable and recorded when it resolves. The caller has pinned it, and
 * looked at it since. The answer is where it lies then: in the old layout where the new one was not `wanted`, or somebody was faster.
 */
export async function storeAnew(core: VolumeCore, row: SegmentRow, bytes: Buffer, wanted: (place: SegmentPlace) => boolean = () => true): Promise<SegmentPlace> {
  const id = { generation: row.generation, number: row.segment };
  assert(core.pinned(row.segment), 'a segment that is written anew cannot die meanwhile');
  const place = await core.pool.store(id, bytes, (row.layout?.number ?? 0) + 1, !row.present);
  failpoint('after-new-layout-before-record');
  const latest = core.latestLayout(row.segment);
  const overtaken = row.state === 'sealed' && (latest === null || latest >= place.layout.number);
  if (overtaken || !wanted(place)) {
    // A rebuild beside this was faster: a second record of an older layout could not be replayed. These files are nobody's.
    await removeLayout(core, place);
    return core.placeOf(row.segment) ?? place;
  }
  core.record({ type: 'segment-seal', segment: row.segment, length: place.length, layout: place.layout, disks: place.disks.flatMap((disk) => (disk === null ? [] : [disk])) });
  await core.journal.commit();
  // Durable from here: readers find the new layout, whatever happens to the old files.
  return place;
}

/** The shard files of a layout that counts no more, wherever they are. */
export function removeLayout({ pool }: VolumeCore, place: SegmentPlace): Promise<void> {
  return pool.removeShards(place, place.disks.flatMap((disk, index) => (disk === null ? [] : [index])));
}

function unreadable(segment: SegmentNumber, cause: unknown): HoldfastError {
  return new HoldfastError('unavailable', `segment ${segment} has too few shards on the disks that are here, and neither backup nor journal has it`, {
    code: 'segment-unreadable',
    hint: 'Bring back a missing disk; `holdfast rebuild` names the files that need it.',
    cause,
  });
}
