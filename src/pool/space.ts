// Room on the disks, from cached statfs answers and what the pool did since. Accepted bytes always fit: a reservation is
// granted only when all accepted, un-sealed data finds its shards without touching the reserve of any disk (rule 7).
// When to ask the disks again is the owner's business (`refresh`).
import type { DiskId } from '../base/ids.js';
import { cellBytes, diskBytesPerFile } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import { fileBytes } from '../format/shard.js';
import { type Filling, fillingOf } from './capacity.js';
import type { Candidate, Redundancy } from './placement.js';

interface DiskEntry {
  totalBytes: number;
  freeBytes: number;
  /** See DiskSpace. */
  fileRoomBytes: number;
  /** Of shard files being written now: a second seal must not count on it. */
  inFlightBytes: number;
  /** Of shard files finished since the pool began: tells how much a statfs answer under way may have missed. */
  writtenBytes: number;
}

const noDisk: Readonly<DiskEntry> = { totalBytes: 0, freeBytes: 0, fileRoomBytes: 0, inFlightBytes: 0, writtenBytes: 0 };

/** One that is not there yet. */
export interface EmptyDisk {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** What a set of disks holds of user data, as far as un-backed-up data needs it: with all its redundancy. */
export interface SpacePlan {
  readonly totalBytes: number;
  /** Without moving anything. */
  readonly freeBytes: number;
  readonly disks: readonly DiskPlan[];
}

export interface DiskPlan {
  /** null: an added one. */
  readonly disk: DiskId | null;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Of it for shards: without the reserve and what is kept for journal and images. */
  readonly roomBytes: number;
  /** Of it what shards can ever take, as the sizes of the others are. */
  readonly usableBytes: number;
}

/** Of one disk, for journal and images, besides the reserve (rule 7). */
export interface KeptRoom {
  /** That neither users nor what is accepted from now on may take. */
  readonly bytes: number;
  /** Part of it that not even accepted data gets. */
  readonly leastBytes: number;
  /** The most that `bytes` can be, but for the image: it grows with the skeleton, and a volume's size does not change by that. */
  readonly mostBytes: number;
}

export const nothingKept: KeptRoom = { bytes: 0, leastBytes: 0, mostBytes: 0 };

export interface SpaceOptions {
  readonly redundancy: Redundancy;
  readonly segmentBytes: number;
  readonly buffersMax: number;
  readonly reserveBytes: (totalBytes: number) => number;
  readonly kept: (disk: DiskId) => KeptRoom;
  /** User bytes that are still to come and for which room is kept. */
  readonly expected: () => number;
  readonly disks: () => readonly Disk[];
  /** Disks whose room is asked for as well, though no shards go there. */
  readonly otherDisks: () => readonly Disk[];
  readonly diskFailed: (disk: DiskId, error: unknown) => void;
}

export class SpaceAccount {
  readonly #options: SpaceOptions;
  readonly #entries = new Map<DiskId, DiskEntry>();
  /** Promised to callers of reserve(), not allocated yet. */
  #reserved = 0;
  /** In segments whose shards are not durable yet. */
  #unsealed = 0;
  #capacity: number | null = null;
  #total: number | null = null;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /** Asks all writable disks. A disk that does not answer counts as full. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#options.disks(), ...this.#options.otherDisks()].map((disk) => this.#refreshOne(disk)));
    this.forgetCapacity();
  }

  knows(disk: Disk): boolean {
    return this.#entries.has(disk.id);
  }

  /** The list of disks, or what is free on them, is not what it was. */
  forgetCapacity(): void {
    this.#capacity = null;
    this.#total = null;
  }

