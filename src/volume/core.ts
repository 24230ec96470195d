// The parts of an open volume in one place, and the one way to change it: record().
// Holds always: skeleton.appliedLsn <= journal.appendedLsn, records are applied in LSN order, and while a commit is
// under way (deferring) records reach the journal at once but the skeleton only after BEGIN.
import { assert } from '../base/assert.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { fullShare } from '../base/limits.js';
import { Mutex } from '../base/mutex.js';
import type { DiskId, Lsn, SegmentNumber, VolumeId } from '../base/ids.js';
import type { Backup } from '../backup/backup.js';
import type { Thresholds, VolumeSettings } from '../config/settings.js';
import type { Generation } from '../format/generation.js';
import type { JournalRecord } from '../format/records.js';
import type { Journal, LabelMark } from '../journal/contract.js';
import type { Pool, SegmentPlace } from '../pool/contract.js';
import type { ImageSource, SegmentRow, Skeleton } from '../skeleton/contract.js';
import { DeadRoom } from './dead-room.js';
import type { DiskSet } from './disk-set.js';
import { DiskStates } from './disk-states.js';
import { Exposure } from './exposure.js';
import { JournalRoom } from './journal-room.js';
import { Notices } from './notices.js';
import type { LocalImages } from './local-images.js';
import type { VolumePorts } from './ports.js';
import { StateRoom } from './state-room.js';

/** Places of segments remembered for reads: those of 32 GiB. */
const placesMax = 1_024;
/** Records after which a segment may lie elsewhere, or nowhere. */
const placeRecords: ReadonlySet<JournalRecord['type']> = new Set(['segment-seal', 'segment-drop', 'segment-forget', 'shard-move', 'delta-shard-drop', 'backup-forget', 'disk']);

export interface CoreParts {
  readonly volume: VolumeId;
  readonly settings: VolumeSettings;
  readonly ports: VolumePorts;
  readonly disks: DiskSet;
  readonly skeleton: Skeleton;
  readonly imageSource: ImageSource;
  readonly localImages: LocalImages;
  readonly backup: Backup | null;
  readonly generations: readonly Generation[];
}

export class VolumeCore {
  readonly volume: VolumeId;
  /** As at the mount, but for the disks that came and went since. */
  settings: VolumeSettings;
  readonly ports: VolumePorts;
  readonly disks: DiskSet;
  readonly skeleton: Skeleton;
  readonly imageSource: ImageSource;
  readonly localImages: LocalImages;
  readonly backup: Backup | null;
  /** All terms of the chosen history, the running one last. */
  generations: readonly Generation[];
  thresholds: Thresholds;
  journal!: Journal; // set by attach() before anything else is called
  pool!: Pool; // set by attach() before anything else is called
  /** Set when durability cannot be promised any more; every change is refused from then on. */
  failure: HoldfastError | null = null;
  /** Disks come and go one at a time. */
  readonly diskChanges = new Mutex();
  /** Held from an image's capture to its release. */
  readonly imageLock = new Mutex();
  /** Copies the journal writes to, and should; null while it is as it should be. */
  journalCopies: { readonly copies: number; readonly wanted: number } | null = null;
  /** A disk was lost: journal copies and images have to be made whole elsewhere (rule 5). */
  protectionDue = false;
  /** Disks that surely hold each journal file: less while a loss is not made good yet. */
  journalReach: number;
  /** Rebuilds under way: what they make whole nobody else writes anew beside them. */
  rebuilds = 0;
  readonly notices = new Notices();
  /** What is said of each disk. */
  readonly states: DiskStates;
  /** What sealed segments that are only here can still lose. */
  readonly exposure: Exposure;
  /** Who may make the journal grow. */
  readonly room: JournalRoom;
  /** Whether the live database may grow. */
  readonly stateRoom: StateRoom;
  /** Who waits for the room of what was deleted. */
  readonly deadRoom: DeadRoom;
  /** Lost disks after whose loss a flush has succeeded. */
  flushedLosses: ReadonlySet<string> = new Set();
  /** Un-sealed segments of the last life that came back from the journal at this mount. */
  refilled: { readonly segments: number; readonly bytes: number } = { segments: 0, bytes: 0 };
  /** Shards of segments that reads had to decode around. */
  readonly damagedShards = new Map<SegmentNumber, Set<number>>();
  /** What the labels were told last. */
  labelled: LabelMark | null = null;
  /** The backup lost an object that it had: a flush is due although no delta waits. */
  presenceLost = false;
  /** Partial roots stand in the backup: they go when a whole one does. */
  partialRoots = false;
  #deferring = false;
  #deferred: { readonly lsn: Lsn; readonly record: JournalRecord }[] = [];
  /** Of sealed segments, as the skeleton has them. Empty while records are deferred. */
  readonly #places = new Map<SegmentNumber, SegmentPlace>();
  readonly #pins = new Map<SegmentNumber, number>();
  /** Seal records that a power loss could still take back, oldest first. */
  readonly #seals = new Map<SegmentNumber, Lsn>();

