// Disks that leave an open volume. A removal is a durable state of its disk ("leaving"), which every later life goes on with until the end:
// nothing new goes there; what is there is moved (evacuation.ts); journal and images are made whole elsewhere; a term of the journal
// begins without it; the configuration file names it no more; and only then are its files removed, the label last.
// So a volume never counts on a disk that its file does not name, and a disk that is named has its label.
import { HoldfastError, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber, type DiskId } from '../base/ids.js';
import { recordedState, type DiskMember } from './disk-set.js';
import type { ConfiguredDisks } from './disk-add.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';
import { emptyDisk } from './empty-disk.js';
import { Evacuation, type EvacuationReport } from './evacuation.js';
import { publishLocalImage } from './image-point.js';
import { checkRemoval, requireEnough } from './removal-checks.js';
import type { Rescue } from './rescue.js';
import { removeStraysOn } from './strays.js';

export type RemovalProgress = (step: 'segments' | 'journal' | 'files', done: number, total: number) => void;

export interface DiskRemovalReport extends EvacuationReport {
  readonly path: string;
  /** Its files and its label are gone: the directory may be used for something else. */
  readonly emptied: boolean;
  readonly elapsedMs: number;
}

const rowsPerTurn = 500;

interface Removal {
  readonly listeners: Set<RemovalProgress>;
  cancelled: boolean;
  readonly done: Promise<DiskRemovalReport>;
}

export class DiskRemovals {
  readonly #core: VolumeCore;
  readonly #points: ConsistencyPoints;
  readonly #rescue: Rescue;
  /** Under way, by path. */
  readonly #running = new Map<string, Removal>();
  #stopped = false;

  constructor(core: VolumeCore, points: ConsistencyPoints, rescue: Rescue) {
    this.#core = core;
    this.#points = points;
    this.#rescue = rescue;
  }

  /**
   * Resolves when the disk is no part of the volume any more. One that is under way is joined. 'invalid' (disk-unknown, disk-remove-journal), 'conflict'
   * (disk-remove-too-few) and 'full' (disk-remove-no-room) before anything is changed; what stops it later leaves the disk leaving.
   */
  async remove(path: string, configured: ConfiguredDisks, progress: RemovalProgress): Promise<DiskRemovalReport> {
    const running = this.#running.get(path);
    if (running === undefined) await this.#begin(path);
    return this.#goOn(path, configured, progress);
  }

  /** What earlier lives began goes on; `failed` is told what stopped one of them. */
  resume(configured: ConfiguredDisks, failed: (path: string, error: unknown) => void): void {
    for (const { path, leaving } of this.#core.disks.members) {
      if (leaving !== undefined) this.#goOn(path, configured, () => {}).catch((error: unknown) => failed(path, error));
    }
  }

