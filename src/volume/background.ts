// The heartbeat of a mounted volume: makes un-synced changes durable within the commit interval, cuts consistency points,
// publishes images as the journal grows, and gives space back. One beat at a time; a failure is reported once, through core.fail.
import type { Timer } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import { diskLookBeats, imageWaitBeats, imageWaitBeatsFull, pointIntervalBeats, pointRecordsMax } from '../base/limits.js';
import { NO_LSN, type Lsn } from '../base/ids.js';
import type { BackupWatch } from './backup-watch.js';
import type { Cleaner } from './cleaner.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';
import type { ProtectionNow } from './disk-states.js';
import { DiskWatch } from './disk-watch.js';
import { JournalRelease } from './journal-release.js';
import type { Repairs } from './repairs.js';
import { Reprotection } from './reprotection.js';
import type { Scrubber } from './scrubber.js';
import { type FlushOutlook, Strengthening } from './strengthening.js';
import type { Sweeper } from './sweeper.js';

export interface BackgroundParts {
  readonly core: VolumeCore;
  readonly points: ConsistencyPoints;
  readonly sweeper: Sweeper;
  readonly cleaner: Cleaner;
  readonly repairs: Repairs;
  readonly scrubber: Scrubber;
  readonly backupWatch: BackupWatch;
  readonly flushOutlook: FlushOutlook;
  readonly protection: () => ProtectionNow;
}

export class Background {
  readonly #core: VolumeCore;
  readonly #points: ConsistencyPoints;
  readonly #sweeper: Sweeper;
  readonly #cleaner: Cleaner;
  readonly #watch: DiskWatch;
  readonly #protection: () => ProtectionNow;
  readonly #repairs: Repairs;
  readonly #strengthening: Strengthening;
  readonly #reprotection: Reprotection;
  readonly #scrubber: Scrubber;
  readonly #backupWatch: BackupWatch;
  readonly #release: JournalRelease;
  #timer: Timer | null = null;
  #beat: Promise<void> | null = null;
  #maintenance: Promise<void> | null = null;
  #counted: Promise<void> = Promise.resolve();
  #countedAll: Promise<void> = Promise.resolve();
  #stopped = false;
  #beats = 0;
  #lastPoint: Lsn;
  #beatsSinceImage = 0;
  #sweptHorizon: Lsn = NO_LSN;

  constructor({ core, points, sweeper, cleaner, repairs, scrubber, backupWatch, flushOutlook, protection }: BackgroundParts) {
    this.#core = core;
    this.#points = points;
    this.#sweeper = sweeper;
    this.#cleaner = cleaner;
    this.#lastPoint = core.skeleton.appliedLsn;
    this.#repairs = repairs;
    this.#scrubber = scrubber;
    this.#strengthening = new Strengthening(core, flushOutlook);
    this.#reprotection = new Reprotection(core);
    this.#backupWatch = backupWatch;
    this.#protection = protection;
    this.#watch = new DiskWatch(core.disks, core.ports.disks);
    this.#release = new JournalRelease(core, points, sweeper);
  }

