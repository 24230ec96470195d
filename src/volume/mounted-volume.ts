// A volume that is open: the facade that src/filesystem and src/daemon see. Composes the parts of this folder and owns
// their life; has no rules of its own beyond the order of closing.
import type { Clock } from '../base/clock.js';
import type { FileOffset } from '../base/file-offset.js';
import { asSegmentNumber, type Ino, type Lsn } from '../base/ids.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Thresholds } from '../config/settings.js';
import type { FileRecord } from '../format/records.js';
import type { EmptyDisk } from '../pool/contract.js';
import type { Backlog } from '../skeleton/contract.js';
import { Admission } from './admission.js';
import { Background } from './background.js';
import { BackupWatch } from './backup-watch.js';
import { markClean } from './clean-mark.js';
import { Cleaner } from './cleaner.js';
import { ConsistencyPoints } from './consistency-point.js';
import type { FlushOptions, FlushProgress, FlushReport, SkeletonView, VolumeSpace } from './contract.js';
import type { VolumeCore } from './core.js';
import { DataPath } from './data-path.js';
import { addDisk, type ConfiguredDisks, type DiskAddReport } from './disk-add.js';
import { DiskRemovals, type DiskRemovalReport, type RemovalProgress } from './disk-removal.js';
import { type DiskPlanReport, planDisks } from './disk-plan.js';
import { dueConditions } from './due.js';
import { Flusher } from './flusher.js';
import { publishLocalImage } from './image-point.js';
import type { Notice } from './notices.js';
import { Orphans } from './orphans.js';
import { Ownership } from './ownership.js';
import type { NamedDelta, OpenVolume, VolumeStatus } from './status.js';
import { skeletonPath } from './skeleton-path.js';
import { namedDeltas, redundancyStatus, volumeStatus } from './status-report.js';
import { removeStrays } from './strays.js';
import { Repairs } from './repairs.js';
import { Rescue } from './rescue.js';
import type { ScrubProgress, ScrubReport } from './scrub-report.js';
import { Scrubber } from './scrubber.js';
import { shareRange } from './sharing.js';
import type { SuspectCause } from './suspicions.js';
import { Sweeper } from './sweeper.js';

export class MountedVolume implements OpenVolume {
  readonly core: VolumeCore;
  readonly points: ConsistencyPoints;
  readonly data: DataPath;
  readonly rescue: Rescue;
  readonly sweeper: Sweeper;
  readonly ownership: Ownership;
  readonly flusher: Flusher;
  readonly backupWatch: BackupWatch;
  readonly scrubber: Scrubber;
  readonly removals: DiskRemovals;
  readonly admission: Admission;
  readonly orphans: Orphans;
  readonly #background: Background;
  #readOnly: boolean;
  #closing: Promise<void> | null = null;
  /** Never rejects. */
  #strays: Promise<void> = Promise.resolve();

  constructor(core: VolumeCore) {
    this.core = core;
    this.#readOnly = core.settings.mount.readOnly;
    this.admission = new Admission(core);
    this.points = new ConsistencyPoints(core, this.admission);
    this.rescue = new Rescue(core);
    this.data = new DataPath(core, this.rescue);
    this.orphans = new Orphans(core, this.admission);
    core.deadRoom.onRemoving(() => this.orphans.running);
    this.sweeper = new Sweeper(core);
    this.ownership = new Ownership(core);
    this.backupWatch = new BackupWatch(core, this.ownership);
    this.flusher = new Flusher({ core, points: this.points, admission: this.admission, sweeper: this.sweeper, ownership: this.ownership, rescue: this.rescue, flushed: (backup) => this.backupWatch.afterFlush(backup) });
    const repairs = new Repairs(core);
    this.scrubber = new Scrubber({ core, points: this.points, repairs, rescue: this.rescue, flushing: () => this.flusher.running });
    this.removals = new DiskRemovals(core, this.points, this.rescue);
    const cleaner = new Cleaner(core, this.admission, this.data);
    this.#background = new Background({ core, points: this.points, sweeper: this.sweeper, cleaner, repairs, scrubber: this.scrubber, backupWatch: this.backupWatch, flushOutlook: () => this.#flushOutlook(), protection: () => redundancyStatus(this) });
  }

  /** Begins background work; called once, after recovery. */
  start(unclean: boolean): void {
    this.orphans.resume();
    // What an earlier life found missing in the backup is uploaded again, also where no change makes a flush due.
    const { backup, skeleton } = this.core;
    if (backup !== null && skeleton.backlog().deltas === 0 && skeleton.segments(asSegmentNumber(0), 1, 'needs-upload').length > 0) this.core.presenceLost = true;
    if (unclean) this.#strays = removeStrays(this.core, () => this.#closing !== null);
    this.#background.start();
  }

  get clock(): Clock {
    return this.core.ports.clock;
  }

  get view(): SkeletonView {
    return this.core.skeleton;
  }

  get readOnly(): boolean {
    return this.#readOnly || this.core.failure !== null;
  }

  setReadOnly(readOnly: boolean): void {
    if (!readOnly && this.core.failure !== null) throw this.core.failure;
    this.#readOnly = readOnly;
  }

  admit(bytes: number, frees = false): Promise<void> | null {
    this.#assertOpen();
    // Growing a file over rows that a large truncate has not removed yet would show old bytes: wait for the slices.
    if (this.core.skeleton.trims(1).length > 0) return this.orphans.idle();
    return this.admission.admit(bytes, frees ? 'frees' : 'grows');
  }

  roomFor(bytes: FileOffset): Promise<void> | null {
    this.#assertOpen();
    return this.core.deadRoom.admit(bytes);
  }

