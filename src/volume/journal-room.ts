// Room for the journal (rule 7): what it may still grow by on each of its disks, and who has to wait for that. Every change is asked for
// before it is made, so that whatever was accepted can be written: docs/decisions/journal-room.md has the sums. Short of room: first the
// changes are slowed, then they wait for a release (images, seals), and when that cannot help they are refused with ENOSPC. What gives
// room back goes on when nothing else does, and is refused only when others have filled the disks; the volume's own records are never held up.
import { HoldfastError } from '../base/errors.js';
import type { DiskId } from '../base/ids.js';
import { batchAlignBytes, imageJournalFiles, journalFileBytesMax, journalFileBytesMin, journalFilesAtEase, journalFileShare, journalFilesKept, journalFilesLeftFreeing, journalFilesLeftGrowing, journalPatienceMs } from '../base/limits.js';
import { sleep } from '../base/clock.js';
import type { KeptRoom } from '../pool/space.js';
import type { VolumeCore } from './core.js';

/** 'grows': takes room. 'frees': gives room back, soon or late. */
export type ChangeKind = 'grows' | 'frees';

/** What a change costs at least: it may be a group of its own. */
const changeBytes = 8 * 1024;
/** How fast the journal may grow where slowing begins, and where it has come to its end. */
const easyBytesPerSecond = 256 * 1024 ** 2;
const hardBytesPerSecond = 2 * 1024 ** 2;

export class JournalRoom {
  readonly #core: VolumeCore;
  /** Starts a release if none is under way. */
  #release: () => void = () => {};
  #waiting: (() => void)[] = [];
  /** Since when those that take room are held up. */
  #shortSinceMs: number | null = null;
  /** The same of those that give room back. */
  #stuckSinceMs: number | null = null;
  /** The last release did all that there is to be done, and it was not enough. */
  #hopeless = false;
  #nextAllowedMs = 0;
  /** What may be admitted before the room is looked at again: so little that it cannot lead from ease to want. */
  #credit = 0;
  #ended = false;
  /** Of a journal file that is begun now: smaller on small disks. */
  #fileBytes = journalFileBytesMax;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  onShort(release: () => void): void {
    this.#release = release;
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** The disks, or what is known of them, are not what they were. */
  measure(): void {
    const { disks, pool, ports } = this.#core;
    const sizes = disks
      .journalCandidates()
      .map((disk) => pool.roomOn(disk.id).totalBytes)
      .filter((bytes) => bytes > 0);
    if (ports.journalLimits !== undefined) this.#fileBytes = ports.journalLimits.fileBytes;
    else if (sizes.length > 0) this.#fileBytes = fileBytesFor(Math.min(...sizes));
  }

  /** What users, and in part even accepted data, must leave to journal and images on a disk. */
  keptOn(disk: DiskId): KeptRoom {
    return this.#keptOn(disk, this.#fileBytes);
  }

  /** The same as it would be with further disks of these sizes; null: one of those. */
  keptWith(diskBytes: readonly number[]): (disk: DiskId | null) => KeptRoom {
    const fileBytes = this.#core.ports.journalLimits === undefined ? Math.min(this.#fileBytes, ...diskBytes.map(fileBytesFor)) : this.#fileBytes;
    return (disk) => this.#keptOn(disk, fileBytes);
  }

  #keptOn(disk: DiskId | null, fileBytes: number): KeptRoom {
    const mostBytes = journalFilesKept * fileBytes;
    const left = Math.max(0, mostBytes - (disk === null ? 0 : this.#core.journalUsedOn(disk)));
    const image = this.#imageRoom();
    return { bytes: left + image, leastBytes: Math.min(left, journalFilesLeftGrowing * fileBytes) + image, mostBytes };
  }

  /** null: go ahead. A promise: wait, then ask again. Throws 'full' where waiting does not help. */
  admit(bytes: number, kind: ChangeKind): Promise<void> | null {
    // A group takes up to twice its bytes and a file; the same once more when a disk fails while it is written.
    const cost = 4 * (bytes + changeBytes);
    if (cost <= this.#credit) {
      this.#credit -= cost;
      return null;
    }
    return this.#ended ? null : this.#admit(bytes, cost, kind);
  }

  #admit(bytes: number, cost: number, kind: ChangeKind): Promise<void> | null {
    const { journal, pool } = this.#core;
    const fileBytes = this.#fileBytes;
    const pending = journal.pendingBytes + pool.journalLoad();
    const room = this.#room(kind);
    const needed = cost + (kind === 'grows' ? journalFilesLeftGrowing : journalFilesLeftFreeing) * fileBytes;
    const spare = room - needed - 4 * pending;
    if (spare < 0) return this.#withinPrepared(bytes, pending, needed, kind) ? null : this.#hold(room - needed, pending, kind);
    this.#stuckSinceMs = null;
    if (kind === 'frees') return null;
    this.#shortSinceMs = null;
    this.#hopeless = false;
    const easy = journalFilesAtEase * fileBytes;
    if (spare >= easy) {
      this.#credit = Math.min((spare - easy) / 2, fileBytes);
      return null;
    }
    this.#release();
    return this.#slow(bytes, spare / easy);
  }

  /** Is there room for work that can as well be left for later? */
  atEase(bytes: number): boolean {
    const { journal, pool } = this.#core;
    return this.#room('grows') - 4 * (bytes + journal.pendingBytes + pool.journalLoad()) >= (journalFilesLeftGrowing + 1) * this.#fileBytes;
  }

