// What the pool promises: immutable segments on several disks with parity. It knows disks and layouts,
// not files. Placement (which shard on which disk) is handed in by whoever reads and reported when sealed.
import type { DiskId, SegmentId, SegmentNumber } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import type { SegmentLayout } from '../format/records.js';
import type { PayloadRange } from '../format/payload.js';
import type { EmptyDisk, KeptRoom, SpacePlan } from './space.js';

export type { EmptyDisk, SpacePlan } from './space.js';

export interface PoolShape {
  /** Parity shards of every segment (first redundancy). */
  readonly parity: number;
  /** Disks that may be lost while data is not in the backup. */
  readonly tolerance: number;
  /** 'parity': e = tolerance - parity delta shards; 'copy': e = 0, the journal keeps the bytes. */
  readonly scheme: 'parity' | 'copy';
}

/** All one needs to find and decode a sealed segment. */
export interface SegmentPlace {
  readonly id: SegmentId;
  readonly length: number;
  readonly layout: SegmentLayout;
  /** Disk of shard i; null: not there. */
  readonly disks: readonly (DiskId | null)[];
}

export interface Allocation {
  readonly segment: SegmentNumber;
  readonly offset: number;
  /** Where the bytes go; exactly the asked length. */
  readonly target: Buffer;
}

/** Told synchronously by the pool; the volume appends the records. */
export interface PoolEvents {
  /** First allocation in a new segment comes right after this. */
  opened(segment: SegmentNumber): void;
  /** All k + m + e shards are durable. The buffer is released when this returns: readers go to the shards from here on. */
  sealed(place: SegmentPlace): void;
  /** A shard turned out bad or unreadable while reading; it was decoded around. */
  damaged(place: SegmentPlace, index: number, cells: readonly number[], reason: string): void;
  /** A disk failed an operation. */
  diskFailed(disk: DiskId, error: unknown): void;
}

/** Of one disk, from what it said last and what was done since. */
export interface DiskRoom {
  readonly totalBytes: number;
  /** Reserve and what is kept for the journal included; what is being written is not. */
  readonly freeBytes: number;
  /** See PoolSettings. */
  readonly reserveBytes: number;
  /** What shards of new data may still take. */
  readonly dataBytes: number;
  /** The largest shard that there can be. */
  readonly shardBytesMax: number;
}

export interface RebuiltShard {
  readonly index: number;
  readonly disk: DiskId;
}

/**
 * absent: no disk to read it from; missing: its disk has no such file; header: it does not say that it is this shard; cells: some do not
 * match their checksums, or end early; unreadable: the disk failed.
 */
export type ShardFault = 'absent' | 'missing' | 'header' | 'cells' | 'unreadable';

export interface FaultyShard {
  readonly index: number;
  readonly fault: ShardFault;
  readonly reason: string;
}

/** Is this file of the disk being swept part of what the skeleton knows (dead segments that still have a row included)? */
export type ShardIsKnown = (id: SegmentId, layoutNumber: number, index: number) => boolean;

export interface SweptSlice {
  readonly looked: number;
  /** Paths that were removed. */
  readonly removed: readonly string[];
}

export interface Pool {
  /** Longest allocation that succeeds now without waiting (0: all buffers are being sealed). */
  room(): number;
  /** Room for `bytes` (at most segmentBytesMax) may need sealing first; resolves when room() >= bytes. */
  waitForRoom(bytes: number): Promise<void>;
  /** A journal batch waits for seals and enough has arrived meanwhile: new bytes wait for the promise. null: go on. */
  heldBack(): Promise<void> | null;
  /** Next bytes of the open segment; opens one if needed. May give less than asked at the end of a segment (at least 1); the caller goes on with the rest. Precondition: room() > 0. */
  allocate(length: number): Allocation;
  /** Bytes of an un-sealed segment, or null when it is not in memory (sealed, read shards). A view: use it before the next await. */
  peek(segment: SegmentNumber, offset: number, length: number): Buffer | null;
  /** Ends the open segment now and seals it in the background, if it holds anything; resolves when everything allocated before the call is sealed. 'unavailable' (segment-unplaceable) when no disk takes a segment: it stays in memory and in the journal. */
  sealAll(): Promise<void>;
  /** Ends the open segment now without waiting. */
  rotate(): void;
  /** Segments in memory (open or being sealed). */
  unsealed(): readonly SegmentNumber[];
  /** Recovery: bytes of an un-sealed segment from the journal; `id` as it was opened then. Ranges arrive in ascending order. */
  refill(id: SegmentId, range: PayloadRange): void;

