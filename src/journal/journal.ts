// The writing side of the journal: records get their LSN and are encoded at once; a commit writes them, with the payload
// they rely on, as one group of batches to tolerance + 1 disks and syncs all copies in parallel. One group is in flight at
// most, and none is written before all earlier ones are durable: so a bad group with a valid later one is damage, never a
// torn tail. After any failure of a disk the journal goes on in a new generation on another set of disks (rule 4).
import { isDeepStrictEqual } from 'node:util';
import { assert } from '../base/assert.js';
import { type HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { DiskId, Lsn, SegmentNumber, VolumeId } from '../base/ids.js';
import { asGenerationId } from '../base/ids.js';
import { generationsRoomBytes, journalFileBytesMax } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import { Mutex } from '../base/mutex.js';
import type { Random } from '../base/random.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import type { PayloadSource } from '../format/payload.js';
import type { JournalRecord } from '../format/records.js';
import { type BatchGroup, buildGroup, bytesOf, type GroupLimits, groupLimits, PendingRecords } from './batch-group.js';
import type { Journal, JournalDamage, JournalMark, RetainedFile } from './contract.js';
import { type DiskFailure, GenerationFiles, type PlacedGroup } from './generation-files.js';
import { quorum } from './generations.js';
import { journalClosed, journalDead, journalFull, noDiskLeft } from './journal-errors.js';
import { Waiters } from './waiters.js';

export interface JournalLimits extends GroupLimits {
  readonly fileBytes: number;
}

export interface JournalOptions {
  readonly volume: VolumeId;
  /** Durable on every present disk already; its number is above RecoveredJournal.highestNumber, its parentLsn is startAfter.lsn. */
  readonly generation: Generation;
  /** End of the recovered history, healed to tolerance + 1 copies already. */
  readonly startAfter: JournalMark;
  /** The disks of generation.journalDisks. */
  readonly disks: readonly Disk[];
  /** Healthy disks to move to when a journal disk fails, best first. One in use that is not among them is left when another one can take its place. */
  readonly candidates: () => readonly Disk[];
  /** Disks of the volume that are there, whatever they carry: the members of a generation that renew() asked for. */
  readonly members: () => readonly DiskId[];
  /** Files of older generations, from RecoveredJournal. */
  readonly retained: readonly RetainedFile[];
  readonly payload: PayloadSource;
  readonly logger: Logger;
  readonly random: Random;
  /** Makes the generation durable (storeGenerations); rejects when that cannot be had, and the journal is dead. */
  readonly onGenerationChange: (next: Generation) => Promise<void>;
  /** A disk failed a write or a sync: the journal uses it no more. */
  readonly onDiskFailed: (disk: DiskId, error: unknown) => void;
  /** Batches go to `copies` disks from now on where `wanted` should be; also told when it is whole again. */
  readonly onDegraded: (copies: number, wanted: number) => void;
  /** Size of a file that is begun now; default: that of the limits. */
  readonly fileBytes?: () => number;
  /** Room that a disk has, to its last byte: one that was full takes the journal again when it holds two files. Default: none ever has. */
  readonly roomOn?: (disk: DiskId) => number;
  /** A file of this size is begun on a disk. */
  readonly onAllocated?: (disk: DiskId, bytes: number) => void;
  /** For tests. */
  readonly limits?: JournalLimits;
}

/** A group that no disk had room for. */
interface WaitingGroup {
  readonly group: BatchGroup;
  readonly release: () => void;
}

const defaultLimits: JournalLimits = { ...groupLimits, fileBytes: journalFileBytesMax };

export function startJournal(options: JournalOptions): Journal {
  const { generation, startAfter, disks } = options;
  assert(generation.parentLsn === startAfter.lsn, 'a generation begins where the recovered history ends');
  assert(disks.length > 0, 'a journal has a disk');
  return new DiskJournal(options);
}

class DiskJournal implements Journal {
  readonly #options: JournalOptions;
  readonly #limits: JournalLimits;
  readonly #pending: PendingRecords;
  readonly #retained: RetainedFile[];
  readonly #failedDisks = new Set<DiskId>();
  /** Those that a group met full: they hold what they hold, and take the journal again when there is room. */
  readonly #fullDisks = new Set<DiskId>();
  /** How often a new generation was asked for, and up to which of these one is durable: see renew(). */
  #renewals = 0;
  #renewed = 0;
  #waitingGroup: WaitingGroup | null = null;
  #groupBytes = 0;
  /** Of the generations that were made, also of those that too few disks took. */
  #highestNumber: number;
  /** The one that too few disks took: some may know it, so it is the next one, for as long as it is what is wanted. */
  #unmade: Generation | null = null;
  /**
   * This generation may not go on: a group is in its files and not durable, or the next one was begun, and a disk may know it. What
   * were added here now would be void to whoever reads that disk, and from the next list on to everybody.
   */
  #spoiled = false;
  #files: GenerationFiles;
  #writtenMark: JournalMark;
  #durableLsn: Lsn;
  readonly #waiters = new Waiters();
  /** The loop that writes groups while someone waits; it never rejects. */
  #running: Promise<void> | null = null;
  /** release(), protect() and scrub() one at a time. */
  readonly #maintenance = new Mutex();
  /** Why it takes no more: dead, or closed. */
  #ended: HoldfastError | null = null;
  #degraded = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultLimits;
    this.#pending = new PendingRecords(options.startAfter.lsn, this.#limits);
    this.#retained = [...options.retained];
    this.#durableLsn = options.startAfter.lsn;
    this.#highestNumber = options.generation.number;
    this.#files = this.#newFiles(options.generation, options.disks);
    this.#writtenMark = this.#files.mark();
    this.#tellDegraded();
  }

  get generation(): Generation {
    return this.#files.generation;
  }

  get appendedLsn(): Lsn {
    return this.#pending.lastLsn;
  }

  get durableLsn(): Lsn {
    return this.#durableLsn;
  }

  get retainedBytes(): number {
    return this.#retained.reduce((sum, file) => sum + file.bytes, this.#files.currentBytes);
  }

  get fileBytes(): number {
    return this.#options.fileBytes?.() ?? this.#limits.fileBytes;
  }

  get pendingBytes(): number {
    return this.#pending.bytes + this.#groupBytes;
  }

  get disks(): readonly Disk[] {
    return this.#files.disks();
  }

  get full(): boolean {
    return this.#waitingGroup !== null;
  }

  get preparedBytes(): number {
    return this.#files.preparedBytes;
  }

  usedOn(disk: DiskId): number {
    let bytes = this.#files.bytesOn(disk);
    for (const file of this.#retained) if (file.holders.has(disk)) bytes += file.bytes;
    return bytes;
  }

  append(record: JournalRecord): Lsn {
    if (this.#ended !== null) throw this.#ended;
    return this.#pending.append(record);
  }

  async commit(): Promise<void> {
    await this.#until('durable');
  }

  writeOut(): Promise<JournalMark> {
    return this.#until('written');
  }

  release(through: Lsn, mayRelease: (segments: readonly SegmentNumber[]) => boolean): Promise<void> {
    assert(through <= this.#durableLsn, 'nothing is released before it is durable');
    return this.#maintenance.run(() => this.#release(through, mayRelease));
  }

  leave(disk: DiskId): void {
    this.#failedDisks.add(disk);
  }

  gone(disk: DiskId): void {
    for (const file of this.#retained) file.forgetDisk(disk);
  }

  renew(): void {
    this.#renewals++;
  }

  avoid(disk: DiskId): boolean {
    this.#fullDisks.add(disk);
    return this.#shouldMove();
  }

  abandon(cause: unknown): void {
    this.#pending.take();
    this.#die(cause);
  }

  protect(): Promise<number> {
    return this.#maintenance.run(() => this.#protect());
  }

  scrub(damaged: (found: JournalDamage) => void): Promise<number> {
    return this.#maintenance.run(async () => {
      const files = this.#retained.length;
      await this.#protect(damaged);
      return files;
    });
  }

  async close(): Promise<void> {
    if (this.#ended?.kind === 'closed') return;
    try {
      await this.commit();
    } finally {
      this.#ended ??= journalClosed();
      await this.#running;
      await this.#maintenance.run(() => Promise.resolve());
      await this.#files.end();
    }
  }

  #until(until: 'written' | 'durable'): Promise<JournalMark> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const lsn = this.appendedLsn;
    if ((until === 'durable' ? this.#durableLsn : this.#writtenMark.lsn) >= lsn) return Promise.resolve(this.#writtenMark);
    const answer = this.#waiters.wait(lsn, until);
    this.#running ??= this.#run();
    return answer;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiters.any) await this.#writeGroup();
    } catch (error) {
      // What waits for room is tried again by the next who asks; those who asked are told.
      if (this.#waitingGroup !== null && isErrorOf(error, 'full')) this.#waiters.rejectAll(error);
      else this.#die(error);
    } finally {
      this.#running = null;
    }
  }

  /**
   * Why no acknowledged write record can lack its bytes: records are taken and payload is collected in one turn. A write record
   * taken here points into a segment that is either sealed, and then its seal record was appended before and is taken too, or
   * un-sealed, and then its bytes are in this group or an earlier one. What is appended while `ready` is awaited is included.
   */
  async #writeGroup(): Promise<void> {
    if (this.#waitingGroup !== null) return this.#writeWaiting(this.#waitingGroup);
    const cut = this.#options.payload.cut();
    await cut.ready;
    if (this.#ended !== null) throw this.#ended; // abandoned meanwhile
    // From here to the end of collect() no await.
    const runs = this.#pending.take();
    const group = buildGroup(runs, cut.collect(), this.#limits);
    failpoint('journal-collected-before-write');
    await this.#writeWaiting({ group, release: () => cut.release() });
  }

  async #writeWaiting(waiting: WaitingGroup): Promise<void> {
    this.#groupBytes = bytesOf(waiting.group);
    try {
      await this.#store(waiting.group);
    } catch (error) {
      if (!isErrorOf(error, 'full')) throw error;
      if (this.#waitingGroup === null) this.#options.logger.error({ records: waiting.group.lastLsn - waiting.group.firstLsn + 1, error: error.message }, 'the disks have no room for the journal: what is not synced yet waits in memory');
      this.#waitingGroup = waiting;
      throw journalFull(error);
    }
    if (this.#waitingGroup !== null) this.#options.logger.warn({ records: waiting.group.lastLsn - waiting.group.firstLsn + 1 }, 'the journal has room again and goes on');
    this.#waitingGroup = null;
    this.#groupBytes = 0;
    waiting.release();
  }

  /** Durable on the whole set of disks when it resolves, whatever it takes; 'full' when they have no room. Each turn of the loop loses a disk, so it ends. */
  async #store(group: BatchGroup): Promise<void> {
    for (const disk of this.#fullDisks) if (this.#hasRoom(disk, 2, 0)) this.#fullDisks.delete(disk);
    for (;;) {
      if (this.#shouldRenew() || this.#shouldMove()) await this.#changeGeneration([]);
      if (this.#files.disks().length === 0) throw this.#noDisk(undefined);
      const before = this.#files.allocatedBytes;
      const placed = this.#files.place(group, this.#durableLsn);
      this.#tellAllocated(this.#files.allocatedBytes - before);
      const failures = await this.#write(group, placed);
      if (failures.length === 0) break;
      this.#spoiled = true;
      await this.#changeGeneration(failures);
    }
    failpoint('journal-synced-before-answer');
    // Durable from here: every record of the group, on all disks of the generation.
    this.#durableLsn = group.lastLsn;
    this.#retained.push(...this.#files.takeFinished());
    this.#waiters.answer(this.#writtenMark, this.#durableLsn);
    this.#tellAllocated(this.#files.prepare());
  }

  /** Writes and syncs; who waits for the first alone is answered in between. */
  async #write(group: BatchGroup, placed: PlacedGroup): Promise<readonly DiskFailure[]> {
    const atOnce = this.#waiters.anyForWritten ? null : this.#files.writeDurably(placed);
    const failures = await (atOnce ?? this.#files.write(placed));
    if (failures.length > 0) return failures;
    this.#writtenMark = this.#files.mark();
    group.origin ??= { generation: this.#writtenMark.generation, link: this.#writtenMark.link };
    if (atOnce !== null) return failures;
    this.#waiters.answer(this.#writtenMark, this.#durableLsn);
    failpoint('journal-written-before-sync');
    return this.#files.sync();
  }

  #hasRoom(disk: DiskId, files: number, unknown: number): boolean {
    return (this.#options.roomOn?.(disk) ?? unknown) >= files * this.fileBytes;
  }

  #tellAllocated(bytes: number): void {
    if (bytes > 0) for (const disk of this.#files.disks()) this.#options.onAllocated?.(disk.id, bytes);
  }

  /** A disk is to be left, or copies are missing and there is a disk to have one on. */
  #shouldMove(): boolean {
    if (this.#spoiled) return true;
    const disks = this.#files.disks();
    const next = this.#chooseDisks();
    if (next.length === 0) return false;
    if (disks.some((disk) => this.#failedDisks.has(disk.id))) return true;
    if (disks.some((disk) => !next.includes(disk) && !this.#isCandidate(disk))) return this.#generationFits();
    // Who begins what cannot be made is stuck in between: what is prepared here is better than that.
    return (next.length > disks.length || disks.some((disk) => this.#fullDisks.has(disk.id) && !next.includes(disk))) && this.#generationFits();
  }

  /** Where it cannot be recorded now it waits for a later group. */
  #shouldRenew(): boolean {
    return this.#renewed < this.#renewals && this.#chooseDisks().length > 0 && this.#generationFits();
  }

  /** Enough disks have room for a generation to be recorded. */
  #generationFits(): boolean {
    const fitting = this.generation.members.filter((disk) => (this.#options.roomOn?.(disk) ?? Infinity) >= Math.min(generationsRoomBytes, this.fileBytes));
    return fitting.length >= quorum(this.generation);
  }

  async #changeGeneration(failures: readonly DiskFailure[]): Promise<void> {
    for (const failure of failures) {
      (isErrorOf(failure.error, 'full') ? this.#fullDisks : this.#failedDisks).add(failure.disk.id);
      this.#options.onDiskFailed(failure.disk.id, failure.error);
    }
    const disks = this.#chooseDisks();
    if (disks.length === 0) {
      throw this.#noDisk(failures[0]?.error);
    }
    const renewals = this.#renewals;
    const next = this.#nextGeneration(disks.map((disk) => disk.id));
    failpoint('journal-failed-before-generation');
    this.#unmade = next;
    this.#spoiled = true;
    await this.#options.onGenerationChange(next);
    this.#unmade = null;
    this.#renewed = renewals;
    // Durable from here: what the old generation has above parentLsn is void.
    failpoint('journal-generation-before-rewrite');
    this.#retained.push(...(await this.#files.end(next.parentLsn)));
    this.#files = this.#newFiles(next, disks);
    this.#spoiled = false;
    this.#options.logger.warn({ generation: next.number, members: next.members.length, disks: disks.map((disk) => disk.path) }, 'the journal goes on in a new generation');
    this.#tellDegraded();
  }

  #nextGeneration(journalDisks: readonly DiskId[]): Generation {
    const old = this.generation;
    const members = [...new Set([...(this.#renewed < this.#renewals ? this.#options.members() : old.members), ...journalDisks])].filter((id) => !this.#failedDisks.has(id));
    // Everything above is in one group, which is written anew: nothing acknowledged depends on a failed disk.
    const shape = { parentLsn: this.#durableLsn, members, journalDisks, tolerance: old.tolerance };
    const unmade = this.#unmade;
    if (unmade !== null && isDeepStrictEqual(shape, { parentLsn: unmade.parentLsn, members: unmade.members, journalDisks: unmade.journalDisks, tolerance: unmade.tolerance })) return unmade;
    return { number: ++this.#highestNumber, id: asGenerationId(this.#options.random.bytes(8).toString('hex')), ...shape };
  }

  /** Those in use that are well, and as many candidates as are missing; where those are too few, one in use that is to be left stays. */
  #chooseDisks(): readonly Disk[] {
    const chosen = new Map<DiskId, Disk>();
    const inUse = this.#files.disks().filter((disk) => !this.#failedDisks.has(disk.id));
    for (const disk of inUse) if (!this.#fullDisks.has(disk.id) && this.#isCandidate(disk)) chosen.set(disk.id, disk);
    for (const disk of this.#healthyCandidates()) if (chosen.size < this.#wanted() && this.#hasRoom(disk.id, 1, Infinity)) chosen.set(disk.id, disk);
    for (const disk of inUse) if (chosen.size < this.#wanted()) chosen.set(disk.id, disk);
    return [...chosen.values()];
  }

  /** False: the volume would rather not have it there. */
  #isCandidate(disk: Disk): boolean {
    return this.#options.candidates().includes(disk);
  }

  #healthyCandidates(): readonly Disk[] {
    return this.#options.candidates().filter((disk) => !this.#failedDisks.has(disk.id) && !this.#fullDisks.has(disk.id));
  }

  #wanted(): number {
    return this.#options.generation.tolerance + 1;
  }

  #noDisk(cause: unknown): HoldfastError {
    return [...this.#fullDisks].some((disk) => !this.#failedDisks.has(disk)) ? journalFull(cause) : noDiskLeft(cause);
  }

  #newFiles(generation: Generation, disks: readonly Disk[]): GenerationFiles {
    return new GenerationFiles(this.#options.volume, generation, disks, this.fileBytes, this.#options.logger);
  }

  #tellDegraded(): void {
    const copies = this.#files.disks().length;
    const degraded = copies < this.#wanted();
    if (degraded || this.#degraded) this.#options.onDegraded(copies, this.#wanted());
    this.#degraded = degraded;
  }

  #die(cause: unknown): void {
    if (this.#ended?.code === 'journal-dead') return;
    this.#ended = journalDead(cause);
    this.#waiters.rejectAll(this.#ended);
  }

  async #release(through: Lsn, mayRelease: (segments: readonly SegmentNumber[]) => boolean): Promise<void> {
    for (const file of [...this.#retained]) {
      // Not at `through` itself: the batch that ends there proves the mark of the image that stands for it.
      if (file.lastLsn >= through || !mayRelease(await file.segments())) continue;
      failpoint('journal-release-before-remove');
      await file.remove();
      this.#retained.splice(this.#retained.indexOf(file), 1);
    }
  }

  async #protect(damaged?: (found: JournalDamage) => void): Promise<number> {
    const disks = this.#healthyCandidates();
    let reached = this.#files.disks().length;
    for (const file of [...this.#retained]) {
      const before = new Set(file.holders);
      reached = Math.min(reached, await file.spread(disks, this.#wanted(), this.#options.logger, damaged));
      for (const disk of file.holders) if (!before.has(disk)) this.#options.onAllocated?.(disk, file.bytes);
    }
    return reached;
  }
}
