// The tier flush: moves deltas to the backup and then gives up their second redundancy.
// Order: point -> image -> segments -> root, last and only when all it names is proven to be there, or named as lost -> release.
// A flush that dies anywhere leaves the volume as protected as it was; the next one takes up what is already there.
import { HoldfastError, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber, NO_LSN, type Lsn, type SegmentNumber } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { Backup } from '../backup/backup.js';
import type { ImageReference } from '../backup/contract.js';
import type { FlushIntent } from '../backup/intent-log.js';
import type { JournalMark } from '../journal/contract.js';
import type { Backlog, RootRow, SegmentRow } from '../skeleton/contract.js';
import type { Admission } from './admission.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { FlushLacks, FlushProgress, FlushReport } from './contract.js';
import type { VolumeCore } from './core.js';
import type { Ownership } from './ownership.js';
import { publishCaptured, releaseJournal } from './image-point.js';
import { firstLostRanges } from './lost.js';
import type { Rescue } from './rescue.js';
import { retire } from './retention.js';
import { publishRoot } from './root-publication.js';
import { SegmentUploads } from './segment-upload.js';
import type { Sweeper } from './sweeper.js';

interface Cut {
  readonly mark: JournalMark;
  readonly cut: Lsn;
  readonly backlog: Backlog;
  /** What the image at the cut refers to and the backup lacks, open there or sealed; pinned until the flush ends. */
  readonly open: readonly SegmentNumber[];
  readonly sealed: readonly SegmentNumber[];
}

export interface FlusherParts {
  readonly core: VolumeCore;
  readonly points: ConsistencyPoints;
  readonly admission: Admission;
  readonly sweeper: Sweeper;
  readonly ownership: Ownership;
  readonly rescue: Rescue;
  /** After a root: the backup is ours and answers. */
  readonly flushed: (backup: Backup) => Promise<void>;
}

export class Flusher {
  readonly #core: VolumeCore;
  readonly #points: ConsistencyPoints;
  readonly #admission: Admission;
  readonly #sweeper: Sweeper;
  readonly #ownership: Ownership;
  readonly #rescue: Rescue;
  readonly #flushed: (backup: Backup) => Promise<void>;
  #running: Promise<FlushReport> | null = null;
  #stopping = false;
  /** Last failure, for status; null after a success. */
  lastError: string | null = null;
  /** Segments that the last root of this life named as lost. */
  lacking = 0;

  constructor({ core, points, admission, sweeper, ownership, rescue, flushed }: FlusherParts) {
    this.#core = core;
    this.#points = points;
    this.#admission = admission;
    this.#sweeper = sweeper;
    this.#ownership = ownership;
    this.#rescue = rescue;
    this.#flushed = flushed;
  }

  get running(): boolean {
    return this.#running !== null;
  }