  start(): void {
    this.#core.states.look();
    // A disk that was away at the mount may have held an image: the journal is whole already, images are made so now.
    this.#core.protectionDue = this.#core.disks.members.some((member) => member.state !== 'healthy');
    this.#core.room.onShort(() => this.#release.start());
    this.#counted = this.#core.exposure.counted(this.#core.ports.clock, () => this.#stopped);
    this.#countedAll = this.#core.exposure.allCounted(this.#core.ports.clock, () => this.#stopped);
    // Lives that end badly soon after they began would otherwise leave each other an ever longer journal to recover from.
    if (this.#imageDue()) this.#startMaintenance();
    this.#schedule();
  }

  /** No further beat; waits for the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#beat;
    await this.#release.stop();
    await this.#maintenance;
    await this.#scrubber.stop();
    await this.#countedAll;
    this.#core.states.remember();
    await this.#watch.idle();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#core.ports.clock.after(this.#core.thresholds.commitIntervalMs, () => {
      this.#beat = this.#run().finally(() => {
        this.#beat = null;
        this.#schedule();
      });
    });
  }

  async #run(): Promise<void> {
    const core = this.#core;
    core.states.look();
    core.states.lookAtProtection(this.#protection());
    if (core.failure !== null) return;
    this.#beats++;
    if (this.#beats % diskLookBeats === 0) this.#watch.look();
    this.#backupWatch.look();
    this.#beatsSinceImage++;
    try {
      if (core.journal.appendedLsn > core.journal.durableLsn) await core.journal.commit();
    } catch (error) {
      core.commitFailed(error);
      // Room is looked for, and the next beat tries again.
      if (core.failure === null) this.#release.start();
      return;
    }
    // Beside the commits: maintenance and scrub may wait for a disk that hangs, they must not.
    this.#scrubber.beat();
    if (this.#maintenance === null && !this.#stopped) this.#startMaintenance();
  }

  #startMaintenance(): void {
    this.#maintenance = this.#maintainSafely().finally(() => {
      this.#maintenance = null;
    });
  }

  async #maintainSafely(): Promise<void> {
    const core = this.#core;
    try {
      await this.#maintain();
    } catch (error) {
      // A bug, not a disk: who goes on after it writes what nobody has thought through.
      if (!(error instanceof HoldfastError)) {
        core.fail(error, 'maintenance met what must not be');
        return;
      }
      // Maintenance gives space and time back; a disk that failed in it is out by now, and the next beat tries again.
      core.ports.logger.warn({ error: messageOf(error) }, 'maintenance was interrupted and will be tried again');
    }
  }

  async #maintain(): Promise<void> {
    const core = this.#core;
    await core.pool.refreshSpace();
    core.room.measure();
    await core.stateRoom.measure();
    if (core.protectionDue) await this.#protect();
    const dropped = this.#sweeper.drop();
    await this.#repairs.step();
    await this.#counted;
    await this.#strengthening.step();
    await this.#reprotection.step();
    await this.#cleaner.step();
    if (this.#imageDue()) {
      this.#beatsSinceImage = 0;
      if (core.skeleton.appliedLsn === core.localImages.newest) this.#sweeper.moveOn();
      await this.#release.publish();
      this.#lastPoint = core.skeleton.appliedLsn;
    } else if (this.#pointDue()) {
      await this.#points.cut();
      this.#lastPoint = core.skeleton.appliedLsn;
    }
    if (dropped > 0 || core.localImages.horizon !== this.#sweptHorizon) {
      if ((await this.#sweeper.sweep()) > 0) await core.pool.refreshSpace();
      this.#sweptHorizon = core.localImages.horizon;
    }
  }

  /** Journal copies and images go to other disks at once when one is lost. */
  async #protect(): Promise<void> {
    const core = this.#core;
    core.protectionDue = false;
    try {
      // The loss is a record itself: with it the journal moves to other disks, and only then is the file it was written to one to be copied.
      await core.journal.commit();
      const healthy = core.disks.healthy().length;
      const reached = await core.journal.protect();
      // One that was lost meanwhile is made good by the next round.
      if (core.disks.healthy().length === healthy) core.journalReach = reached;
      await this.#release.publish();
    } catch (error) {
      core.protectionDue = true;
      throw error;
    }
  }

  #pointDue(): boolean {
    const pending = this.#core.skeleton.appliedLsn - this.#lastPoint;
    return pending > pointRecordsMax || (pending > 0 && this.#beats % pointIntervalBeats === 0);
  }

  /** Images follow journal bytes, so that replay is short; dead segments wait for one, but not long. */
  #imageDue(): boolean {
    // A flush that is capturing publishes by itself.
    if (this.#core.imageLock.busy) return false;
    if (this.#release.imageDue) return true;
    return this.#beatsSinceImage >= this.#imageWaitBeats() && this.#sweeper.waitingForImage();
  }

  #imageWaitBeats(): number {
    return this.#core.nearlyFull ? imageWaitBeatsFull : imageWaitBeats;
  }
}
