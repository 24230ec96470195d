// Moves the shards of one disk to the others, segment by segment, while the volume is in use: copied and verified, then recorded; what
// is on the disk stays there until it is removed, so that at no moment a segment has fewer shards than before. Where every other disk
// has a shard of the segment already it is written anew, narrower, with no less redundancy than it has or was promised.
// Takes four fifths of the time while nobody else uses the disks, and a quarter of it while somebody does.
import { sleep } from '../base/clock.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber, type DiskId, type SegmentNumber } from '../base/ids.js';
import { fileBytes } from '../format/shard.js';
import type { SegmentPlace } from '../pool/contract.js';
import { redundancyOf } from '../pool/placement.js';
import type { SegmentRow } from '../skeleton/contract.js';
import { placeOfRow, type VolumeCore } from './core.js';
import { spareShards } from './exposure.js';
import { requireEnough } from './removal-checks.js';
import { removeLayout, type Rescue, storeAnew } from './rescue.js';

const rowsAtOnce = 200;
/** Rest after each segment, as a multiple of the time it took. */
const restQuiet = 0.25;
const restBusy = 3;
const restMsMin = 20;
const restMsMax = 30_000;
const restPieceMs = 250;
/** More than this in a rest is somebody else's work: below it are the heartbeat and the beats of others. */
const busyBytesPerSecond = 1024 ** 2;

export interface EvacuationReport {
  /** Segments of which a shard was moved, and those that were written anew. */
  readonly segmentsMoved: number;
  readonly segmentsAnew: number;
  readonly bytesWritten: number;
}

export class Evacuation {
  readonly #core: VolumeCore;
  readonly #rescue: Rescue;
  readonly #path: string;
  readonly #id: DiskId;
  readonly #stopped: () => boolean;
  /** No source has them whole: what is on the disk is all there is. */
  readonly #unreadable = new Set<SegmentNumber>();
  #segmentsMoved = 0;
  #segmentsAnew = 0;
  #bytesWritten = 0;
  #busy = false;

  constructor(core: VolumeCore, rescue: Rescue, { path, id }: { readonly path: string; readonly id: DiskId }, stopped: () => boolean) {
    this.#core = core;
    this.#path = path;
    this.#rescue = rescue;
    this.#id = id;
    this.#stopped = stopped;
  }