  apply(record: FileRecord): Lsn {
    // Rename over an existing name: its inode may lose its last name by that.
    const replaced = record.type === 'rename' && !record.exchange ? this.core.skeleton.lookup(record.toParent, record.toName) : null;
    const lsn = this.core.record(record);
    if (record.type === 'unlink' || record.type === 'temporary') this.orphans.lostName(record.ino);
    else if (record.type === 'truncate') this.orphans.startTrims();
    else if (replaced !== null) this.orphans.lostName(replaced.ino);
    return lsn;
  }

  write(ino: Ino, offset: FileOffset, data: Buffer): void {
    this.data.write(ino, offset, data);
  }

  share(from: Ino, fromOffset: FileOffset, to: Ino, toOffset: FileOffset, length: number): number {
    return shareRange(this.core, { from, fromOffset, to, toOffset, length }, this.clock.now());
  }

  read(ino: Ino, offset: FileOffset, length: number): Buffer | Promise<Buffer> {
    const inode = this.core.skeleton.inode(ino);
    if (inode === null) throw new HoldfastError('missing', `inode ${ino} does not exist`, { code: 'no-inode' });
    return this.data.read(inode, offset, length);
  }

  async sync(): Promise<void> {
    if (this.core.failure !== null) throw this.core.failure;
    try {
      await this.core.journal.commit();
    } catch (error) {
      this.core.commitFailed(error);
      throw error;
    }
  }

  async settle(): Promise<void> {
    this.#assertOpen();
    await this.core.pool.sealAll();
    await this.sync();
    // Durable from here: everything that was answered. The image only makes the next mount short.
    await publishLocalImage(this.core, this.points);
  }

  hold(ino: Ino): void {
    this.orphans.hold(ino);
  }

  unhold(ino: Ino, count: number): void {
    this.orphans.unhold(ino, count);
  }

  space(): VolumeSpace {
    const { pool, skeleton } = this.core;
    return { totalBytes: pool.totalBytes(), freeBytes: pool.freeBytes(), files: skeleton.use().files };
  }

  plan(added: readonly EmptyDisk[]): DiskPlanReport {
    return planDisks(this.core, added);
  }

  addDisk(path: string, configured: ConfiguredDisks): Promise<DiskAddReport> {
    this.#assertOpen();
    return addDisk(this.core, path, configured);
  }

  removeDisk(path: string, configured: ConfiguredDisks, progress: RemovalProgress): Promise<DiskRemovalReport> {
    this.#assertOpen();
    return this.removals.remove(path, configured, progress);
  }

  keepDisk(path: string): Promise<void> {
    this.#assertOpen();
    return this.removals.cancel(path);
  }

  resumeRemovals(configured: ConfiguredDisks, failed: (path: string, error: unknown) => void): void {
    this.removals.resume(configured, failed);
  }

  backlog(): Backlog {
    return this.core.skeleton.backlog();
  }

  flush(progress?: FlushProgress, options: FlushOptions = {}): Promise<FlushReport> {
    this.#assertOpen();
    if (options.pastDamagedRoot === true) this.ownership.passDamaged = true;
    return this.flusher.flush(progress);
  }

  scrub(progress: ScrubProgress = () => {}): Promise<ScrubReport> {
    this.#assertOpen();
    return this.scrubber.run(progress);
  }

  due(): readonly string[] {
    return dueConditions(this.core, this.admission.fill());
  }

  get writersWait(): boolean {
    return this.admission.fill() >= this.core.thresholds.budget.softShare;
  }

  reconfigure(thresholds: Thresholds): void {
    this.core.thresholds = thresholds;
    this.admission.budgetChanged();
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.core.states.listen(listener);
  }

  suspect(path: string, cause: SuspectCause, reason: string): void {
    this.core.states.suspect(path, cause, reason);
  }

  status(): Promise<VolumeStatus> {
    return volumeStatus(this, this.#closing !== null);
  }

  deltas(path: Buffer | null): Iterable<NamedDelta> {
    return namedDeltas(this.core.skeleton, path);
  }

  /** A lost disk makes a flush due; where it can do its work nobody need do it twice. */
  #flushOutlook(): 'none' | 'expected' | 'failing' {
    const { backup, thresholds } = this.core;
    if (backup === null || !thresholds.flush.lostDisk) return 'none';
    return this.flusher.lastError === null && this.ownership.problem === null ? 'expected' : 'failing';
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { core } = this;
    await this.removals.stop();
    await this.#background.stop();
    await this.orphans.stop();
    await this.#strays;
    this.flusher.stop();
    this.admission.budgetChanged();
    await this.flusher.idle();
    await this.backupWatch.stop();
    try {
      if (core.failure === null) {
        await core.pool.sealAll();
        await core.journal.commit();
        // Durable from here: everything that was answered. The image only makes the next mount short.
        await publishLocalImage(core, this.points);
        await core.journal.close();
      }
    } finally {
      await this.#letGo();
    }
    // Whoever unmounts must hear that the end was not durable.
    if (core.failure !== null) throw core.failure;
    await markClean(skeletonPath(core.settings));
  }

  /** Lets go without another durable step: the volume turned out not to be ours. */
  async abandon(): Promise<void> {
    await this.core.journal.close();
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const { core } = this;
    await core.pool.close();
    await core.imageSource.close();
    core.skeleton.close();
    await core.backup?.close();
    for (const disk of core.disks.present()) {
      await disk.close().catch((error: unknown) => core.ports.logger.warn({ disk: disk.path, error: messageOf(error) }, 'a disk did not close cleanly'));
    }
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new HoldfastError('closed', 'the volume is being closed', { code: 'volume-closed' });
    if (this.core.failure !== null) throw this.core.failure;
  }
}