  flush(progress: FlushProgress = () => {}): Promise<FlushReport> {
    const backup = this.#core.backup;
    if (backup === null) {
      return Promise.reject(
        new HoldfastError('invalid', `volume ${this.#core.settings.name} has no backup to flush to`, {
          code: 'no-backup',
          hint: 'Set [backup] url in its configuration file.',
        }),
      );
    }
    if (this.#running !== null) {
      return Promise.reject(new HoldfastError('conflict', 'a flush is running already', { code: 'flush-busy', hint: 'Wait for it, or look at `holdfast status`.' }));
    }
    this.#running = this.#flush(backup, progress).then(
      async (report) => {
        this.lastError = null;
        this.#admission.flushEnded(true);
        await this.#retire(backup);
        await this.#flushed(backup);
        return report;
      },
      (error: unknown) => {
        this.lastError = error instanceof Error ? error.message : String(error);
        this.#admission.flushEnded(false);
        throw error;
      },
    );
    return this.#running.finally(() => {
      this.#running = null;
    });
  }

  /** A flush that runs ends at its next segment. */
  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when no flush runs, whatever its end. */
  async idle(): Promise<void> {
    await this.#running?.catch(() => undefined); // its failure went to whoever called flush()
  }

  async #flush(backup: Backup, progress: FlushProgress): Promise<FlushReport> {
    const started = this.#core.ports.clock.monotonicMs();
    const lost = this.#core.disks.lost().map((disk) => disk.path);
    await this.#ownership.ensure(backup);
    progress('point', 0, 1);
    // Collectors keep their hands off what a root in the making needs.
    const intent = await backup.beginFlush(this.#core.skeleton.appliedLsn);
    // What is missed from here on is the next flush's: it may come after the cut.
    const { presenceLost } = this.#core;
    this.#core.presenceLost = false;
    try {
      const report = await this.#flushAnnounced(backup, started, progress);
      this.#core.flushedLosses = new Set(lost);
      return report;
    } catch (error) {
      this.#core.presenceLost ||= presenceLost;
      throw error;
    } finally {
      await this.#endIntent(intent);
    }
  }

  async #flushAnnounced(backup: Backup, started: number, progress: FlushProgress): Promise<FlushReport> {
    // The captured image stays still only while it is copied to the disks and the backup; segments may take hours afterwards.
    const { cut, published } = await this.#core.imageLock.run(async () => {
      const point = await this.#point();
      try {
        progress('point', 1, 1);
        return { cut: point, published: await this.#publishImage(backup, point, progress) };
      } catch (error) {
        this.#unpin(point);
        throw error;
      } finally {
        this.#core.imageSource.release();
      }
    });
    let root: RootRow;
    let lacks: FlushLacks;
    try {
      const lost = await this.#upload(backup, cut, published.image, progress);
      failpoint('after-segments-before-root');
      root = await this.#publishRoot(backup, cut, published.image, lost, progress);
      lacks = this.#tellLost(lost);
    } finally {
      this.#unpin(cut);
    }
    await this.#release(cut, progress);
    await releaseJournal(this.#core);
    const { deltas, files, bytes } = cut.backlog;
    const elapsedMs = this.#core.ports.clock.monotonicMs() - started;
    return { root, deltas, files, bytes, segmentsUploaded: cut.open.length + cut.sealed.length - lacks.segments, imageBytes: published.bytesWritten, lacks, elapsedMs };
  }

  /** The root stands; what is too old in the backup can as well go after the next one. */
  async #retire(backup: Backup): Promise<void> {
    try {
      await retire(this.#core, backup);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#core.ports.logger.warn({ error: error.message }, 'old roots could not be retired; the next flush tries again');
    }
  }

  /** A store that died leaves the intent behind; the next flush clears it, and until then nothing is collected. */
  async #endIntent(intent: FlushIntent): Promise<void> {
    try {
      await intent.end();
    } catch (error) {
      this.#core.ports.logger.warn({ error: messageOf(error) }, 'the announcement of a flush could not be taken back; the next flush does it');
    }
  }

  #unpin(cut: Cut): void {
    for (const segment of [...cut.open, ...cut.sealed]) this.#core.unpin(segment);
  }

  async #point(): Promise<Cut> {
    const { skeleton, journal, pool, imageSource } = this.#core;
    let cut: Lsn = journal.appendedLsn;
    let backlog = skeleton.backlog();
    const open: SegmentNumber[] = [];
    const sealed: SegmentNumber[] = [];
    const mark = await this.#points.cut({
      inside: () => {
        pool.rotate();
        cut = journal.appendedLsn;
        backlog = skeleton.backlog();
        this.#core.record({ type: 'flush-begin', cut });
        // Taken in the same turn as the cut: what the image will refer to, no more and no less.
        this.#collect('open', open);
        this.#collect('needs-upload', sealed);
        for (const segment of [...open, ...sealed]) this.#core.pin(segment);
      },
      between: () => imageSource.capture(),
    });
    failpoint('after-point-before-image');
    return { mark, cut, backlog, open, sealed };
  }

  #collect(filter: 'open' | 'needs-upload', into: SegmentNumber[]): void {
    for (let after = asSegmentNumber(0); ; ) {
      const rows: readonly SegmentRow[] = this.#core.skeleton.segments(after, rowsPerTurnMax, filter);
      for (const row of rows) if (row.live > 0) into.push(row.segment);
      const last = rows.at(-1);
      if (last === undefined || rows.length < rowsPerTurnMax) return;
      after = last.segment;
    }
  }

  /** Gives the segments that no source has any more. */
  async #upload(backup: Backup, { open, sealed, cut, backlog }: Cut, image: ImageReference, progress: FlushProgress): Promise<readonly SegmentNumber[]> {
    await this.#core.pool.sealAll();
    const uploads = new SegmentUploads(this.#core, this.#rescue, backup, {
      assertGoing: () => this.#assertGoing(),
      uploaded: (done, total) => progress('segments', done, total),
      partial: async (lost, pending) => {
        const { sequence } = await publishRoot(this.#core, backup, { image, cut, backlog, lost, pending });
        // Durable from here: a restore could take what is there. Nothing is released for it, and the next whole root replaces it.
        failpoint('after-partial-root');
        this.#core.partialRoots = true;
        this.#core.ports.logger.info({ root: sequence, lost: lost.length, pending: pending.length }, 'a partial root says what the backup has so far');
      },
    });
    return uploads.run(open, sealed);
  }

  /** Nothing is lost silently: what the root lacks is in the log, in the report, and in status. */
  #tellLost(lost: readonly SegmentNumber[]): FlushLacks {
    this.lacking = lost.length;
    const { ranges, more } = firstLostRanges(this.#core.skeleton, lost);
    if (lost.length > 0) this.#core.ports.logger.error({ segments: lost.length, files: [...new Set(ranges.map(({ path }) => path))].slice(0, 10) }, 'the root lacks segments that no source has any more; all else is in the backup');
    return { segments: lost.length, ranges, more };
  }

  #assertGoing(): void {
    if (!this.#stopping) return;
    throw new HoldfastError('closed', 'the flush was stopped because the volume is being closed', { code: 'flush-stopped', hint: 'The next flush goes on with what is left.' });
  }

  async #publishImage(backup: Backup, cut: Cut, progress: FlushProgress): Promise<{ readonly image: ImageReference; readonly bytesWritten: number }> {
    const { imageSource } = this.#core;
    progress('image', 0, 1);
    await publishCaptured(this.#core, cut.mark);
    // Now, not when the backup has it as well: that may take hours, in which no other image can be made.
    await releaseJournal(this.#core);
    failpoint('between-local-and-backup-image');
    const published = await backup.images.publish(imageSource, imageSource.changed('backup'), cut.mark, false);
    imageSource.published('backup');
    progress('image', 1, 1);
    failpoint('after-image-before-segments');
    return published;
  }

  async #publishRoot(backup: Backup, { cut, backlog }: Cut, image: ImageReference, lost: readonly SegmentNumber[], progress: FlushProgress): Promise<RootRow> {
    progress('root', 0, 1);
    const { sequence, epoch, time, deltas, files, bytes } = await publishRoot(this.#core, backup, { image, cut, backlog, lost, pending: [] });
    failpoint('after-root-before-record');
    const row: RootRow = { sequence, epoch, cut, time, deltas, files, bytes };
    this.#core.record({ type: 'root', ...row });
    await this.#core.journal.commit();
    // Durable from here: the point is in the backup and the journal knows it.
    progress('root', 1, 1);
    failpoint('after-root-record-before-release');
    return row;
  }

  async #release(cut: Cut, progress: FlushProgress): Promise<void> {
    const core = this.#core;
    const total = cut.backlog.deltas;
    for (let done = 0; ; done += rowsPerTurnMax) {
      const first = core.skeleton.deltas(null, NO_LSN, 1)[0];
      if (first === undefined || first.lsn > cut.cut) break;
      for (let wait = this.#admission.admitOwn(0); wait !== null; wait = this.#admission.admitOwn(0)) await wait;
      core.record({ type: 'delta-release', cut: cut.cut, limit: rowsPerTurnMax });
      progress('release', Math.min(done, total), total);
      await core.ports.clock.turn();
    }
    this.#admission.budgetChanged();
    await core.journal.commit();
    failpoint('after-delta-release');
    await this.#sweeper.dropDeltaShards();
    progress('release', total, total);
  }
}