  /** Journal disks that others, or shards, have filled so far that nothing that is released helps. */
  filled(): readonly DiskId[] {
    const needed = (journalFilesLeftGrowing + 1) * this.#fileBytes;
    return this.#core.journal.disks.flatMap(({ id }) => (this.#roomOn(id, 'grows') < needed && this.#allowedOn(id) >= needed ? [id] : []));
  }

  /** A release should do more than it did. */
  get pressed(): boolean {
    return this.#room('grows') < (journalFilesLeftGrowing + journalFilesAtEase) * this.#fileBytes;
  }

  /** Somebody waits, or was refused, for want of room. */
  get short(): boolean {
    if (this.#core.journal.full) return true;
    return this.#shortSinceMs !== null && this.#room('grows') < 4 * changeBytes + journalFilesLeftGrowing * this.#fileBytes;
  }

  /** Resolves when a release has ended. */
  nextRelease(): Promise<void> {
    this.#release();
    return new Promise((resolve) => {
      if (this.#ended) resolve();
      else this.#waiting.push(resolve);
    });
  }

  /** A release has ended; `thorough`: nothing more can be done. Those who wait look again. */
  released(thorough: boolean): void {
    this.#hopeless = thorough;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Nobody waits here any more: the volume is being closed. */
  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    this.released(false);
  }

  #hold(room: number, pending: number, kind: ChangeKind): Promise<void> {
    const { journal, ports } = this.#core;
    this.#release();
    if (room >= 0 && pending > 0 && !journal.full) return this.#core.catchUp();
    const now = ports.clock.monotonicMs();
    if (kind === 'grows') {
      this.#shortSinceMs ??= now;
      if (this.#hopeless || journal.full || now - this.#shortSinceMs > journalPatienceMs) throw noRoom(room);
    } else if (journal.full) {
      // Nothing that the volume can do helps, and who waits here cannot be told otherwise.
      this.#stuckSinceMs ??= now;
      if (now - this.#stuckSinceMs > journalPatienceMs) throw stuck();
    }
    return this.nextRelease();
  }

  /** Others have filled a disk: what is allocated already is there all the same, the second half of a file for what frees room, the last quarter for the volume itself. */
  #withinPrepared(bytes: number, pending: number, needed: number, kind: ChangeKind): boolean {
    const { journal } = this.#core;
    for (const { id } of journal.disks) if (this.#allowedOn(id) < needed + 4 * pending) return false;
    const left = (kind === 'grows' ? 1 / 2 : 1 / 4) * this.#fileBytes;
    return journal.disks.length > 0 && journal.preparedBytes - 2 * (bytes + changeBytes + pending) >= left;
  }

  #slow(bytes: number, share: number): Promise<void> | null {
    const { clock } = this.#core.ports;
    const now = clock.monotonicMs();
    if (now < this.#nextAllowedMs) return sleep(clock, this.#nextAllowedMs - now);
    const rate = hardBytesPerSecond + (easyBytesPerSecond - hardBytesPerSecond) * share ** 2;
    this.#nextAllowedMs = now + ((bytes + changeBytes) / rate) * 1000;
    return null;
  }

  /** What the journal may still take on the fullest of its disks; none while it has no disk. */
  #room(kind: ChangeKind): number {
    const { disks } = this.#core.journal;
    let room = disks.length === 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const { id } of disks) room = Math.min(room, this.#roomOn(id, kind));
    return room;
  }

  #roomOn(disk: DiskId, kind: ChangeKind): number {
    const { pool } = this.#core;
    const { freeBytes, reserveBytes } = pool.roomOn(disk);
    const free = freeBytes - this.#imageRoom() - (kind === 'grows' ? reserveBytes : 0);
    // Every byte stays in the journal until the backup has it: as long as there is room beside what was accepted.
    if (this.#core.keepsSecondCopy) return free - pool.promisedBytes();
    return Math.min(free, this.#allowedOn(disk));
  }

  /** What the journal may still take on a disk, if it is there. */
  #allowedOn(disk: DiskId): number {
    return journalFilesKept * this.#fileBytes - this.#core.journal.usedOn(disk);
  }

  /** The next image is written before the one before the last goes, and the database grows meanwhile. */
  #imageRoom(): number {
    return this.#core.localImages.newestBytes + imageJournalFiles * this.#fileBytes;
  }
}

function fileBytesFor(diskBytes: number): number {
  const share = Math.floor(diskBytes / journalFileShare / batchAlignBytes) * batchAlignBytes;
  return Math.min(journalFileBytesMax, Math.max(journalFileBytesMin, share));
}

function stuck(): HoldfastError {
  return new HoldfastError('full', 'nothing can be deleted now: something else has filled the disks to the last byte, and the journal cannot note it', {
    code: 'journal-stuck',
    hint: 'Free some MiB on the disks outside of the volume; `holdfast status` names them. All goes on by itself then.',
  });
}

function noRoom(room: number): HoldfastError {
  return new HoldfastError('full', `no room for further changes: the journal cannot grow, and what it holds cannot be released now (${Math.floor(room)} bytes past what is kept for deleting)`, {
    code: 'journal-room',
    hint: 'Delete files, free space on the disks, or look in `holdfast status` at what keeps images and flushes from being made; deleting and reading always work.',
    context: { room: Math.floor(room) },
  });
}