  constructor(parts: CoreParts) {
    this.volume = parts.volume;
    this.settings = parts.settings;
    this.thresholds = parts.settings;
    this.ports = parts.ports;
    this.disks = parts.disks;
    this.skeleton = parts.skeleton;
    this.imageSource = parts.imageSource;
    this.localImages = parts.localImages;
    this.backup = parts.backup;
    this.generations = parts.generations;
    this.journalReach = Math.min(parts.settings.tolerance + 1, parts.disks.journalCandidates().length);
    this.states = new DiskStates(this);
    this.exposure = new Exposure(parts.skeleton);
    this.room = new JournalRoom(this);
    this.stateRoom = new StateRoom(parts.settings.stateDir, () => parts.ports.stateSpace(parts.settings.stateDir), parts.ports.logger);
    this.deadRoom = new DeadRoom(this);
  }

  /** The pool is there before the journal: how large a file of it is depends on the disks. */
  attachPool(pool: Pool): void {
    this.pool = pool;
    this.room.measure();
  }

  attachJournal(journal: Journal): void {
    this.journal = journal;
  }

  journalUsedOn(disk: DiskId): number {
    return (this.journal as Journal | undefined)?.usedOn(disk) ?? 0; // undefined until attachJournal()
  }

  /** Scheme `copy`: until the backup has them the journal keeps the bytes of segments that are sealed. */
  get keepsSecondCopy(): boolean {
    return this.settings.scheme === 'copy' && this.backup !== null;
  }

  /** Writes may soon meet a full volume. */
  get nearlyFull(): boolean {
    return this.pool.freeBytes() < this.pool.totalBytes() / fullShare;
  }

  get generation(): Generation {
    const last = this.generations.at(-1);
    assert(last !== undefined, 'an open volume has a generation');
    return last;
  }

  /** Appends one change to the journal and applies it to the skeleton. Synchronous, no I/O. */
  record(record: JournalRecord): Lsn {
    if (this.failure !== null) throw this.failure;
    const lsn = this.journal.append(record);
    if (placeRecords.has(record.type)) this.#places.clear();
    if (record.type === 'segment-seal') this.#noteSeal(record.segment, lsn);
    if (this.#deferring) this.#deferred.push({ lsn, record });
    else this.#apply(lsn, record);
    return lsn;
  }

  /** Where something has to be recorded and nothing has happened, it is what is known of a disk already. False: none is healthy. */
  recordAgain(): boolean {
    const member = this.disks.members.find(({ state, leaving }) => state === 'healthy' && leaving === undefined);
    if (member === undefined || member.disk === null) return false;
    this.record({ type: 'disk', disk: member.disk.id, path: member.path, state: 'healthy', reason: member.reason, time: this.ports.clock.now() });
    return true;
  }

  #noteSeal(segment: SegmentNumber, lsn: Lsn): void {
    // Asking forgets those that are durable by now; a second layout goes to the end of the line.
    this.sealIsDurable(segment);
    this.#seals.delete(segment);
    this.#seals.set(segment, lsn);
  }

