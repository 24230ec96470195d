// Room on the disks, from cached statfs answers and what the pool did since. Accepted bytes always fit: a reservation is
// granted only when all accepted, un-sealed data finds its shards without touching the reserve of any disk (rule 7).
// When to ask the disks again is the owner's business (`refresh`).
import type { DiskId } from '../base/ids.js';
import { cellBytes, diskBytesPerFile, shardsPerSegmentMax } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import { fileBytes } from '../format/shard.js';
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
      entry = { totalBytes: 0, freeBytes: 0, fileRoomBytes: 0, inFlightBytes: 0, writtenBytes: 0 };
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
    if (rooms.length === 0) return 0;
    const { m, e } = this.#options.redundancy;
    // With disks missing, segments have what redundancy the rest can hold: writes go on.
    const redundant = Math.min(m + e, rooms.length - 1);
    rooms.sort((a, b) => b - a);
    const shards = Math.max(oneWidth(rooms, redundant), allWidths(rooms, redundant, this.#options.segmentBytes));
    // 4 bytes of checksum a cell.
    return Math.floor(shards * (cellBytes / (cellBytes + 4)));
  }
}

/** Exact for any cut into segments: everything at one width, the best one. */
function oneWidth(rooms: readonly number[], redundant: number): number {
  let best = 0;
  for (let width = redundant + 1; width <= Math.min(rooms.length, shardsPerSegmentMax); width++) {
    best = Math.max(best, (rooms[width - 1] ?? 0) * (width - redundant));
  }
  return best;
}

/** Disks of different sizes: when the smallest is full the rest goes on, narrower. Each may be left with less than a shard. */
function allWidths(rooms: readonly number[], redundant: number, granuleBytes: number): number {
  let sum = 0;
  let used = 0;
  for (let width = Math.min(rooms.length, shardsPerSegmentMax); width > redundant; width--) {
    const level = Math.max(used, (rooms[width - 1] ?? 0) - granuleBytes);
    sum += (level - used) * (width - redundant);
    used = level;
  }
  return sum;
}
