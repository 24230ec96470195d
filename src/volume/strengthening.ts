// After a disk is lost: un-backed-up segments that now survive fewer further losses than they could are written anew, cut for the disks
// that are there (rule 5). A flush, which makes it needless, goes first where it can; then a few segments a beat, at most half of the time.
// The old layout goes only when the new one is recorded durably; one that would be no stronger is not kept.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber, type SegmentNumber } from '../base/ids.js';
import { cutFor, redundancyOf } from '../pool/placement.js';
import type { SegmentRow } from '../skeleton/contract.js';
import { placeOfRow, type VolumeCore } from './core.js';
import { spareShards } from './exposure.js';
import { removeLayout, storeAnew } from './rescue.js';

/** Rows looked at in one beat. */
const rowsPerStep = 200;
const segmentsPerStep = 8;
/** So long a flush that is due may take to make it needless: a small backlog is in the backup by then. */
const flushGraceBeats = 30;
/** What could not be strengthened (too few shards, full disks) is looked at again after so many beats. */
const restBeats = 60;

/** How the flush does that goes first. */
export type FlushOutlook = () => 'none' | 'expected' | 'failing';

export class Strengthening {
  readonly #core: VolumeCore;
  readonly #flush: FlushOutlook;
  #after: SegmentNumber = asSegmentNumber(0);
  #strengthened = 0;
  #graceBeats = flushGraceBeats;
  #restBeats = 0;
  /** It rests because the disks are full: room is a reason to go on at once. */
  #restsForRoom = false;
  /** Members that served at the last step: other ones begin it anew. */
  #serving = '';

  constructor(core: VolumeCore, flush: FlushOutlook) {
    this.#core = core;
    this.#flush = flush;
  }

  async step(): Promise<void> {
    const core = this.#core;
    this.#noteDisks();
    if (core.rebuilds > 0) return;
    const weakest = core.exposure.weakest((disk) => core.disks.serves(disk));
    // With a backup the scheme `copy` keeps the bytes in the journal, whose copies are made whole with it.
    if (weakest === null || weakest >= possibleLosses(core, false) || (core.settings.scheme === 'copy' && core.backup !== null)) return this.#begin();
    if (this.#flush() === 'expected' && this.#graceBeats-- > 0) return;
    if (core.nearlyFull) this.#restsForRoom = true;
    if (this.#restBeats-- > 0) {
      if (core.nearlyFull || !this.#restsForRoom) return;
      this.#begin();
    }
    await this.#work();
  }

  #noteDisks(): void {
    const serving = this.#core.disks.healthy().map((disk) => disk.id).join(' ');
    if (serving === this.#serving) return;
    this.#serving = serving;
    this.#graceBeats = flushGraceBeats;
    this.#begin();
  }

  #begin(): void {
    this.#after = asSegmentNumber(0);
    this.#strengthened = 0;
    this.#restBeats = 0;
    this.#restsForRoom = false;
  }

  async #work(): Promise<void> {
    const core = this.#core;
    const { clock, logger } = core.ports;
    const untilMs = clock.monotonicMs() + core.thresholds.commitIntervalMs / 2;
    let written = 0;
    const rows = core.skeleton.segments(this.#after, rowsPerStep, 'needs-upload');
    for (const row of rows) {
      if (written >= segmentsPerStep || clock.monotonicMs() > untilMs) return;
      this.#after = row.segment;
      if (!isWeak(core, row)) continue;
      if (!(await strengthen(core, row.segment, false))) {
        // Full disks, mostly: the next one would fare no better.
        this.#restBeats = restBeats;
        this.#restsForRoom = core.nearlyFull;
        return;
      }
      this.#strengthened++;
      written++;
    }
    if (rows.length === rowsPerStep) return;
    if (this.#strengthened > 0) logger.info({ segments: this.#strengthened }, 'segments that are not in the backup were written anew for the disks that are there');
    this.#begin();
    this.#restBeats = restBeats;
  }
}

/** Losses that a segment written now would survive: with delta shards where only this machine has it, as the backup has it (`present`) with parity alone. */
function possibleLosses({ disks, settings }: VolumeCore, present: boolean): number {
  const width = disks.writable('pool').length;
  if (width === 0) return 0;
  const { m, e } = cutFor(width, redundancyOf(settings, !present));
  return m + e;
}

/** It has enough shards on disks in service, and survives fewer further losses than it could. */
export function isWeak(core: VolumeCore, { layout, disks, present }: SegmentRow): boolean {
  if (layout === null) return false;
  const spare = spareShards(layout.k, disks, (disk) => core.disks.serves(disk));
  return spare >= 0 && spare < possibleLosses(core, present);
}

/**
 * A sealed segment under a new layout that survives more losses, if it is still in the backup (`present`) or still only here. False: it is as weak as it was.
 */
export async function strengthen(core: VolumeCore, segment: SegmentNumber, present: boolean): Promise<boolean> {
  core.pin(segment);
  try {
    // Pinned from here, so what is seen now stays true: the list is older than the work on it.
    const row = core.skeleton.segment(segment);
    const old = row === null ? null : placeOfRow(row);
    if (row === null || old === null || row.present !== present || row.state !== 'sealed' || core.latestLayout(segment) !== old.layout.number) return false;
    const serves = (disk: (typeof old.disks)[number]): boolean => disk !== null && core.disks.serves(disk);
    const before = spareShards(old.layout.k, old.disks, serves);
    const bytes = await core.pool.readAll(old);
    failpoint('strengthen-read-before-store');
    const place = await storeAnew(core, row, bytes, (made) => spareShards(made.layout.k, made.disks, serves) > before);
    if (place.layout.number === old.layout.number) return false;
    // Durable from here: the new layout counts; what is left of the old one is nobody's.
    failpoint('strengthen-recorded-before-removal');
    await removeLayout(core, old);
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError) || !isErrorOf(error, 'unavailable', 'corrupt', 'full')) throw error;
    core.ports.logger.warn({ segment, error: error.message }, 'a segment could not be written anew; it is as weak as it was');
    return false;
  } finally {
    core.unpin(segment);
  }
}