  /** A record that the skeleton refuses must not reach the disks either: no replay could get past it. */
  #apply(lsn: Lsn, record: JournalRecord): void {
    try {
      this.exposure.follow(record, () => this.skeleton.apply(lsn, record));
    } catch (error) {
      this.journal.abandon(error);
      this.fail(error, `record ${lsn} (${record.type}) could not be applied`);
      throw error;
    }
  }

  /** A commit is under way: the skeleton does not show what is recorded now. */
  get committing(): boolean {
    return this.#deferring;
  }

  /** False between the seal of a segment and the commit that carries its record: until then the journal's bytes of it are needed. */
  sealIsDurable(segment: SegmentNumber): boolean {
    for (const [sealed, lsn] of this.#seals) {
      if (lsn > this.journal.durableLsn) break;
      this.#seals.delete(sealed);
    }
    return !this.#seals.has(segment);
  }

  /** While `section` runs, records wait for it before they reach the skeleton. */
  async deferring(section: () => Promise<void>): Promise<void> {
    assert(!this.#deferring, 'one commit at a time');
    this.#deferring = true;
    this.#places.clear();
    try {
      await section();
    } finally {
      this.#deferring = false;
      const waiting = this.#deferred;
      this.#deferred = [];
      for (const { lsn, record } of waiting) this.#apply(lsn, record);
    }
  }

  /** Where a sealed segment is, also when its seal record waits for a commit to end; null: not sealed. */
  placeOf(segment: SegmentNumber): SegmentPlace | null {
    const known = this.#places.get(segment);
    if (known !== undefined) return known;
    const row = this.skeleton.segment(segment);
    if (row === null) return null;
    for (const { record } of this.#deferred) {
      if (record.type === 'segment-seal' && record.segment === segment) {
        return { id: { generation: row.generation, number: segment }, length: record.length, layout: record.layout, disks: record.disks };
      }
    }
    const place = placeOfRow(row);
    if (place !== null && !this.#deferring) this.#remember(segment, place);
    return place;
  }

  #remember(segment: SegmentNumber, place: SegmentPlace): void {
    if (this.#places.size >= placesMax) this.#places.clear();
    this.#places.set(segment, place);
  }

  /** Number of the layout that counts once everything recorded is applied; null: not sealed, dead or gone. */
  latestLayout(segment: SegmentNumber): number | null {
    const row = this.skeleton.segment(segment);
    let latest = row === null || row.state !== 'sealed' ? null : (row.layout?.number ?? null);
    for (const { record } of this.#deferred) {
      if (record.type === 'segment-seal' && record.segment === segment) latest = record.layout.number;
      if (record.type === 'segment-drop' && record.segment === segment) latest = null;
    }
    return latest;
  }

  /** A pinned segment is neither dropped nor removed (rule 3). */
  pin(segment: SegmentNumber): void {
    this.#pins.set(segment, (this.#pins.get(segment) ?? 0) + 1);
  }

  unpin(segment: SegmentNumber): void {
    const count = this.#pins.get(segment) ?? 0;
    assert(count > 0, 'unpin follows pin');
    if (count === 1) this.#pins.delete(segment);
    else this.#pins.set(segment, count - 1);
  }

  pinned(segment: SegmentNumber): boolean {
    return this.#pins.has(segment);
  }

  /** The journal could not be written: the end, but where it only waits for room. */
  commitFailed(error: unknown): void {
    if (isErrorOf(error, 'full') && this.journal.full) return;
    this.fail(error, 'the journal could not be written');
  }

  /** Resolves when what was appended is durable, or when it may be worth asking again. Never rejects. */
  async catchUp(): Promise<void> {
    try {
      await this.journal.commit();
    } catch (error) {
      this.commitFailed(error);
      if (this.failure === null) await this.room.nextRelease();
    }
  }

  /** Durability cannot be promised any more: nothing is changed from here on, reads go on. */
  fail(error: unknown, what: string): void {
    if (this.failure !== null) return;
    this.failure = new HoldfastError('unavailable', `the volume takes no changes any more: ${what}`, {
      code: 'volume-failed',
      hint: 'Look at the disks with `holdfast status`, unmount, mend them, and mount again: nothing acknowledged by fsync is lost.',
      cause: error,
    });
    this.ports.logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, this.failure.message);
  }
}

/** null while the segment is open. */
export function placeOfRow(row: SegmentRow): SegmentPlace | null {
  if (row.layout === null) return null;
  return { id: { generation: row.generation, number: row.segment }, length: row.length, layout: row.layout, disks: row.disks };
}