  /** Reads [offset, offset + into.length) of a sealed segment, verifies every cell, decodes around missing and bad ones. 'unavailable' (segment-unreadable) when fewer than k shards are usable. */
  read(place: SegmentPlace, offset: number, into: Buffer): Promise<void>;
  /** The same at once, for a few cells that the operating system has in memory: true when `into` holds verified bytes. False says nothing: ask read(). */
  readNow(place: SegmentPlace, offset: number, into: Buffer): boolean;
  /** Whole segment (length bytes), verified: for upload. The buffer is the caller's. */
  readAll(place: SegmentPlace): Promise<Buffer>;
  /** Checks header and every cell of every shard of a segment, as the medium has them; gives those that are not there whole. */
  verify(place: SegmentPlace): Promise<readonly FaultyShard[]>;
  /** Makes the shards `indexes` again (decoding from k others, or from `bytes` of the whole segment when given) on disks chosen by free space that hold none of its shards, or `targets`. Durable and read back when it resolves. */
  rebuild(place: SegmentPlace, indexes: readonly number[], options: { readonly bytes?: Buffer; readonly targets?: readonly DiskId[] }): Promise<readonly RebuiltShard[]>;
  /** Removes the files of these shard indexes (missing ones are fine). */
  removeShards(place: SegmentPlace, indexes: readonly number[]): Promise<void>;
  /** Writes a sealed segment anew under a new layout from its bytes (restore, re-encode). The layout of the answer counts: its number is `layoutNumber` or higher. */
  store(id: SegmentId, bytes: Buffer, layoutNumber: number, withDeltaShards: boolean): Promise<SegmentPlace>;

  /** Removes shard files of a disk that `known` does not know (a crash came between them and their record), slice by slice; what is being written now is left alone. Rejects with the disk's error. */
  sweepStrays(disk: Disk, known: ShardIsKnown): AsyncIterable<SweptSlice>;

  /** Resolves when every shard that was being written at the call is on its disk, or given up; its record follows in the next turn. */
  written(): Promise<void>;
  /** Asks the disks anew how much is free; freeBytes() and reserve() look at what it found. Nothing fits before the first call. What could not be sealed is tried again. */
  refreshSpace(): Promise<void>;
  /** Disks were added, failed or replaced: asks them anew in the background, and what could not be sealed is tried again. */
  disksChanged(): void;
  /** User bytes that can still be accepted, after reserves and without those for which room is kept. From cached statfs and own accounting: synchronous. */
  freeBytes(): number;
  totalBytes(): number;
  /** What freeBytes() and totalBytes() would be with further disks, and what of each disk can be used. `kept`: of each, null for one that is added. */
  plan(added: readonly EmptyDisk[], kept: (disk: DiskId | null) => KeptRoom): SpacePlan;
  /** Accounts `bytes` of accepted, un-sealed data; false (nothing reserved) when they would not fit with all their redundancy. For `kept` of them room is kept already. */
  reserve(bytes: number, kept?: number): boolean;
  /** Gives back what `reserve` took for bytes that were not allocated after all. */
  unreserve(bytes: number): void;
  /** Of any disk that shards or journal files may go to; zeros where nothing is known. */
  roomOn(disk: DiskId): DiskRoom;
  /** Somebody else than the pool takes room on a disk. */
  took(disk: DiskId, bytes: number): void;
  /** Somebody else met its end. */
  isFull(disk: DiskId): void;
  /** Bytes that were accepted and are not in shards yet. */
  promisedBytes(): number;
  /** Bytes that the journal's next groups have to carry, as far as can be told. */
  journalLoad(): number;
  close(): Promise<void>;
}