  get report(): EvacuationReport {
    return { segmentsMoved: this.#segmentsMoved, segmentsAnew: this.#segmentsAnew, bytesWritten: this.#bytesWritten };
  }

  /**
   * Resolves when no sealed segment has a shard there and nobody is about to record one; `moved` is told of each. 'full' (disk-remove-no-room), 'unavailable'
   * (segment-unreadable), 'closed' (volume-closed): what was moved stays moved.
   */
  async run(moved: () => void): Promise<void> {
    const core = this.#core;
    for (;;) {
      await this.#sealAll();
      const found = await this.#pass(moved);
      // Seals, rescues and repairs that chose their disks before it began to leave.
      await core.pool.written();
      await core.ports.clock.turn();
      await core.journal.commit();
      if (found > 0 || core.committing) continue;
      if (this.#rows(asSegmentNumber(0)).every((row) => row.state !== 'sealed')) return;
      if (this.#unreadable.size > 0) throw this.#lost();
    }
  }

  async #sealAll(): Promise<void> {
    try {
      await this.#core.pool.sealAll();
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'segment-unplaceable') throw error;
      throw this.#noRoom(error);
    }
  }

  async #pass(moved: () => void): Promise<number> {
    let found = 0;
    for (let after: SegmentNumber = asSegmentNumber(0); ; ) {
      const rows = this.#rows(after);
      for (const row of rows) {
        after = row.segment;
        if (row.state !== 'sealed' || this.#unreadable.has(row.segment)) continue;
        found++;
        this.#assertGoingOn();
        const startMs = this.#core.ports.clock.monotonicMs();
        if (await this.#vacate(row.segment)) moved();
        await this.#rest(this.#core.ports.clock.monotonicMs() - startMs);
      }
      if (rows.length < rowsAtOnce) return found;
    }
  }

  #rows(after: SegmentNumber): readonly SegmentRow[] {
    return this.#core.skeleton.segmentsOn(this.#id, after, rowsAtOnce);
  }

  /** False: it is gone, or was moved by somebody else. */
  async #vacate(segment: SegmentNumber): Promise<boolean> {
    const core = this.#core;
    core.pin(segment);
    try {
      // Pinned from here, so what is seen now stays true: the list is older than the work on it.
      const row = core.skeleton.segment(segment);
      const place = row === null || row.state !== 'sealed' ? null : placeOfRow(row);
      if (row === null || place === null || place.layout.number !== core.latestLayout(segment) || !place.disks.includes(this.#id)) return false;
      const others = core.disks.staying('pool').some((disk) => !place.disks.includes(disk.id));
      if (others && (await this.#move(segment, place))) return true;
      return await this.#writeAnew(row, place);
    } catch (error) {
      if (!isErrorOf(error, 'full') && !(error instanceof HoldfastError && error.code === 'segment-unplaceable')) throw error;
      throw this.#noRoom(error);
    } finally {
      core.unpin(segment);
    }
  }

  /** Only its shard on the disk, read there or, where it cannot be read, decoded from others. False: no disk without one of its shards has room, or too few shards are good. */
  async #move(segment: SegmentNumber, place: SegmentPlace): Promise<boolean> {
    const core = this.#core;
    const index = place.disks.indexOf(this.#id);
    try {
      const [made] = await core.pool.rebuild(place, [index], {});
      failpoint('disk-remove-copied-before-record');
      const now = core.placeOf(segment);
      // Written anew, or moved by a repair, meanwhile: what was made is nobody's then, and is swept as a stray.
      if (made === undefined || core.latestLayout(segment) !== place.layout.number || now?.disks[index] !== this.#id) return true;
      core.record({ type: 'shard-move', segment, index, disk: made.disk });
      this.#segmentsMoved++;
      this.#bytesWritten += fileBytes(place.layout.shardBytes);
      return true;
    } catch (error) {
      if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
      return false;
    }
  }

  async #writeAnew(row: SegmentRow, place: SegmentPlace): Promise<boolean> {
    const core = this.#core;
    const serves = (disk: DiskId): boolean => core.disks.serves(disk);
    const { m, e } = redundancyOf(core.settings, !row.present);
    const least = Math.min(m + e, Math.max(0, spareShards(place.layout.k, place.disks, serves)));
    let bytes: Buffer;
    try {
      bytes = await core.pool.readAll(place);
    } catch (error) {
      if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
      return this.#fetch(row.segment, place, error);
    }
    failpoint('disk-remove-read-before-store');
    const next = await storeAnew(core, row, bytes, (made) => spareShards(made.layout.k, made.disks, serves) >= least);
    if (next.layout.number === place.layout.number) throw this.#noRoom(undefined);
    // Durable from here: the new layout counts; what is left of the old one is nobody's.
    failpoint('disk-remove-stored-before-removal');
    this.#segmentsAnew++;
    this.#bytesWritten += fileBytes(next.layout.shardBytes) * next.disks.length;
    await removeLayout(core, place);
    return true;
  }

  /** Too few good shards: from the backup, else the journal, where they have it. */
  async #fetch(segment: SegmentNumber, place: SegmentPlace, cause: unknown): Promise<boolean> {
    try {
      await this.#rescue.keep(segment, place, cause);
      return true;
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'segment-unreadable') throw error;
      this.#unreadable.add(segment);
      return false;
    }
  }

  /** What goes through the disks meanwhile is others' work. */
  async #rest(tookMs: number): Promise<void> {
    const { clock } = this.#core.ports;
    const before = this.#passed();
    const startMs = clock.monotonicMs();
    const untilMs = startMs + Math.min(restMsMax, Math.max(restMsMin, tookMs * (this.#busy ? restBusy : restQuiet)));
    // In short pieces: who closes the volume does not wait for it.
    for (let left = untilMs - startMs; left > 0 && !this.#stopped(); left = untilMs - clock.monotonicMs()) await sleep(clock, Math.min(left, restPieceMs));
    const seconds = Math.max(1, clock.monotonicMs() - startMs) / 1_000;
    this.#busy = (this.#passed() - before) / seconds > busyBytesPerSecond;
  }

  #passed(): number {
    return this.#core.disks.present().reduce((sum, disk) => {
      const { bytesRead, bytesWritten } = disk.counters();
      return sum + bytesRead + bytesWritten;
    }, 0);
  }

  #assertGoingOn(): void {
    if (this.#core.failure !== null) throw this.#core.failure;
    // Another one was lost: this one is needed, and is used again.
    requireEnough(this.#core, this.#path, this.#core.disks.staying('pool').length);
    if (this.#stopped()) throw new HoldfastError('closed', 'the removal was interrupted: it goes on when the volume is mounted again', { code: 'volume-closed' });
  }

  #lost(): HoldfastError {
    return new HoldfastError('unavailable', `${this.#unreadable.size} segment(s) have no good source but the disk that is to go`, {
      code: 'disk-remove-lost',
      hint: `\`holdfast rebuild ${this.#core.settings.name} --dry-run\` names the files. Bring back a missing disk, or delete them, and give the same command again.`,
    });
  }

  #noRoom(cause: unknown): HoldfastError {
    const { name } = this.#core.settings;
    return new HoldfastError('full', 'the other disks have no room for what is left on the disk', {
      code: 'disk-remove-no-room',
      hint: `Nothing is lost, and what was moved stays moved. Delete files or add a disk (\`holdfast disk add ${name} DIR\`) and give the same command again, or keep the disk: \`holdfast disk remove ${name} DIR --cancel\`.`,
      cause,
    });
  }
}