  /** The disk stays, with what is still on it. 'conflict' (disk-not-leaving), also when its removal has come to the end. */
  async cancel(path: string): Promise<void> {
    const core = this.#core;
    const running = this.#running.get(path);
    if (running !== undefined) running.cancelled = true;
    await running?.done.catch(() => undefined); // it ends because of this; what it says is the remover's
    await core.diskChanges.run(async () => {
      const member = this.#member(path);
      if (member.leaving === undefined) throw new HoldfastError('conflict', `${path} is not being removed`, { code: 'disk-not-leaving', context: { disk: path } });
      core.disks.leave(path, undefined, '');
      this.#record(this.#member(path));
      core.journal.renew();
      await core.journal.commit();
      // Durable from here: a member like the others.
      await this.#settle();
      const { disk } = member;
      if (disk !== null && core.disks.serves(disk.id)) await removeStraysOn(core, disk, () => this.#stopped);
    });
  }

  /** Ends each at its next segment; resolves then. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  /** Durable when it resolves: it is leaving, in this life and in every later one. */
  #begin(path: string): Promise<void> {
    const core = this.#core;
    return core.diskChanges.run(async () => {
      if (core.failure !== null) throw core.failure;
      const member = this.#member(path);
      if (member.leaving !== undefined) return;
      if (member.role === 'journal') throw new HoldfastError('invalid', `${path} is a dedicated journal disk`, { code: 'disk-remove-journal', hint: 'Take it out of journal.disks in the configuration file and mount again.' });
      await core.pool.refreshSpace();
      await checkRemoval(core, path, this.#idOf(member));
      core.disks.leave(path, 'moving', 'it begins to leave');
      this.#record(this.#member(path));
      failpoint('disk-remove-begun-before-commit');
      await core.journal.commit();
      // Durable from here: nothing new goes there, and the removal goes on after any end of this life.
      failpoint('disk-remove-leaving');
      await this.#settle();
    });
  }

  #goOn(path: string, configured: ConfiguredDisks, progress: RemovalProgress): Promise<DiskRemovalReport> {
    const known = this.#running.get(path);
    if (known !== undefined) {
      known.listeners.add(progress);
      return known.done;
    }
    const listeners = new Set([progress]);
    const tell: RemovalProgress = (...step) => {
      for (const listener of listeners) listener(...step);
    };
    const removal: Removal = {
      listeners,
      cancelled: false,
      // Its first step is in a later turn: `removal` is there then.
      done: Promise.resolve()
        .then(() => this.#run(path, configured, tell, () => this.#stopped || removal.cancelled))
        .catch((error: unknown) => {
          this.#core.disks.leave(path, this.#leaving(path), messageOf(error));
          throw error;
        })
        .finally(() => this.#running.delete(path)),
    };
    this.#running.set(path, removal);
    return removal.done;
  }

  async #run(path: string, configured: ConfiguredDisks, tell: RemovalProgress, stopped: () => boolean): Promise<DiskRemovalReport> {
    const core = this.#core;
    const startMs = core.ports.clock.monotonicMs();
    const id = this.#idOf(this.#member(path));
    const evacuation = id === null ? null : new Evacuation(core, this.#rescue, { path, id }, stopped);
    if (id !== null && evacuation !== null) await this.#evacuate(path, id, evacuation, tell);
    tell('journal', 0, 1);
    await this.#makeWholeElsewhere();
    tell('journal', 1, 1);
    const emptied = await core.diskChanges.run(() => this.#leave(path, id, configured, tell));
    return { segmentsMoved: 0, segmentsAnew: 0, bytesWritten: 0, ...evacuation?.report, path, emptied, elapsedMs: core.ports.clock.monotonicMs() - startMs };
  }

  async #evacuate(path: string, id: DiskId, evacuation: Evacuation, tell: RemovalProgress): Promise<void> {
    const total = await this.#count(id);
    let done = 0;
    const told = (): void => {
      this.#core.disks.leave(path, 'moving', `${done} of ${total} segments are moved`);
      tell('segments', Math.min(done, total), total);
    };
    told();
    await evacuation.run(() => {
      done++;
      told();
    });
  }

  async #count(id: DiskId): Promise<number> {
    const { skeleton, ports } = this.#core;
    let count = 0;
    for (let after = asSegmentNumber(0); ; ) {
      const rows = skeleton.segmentsOn(id, after, rowsPerTurn);
      count += rows.filter((row) => row.state === 'sealed').length;
      const last = rows.at(-1);
      if (last === undefined || rows.length < rowsPerTurn) return count;
      after = last.segment;
      await ports.clock.turn();
    }
  }

  /** Journal files and images on tolerance + 1 of the others. */
  async #makeWholeElsewhere(): Promise<void> {
    const core = this.#core;
    const wanted = core.settings.tolerance + 1;
    await core.journal.commit();
    const copies = await core.journal.protect();
    if (copies < wanted) throw this.#notProtected(`the journal has ${copies} of ${wanted} copies on the other disks`);
    core.recordAgain();
    if (!(await publishLocalImage(core, this.#points))) throw this.#notProtected(`fewer than ${wanted} of the other disks took an image of the skeleton`);
    failpoint('disk-remove-moved-before-term');
  }

  /** The last steps, in the order that a mount after any of them can live with. */
  async #leave(path: string, id: DiskId | null, configured: ConfiguredDisks, tell: RemovalProgress): Promise<boolean> {
    const core = this.#core;
    requireEnough(core, path, core.disks.staying('pool').length);
    core.disks.leave(path, 'empty', 'nothing is left on it');
    this.#record(this.#member(path));
    core.journal.renew();
    await core.journal.commit();
    // Durable from here: no mount counts it as one of those that must be there.
    if (id !== null && core.generation.members.includes(id)) throw this.#notProtected('the disks have no room to record that it goes');
    failpoint('disk-remove-left-before-configured');
    configured.remove(path);
    // Durable from here: no mount opens it.
    failpoint('disk-remove-configured-before-gone');
    const disk = core.disks.drop(path);
    core.settings = { ...core.settings, disks: core.settings.disks.filter((one) => one.path !== path) };
    if (id !== null) core.journal.gone(id);
    if (id !== null) core.record({ type: 'disk', disk: id, path, state: 'gone', reason: 'removed', time: core.ports.clock.now() });
    await core.journal.commit();
    failpoint('disk-remove-gone-before-emptied');
    await this.#settle();
    if (disk === null) return false;
    const emptied = await emptyDisk(
      disk,
      core.ports.disks,
      core.ports,
      (done, total) => tell('files', done, total),
      () => this.#stopped,
    );
    await disk.close().catch((error: unknown) => core.ports.logger.warn({ disk: path, error: messageOf(error) }, 'a disk did not close cleanly'));
    return emptied;
  }

  async #settle(): Promise<void> {
    const core = this.#core;
    core.pool.disksChanged();
    await core.pool.refreshSpace();
    core.room.measure();
  }

  #record(member: DiskMember): void {
    const id = this.#idOf(member);
    if (id !== null) this.#core.record({ type: 'disk', disk: id, path: member.path, state: recordedState(member), reason: member.reason, time: this.#core.ports.clock.now() });
  }

  /** Also of a disk that is not there, as far as the skeleton knows it. */
  #idOf({ disk, path }: DiskMember): DiskId | null {
    return disk?.id ?? this.#core.skeleton.disks().find((row) => row.path === path && row.state !== 'gone')?.disk ?? null;
  }

  #leaving(path: string): DiskMember['leaving'] {
    return this.#core.disks.members.find((member) => member.path === path)?.leaving;
  }

  #member(path: string): DiskMember {
    const { members } = this.#core.disks;
    const member = members.find((one) => one.path === path);
    if (member !== undefined) return member;
    throw new HoldfastError('invalid', `${path} is not a disk of ${this.#core.settings.name}`, { code: 'disk-unknown', hint: `Its disks: ${members.map((one) => one.path).join(', ')}.`, context: { disk: path } });
  }

  #notProtected(what: string): HoldfastError {
    return new HoldfastError('unavailable', `the disk cannot go yet: ${what}`, { code: 'disk-remove-unprotected', hint: 'Free space on the other disks, or add one, and give the same command again.' });
  }
}