  candidates(excluded: ReadonlySet<DiskId>): Candidate[] {
    const out: Candidate[] = [];
    for (const disk of this.#options.disks()) {
      const entry = this.#entries.get(disk.id);
      if (entry === undefined || excluded.has(disk.id)) continue;
      const { bytes, leastBytes } = this.#options.kept(disk.id);
      const room = (keptBytes: number): number => Math.min(entry.freeBytes - keptBytes, entry.fileRoomBytes) - entry.inFlightBytes;
      const freeBytes = room(leastBytes);
      out.push({ disk, freeBytes, reserveBytes: Math.max(0, freeBytes - room(this.#options.reserveBytes(entry.totalBytes) + bytes)) });
    }
    return out;
  }

  beginWrite(disk: DiskId, bytes: number): void {
    const entry = this.#entries.get(disk);
    if (entry !== undefined) entry.inFlightBytes += bytes;
  }

  endWrite(disk: DiskId, bytes: number, written: boolean): void {
    const entry = this.#entries.get(disk);
    if (entry === undefined) return;
    entry.inFlightBytes -= bytes;
    if (written) this.#lessBy(entry, bytes);
  }

  /** A file of this size was begun on a disk, or is about to be. */
  took(disk: DiskId, bytes: number): void {
    const entry = this.#entries.get(disk);
    if (entry !== undefined) this.#lessBy(entry, bytes);
  }

  /** What a disk has left in bytes, the reserve included; 0 where it is not known. */
  leftOn(disk: DiskId): number {
    const entry = this.#entries.get(disk);
    return entry === undefined ? 0 : entry.freeBytes - entry.inFlightBytes;
  }

  /** Of it, what data may take; negative where it has taken of what is kept back. */
  leftForData(disk: DiskId): number {
    const entry = this.#entries.get(disk);
    if (entry === undefined) return 0;
    return this.#usable(entry, this.#options.reserveBytes(entry.totalBytes) + this.#options.kept(disk).bytes) - entry.inFlightBytes;
  }

  totalOn(disk: DiskId): number {
    return this.#entries.get(disk)?.totalBytes ?? 0;
  }

  /** Accepted from users and not in shards yet. */
  promisedBytes(): number {
    return this.#reserved + this.#unsealed;
  }

  /** A disk answered ENOSPC: whatever was cached, it is full. */
  full(disk: DiskId): void {
    const entry = this.#entries.get(disk);
    if (entry !== undefined) entry.freeBytes = 0;
    this.forgetCapacity();
  }

  /**
   * What was promised may use the reserve: what journal and images keep for themselves changes a little from life to life, and a promise
   * outlives that.
   */
  reserve(bytes: number, kept: number): boolean {
    if (bytes - kept > this.freeBytes()) return false;
    if (kept > 0 && bytes > this.#leftBytes() && bytes > this.#leftWithReserve()) return false;
    this.#reserved += bytes;
    return true;
  }

  unreserve(bytes: number): void {
    this.#reserved = Math.max(0, this.#reserved - bytes);
  }

  /** Bytes came into a segment; they use up a reservation where there is one. */
  allocated(bytes: number): void {
    this.unreserve(bytes);
    this.#unsealed += bytes;
  }

  /** Bytes left a segment in memory: their shards are durable, or they are not needed. */
  settled(bytes: number): void {
    this.#unsealed -= bytes;
  }

  freeBytes(): number {
    return Math.max(0, this.#leftBytes() - this.#options.expected());
  }

  totalBytes(): number {
    this.#total ??= this.#capacityOf((entry, disk) => entry.totalBytes - this.#options.reserveBytes(entry.totalBytes) - this.#options.kept(disk).mostBytes);
    return this.#total;
  }

  /** The same sums with further disks, and what becomes of each disk. */
  plan(added: readonly EmptyDisk[], kept: (disk: DiskId | null) => KeptRoom): SpacePlan {
    const { disks, reserveBytes, expected } = this.#options;
    const present = disks().flatMap(({ id }) => {
      const entry = this.#entries.get(id);
      return entry === undefined ? [] : [{ id, entry }];
    });
    const all = [...present, ...added.map(({ totalBytes, freeBytes }) => ({ id: null, entry: { ...noDisk, totalBytes, freeBytes, fileRoomBytes: Number.POSITIVE_INFINITY } }))];
    const rooms = all.map(({ id, entry }) => Math.max(0, entry.totalBytes - reserveBytes(entry.totalBytes) - kept(id).mostBytes));
    const total = this.#fill(rooms);
    const free = this.#fill(all.map(({ id, entry }) => Math.max(0, this.#usable(entry, reserveBytes(entry.totalBytes) + kept(id).bytes))));
    return {
      totalBytes: total.bytes,
      freeBytes: Math.max(0, free.bytes - this.promisedBytes() - expected()),
      disks: all.map(({ id, entry: { totalBytes, freeBytes } }, index) => ({ disk: id, totalBytes, freeBytes, roomBytes: rooms[index] ?? 0, usableBytes: total.used[index] ?? 0 })),
    };
  }

  /** Also for those bytes for which room is kept. */
  #leftBytes(): number {
    this.#capacity ??= this.#capacityOf((entry, disk) => this.#usable(entry, this.#options.reserveBytes(entry.totalBytes) + this.#options.kept(disk).bytes));
    return this.#capacity - this.#reserved - this.#unsealed;
  }

  #leftWithReserve(): number {
    const capacity = this.#capacityOf((entry, disk) => this.#usable(entry, this.#options.kept(disk).leastBytes));
    return capacity - this.#reserved - this.#unsealed;
  }

  /** One more file is there. */
  #lessBy(entry: DiskEntry, bytes: number): void {
    entry.freeBytes -= bytes;
    entry.fileRoomBytes -= diskBytesPerFile;
    entry.writtenBytes += bytes;
    this.forgetCapacity();
  }

  async #refreshOne(disk: Disk): Promise<void> {
    const writtenBefore = this.#entries.get(disk.id)?.writtenBytes ?? 0;
    try {
      const { totalBytes, freeBytes, fileRoomBytes } = await disk.space();
      const entry = this.#entry(disk.id);
      entry.totalBytes = totalBytes;
      entry.fileRoomBytes = fileRoomBytes;
      // Files finished while the question was under way may not be in the answer: count them (again).
      entry.freeBytes = Math.max(0, freeBytes - (entry.writtenBytes - writtenBefore));
    } catch (error) {
      this.#entry(disk.id).freeBytes = 0;
      this.#options.diskFailed(disk.id, error);
    }
  }

  #entry(id: DiskId): DiskEntry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { ...noDisk };
      this.#entries.set(id, entry);
    }
    return entry;
  }

  /** What user data may fill on one disk: without what is kept back, and without what each segment in memory costs beyond its bytes. */
  #usable(entry: DiskEntry, keptBytes: number): number {
    const { buffersMax } = this.#options;
    const overhead = buffersMax * (fileBytes(0) + 2 * cellBytes);
    // Each segment in memory takes an inode of its own, however little it holds when it is sealed.
    return Math.min(entry.freeBytes - keptBytes, entry.fileRoomBytes - buffersMax * diskBytesPerFile) - overhead;
  }

  /** User bytes that can be placed greedily, widest first, with full redundancy. */
  #capacityOf(roomOf: (entry: DiskEntry, disk: DiskId) => number): number {
    const rooms: number[] = [];
    for (const disk of this.#options.disks()) {
      const entry = this.#entries.get(disk.id);
      if (entry !== undefined) rooms.push(Math.max(0, roomOf(entry, disk.id)));
    }
    return this.#fill(rooms).bytes;
  }

  #fill(rooms: readonly number[]): Filling {
    const { redundancy, segmentBytes } = this.#options;
    return fillingOf(rooms, redundancy.m + redundancy.e, segmentBytes);
  }
}
