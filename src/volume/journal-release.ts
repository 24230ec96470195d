// Gives journal room back when it is short, and the room of the dead when writes wait for it, beside the heartbeat and at once: images, until
// what the older of the two on each disk covers can go; seals of segments whose bytes keep files back; shards of the dead. One release at a
// time. Whoever waits in JournalRoom is told of every end, also of one that helped nobody.
import { sleep } from '../base/clock.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { imageJournalFiles } from '../base/limits.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';
import { publishLocalImage } from './image-point.js';
import type { Sweeper } from './sweeper.js';

/** What an image covers goes when the next one stands: two of them release all. */
const imagesPerRelease = 2;
/** After a release that helped nobody: somebody else holds the image, or there is nothing to be released. */
const pauseMs = 250;
const hopelessPauseMs = 2_000;
/** In succession: the first may have lost a disk, the second went to others. */
const imagesRefusedMax = 2;

export class JournalRelease {
  readonly #core: VolumeCore;
  readonly #points: ConsistencyPoints;
  readonly #sweeper: Sweeper;
  #running: Promise<void> | null = null;
  #stopped = false;
  #retainedAtImage = 0;
  /** In succession, by disks that had no room. */
  #imagesRefused = 0;

  constructor(core: VolumeCore, points: ConsistencyPoints, sweeper: Sweeper) {
    this.#core = core;
    this.#points = points;
    this.#sweeper = sweeper;
  }

  /** Enough journal since the last image for a new one: replay stays short, and the journal small. */
  get imageDue(): boolean {
    const { journal } = this.#core;
    return journal.retainedBytes - this.#retainedAtImage >= imageJournalFiles * journal.fileBytes;
  }

  start(): void {
    if (this.#running !== null || this.#stopped) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Starts no other; waits for the one under way, and lets nobody wait any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#core.room.end();
  }

  /** An image of now on the local disks. False: too few took it. */
  async publish(): Promise<boolean> {
    const published = await publishLocalImage(this.#core, this.#points);
    this.#retainedAtImage = this.#core.journal.retainedBytes;
    this.#imagesRefused = published ? 0 : this.#imagesRefused + 1;
    this.#core.deadRoom.hopeless = this.#imagesRefused >= imagesRefusedMax;
    return published;
  }

  async #run(): Promise<void> {
    const { deadRoom, pool, ports, room } = this.#core;
    const freeBefore = pool.freeBytes();
    let thorough = false;
    try {
      thorough = await this.#release();
    } catch (error) {
      if (!(error instanceof HoldfastError)) this.#core.fail(error, 'giving journal room back met what must not be');
      else if (!isErrorOf(error, 'full')) ports.logger.warn({ error: messageOf(error) }, 'journal room could not be given back; it is tried again');
    }
    const inVain = room.short || (deadRoom.wanted && pool.freeBytes() <= freeBefore);
    deadRoom.wanted = false;
    if (inVain && !this.#stopped) await sleep(ports.clock, thorough && room.short ? hopelessPauseMs : pauseMs);
    room.released(thorough);
  }

  /** True when nothing more can be done here. */
  async #release(): Promise<boolean> {
    const core = this.#core;
    if (core.failure !== null) return true;
    await core.pool.refreshSpace();
    if (core.journal.full) await core.journal.commit();
    await this.#leaveFilled();
    // What dies before the first image is covered by both.
    if (core.deadRoom.wanted) this.#sweeper.drop();
    for (let image = 0; image < imagesPerRelease; image++) {
      // A flush that sends its image away: when it is done there is more to be had.
      if (core.imageLock.busy || this.#stopped) return false;
      if (image > 0 && core.room.pressed) await this.#sealAll();
      this.#moveOn();
      if (!(await this.publish())) return this.#imagesRefused >= imagesRefusedMax;
      this.#sweeper.drop();
      await this.#sweeper.sweep();
      await core.pool.refreshSpace();
      if (!core.room.pressed && !core.deadRoom.wanted) return true;
    }
    // With the scheme `copy` it is the flush that releases the rest.
    return !core.keepsSecondCopy;
  }

  /** Nothing that is released helps a disk that is full of other things: the journal goes elsewhere, if there is room. */
  async #leaveFilled(): Promise<void> {
    const { journal, room } = this.#core;
    const filled = room.filled();
    if (filled.length === 0) return;
    // Each of them is to be avoided, whatever it leads to.
    const moves = filled.map((disk) => journal.avoid(disk));
    if (!moves.some(Boolean)) return;
    this.#core.recordAgain();
    await journal.commit();
  }

  /** Bytes that no shard holds keep journal files back, however few they are. */
  async #sealAll(): Promise<void> {
    try {
      await this.#core.pool.sealAll();
    } catch (error) {
      if (!isErrorOf(error, 'unavailable')) throw error;
    }
  }

  /** An image at the point of the one before is none. */
  #moveOn(): void {
    if (this.#core.journal.appendedLsn === this.#core.localImages.newest) this.#core.recordAgain();
  }
}
