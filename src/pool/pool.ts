// The pool: segments from the first byte in memory to shards on disks, and back. Puts its parts together; each of them says
// what it guarantees. Synchronous where the contract says so; nothing here waits on time.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import type { DiskId, SegmentId, SegmentNumber } from '../base/ids.js';
import { cellBytes, segmentBytesMax } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import type { PayloadRange, PayloadSource } from '../format/payload.js';
import { shardPath } from '../format/shard.js';
import { parityScratch, readScratch } from './buffers.js';
import type { Allocation, DiskRoom, FaultyShard, Pool, RebuiltShard, SegmentPlace, ShardIsKnown, SweptSlice } from './contract.js';
import { classify } from './disk-faults.js';
import { Gate } from './gate.js';
import type { OpenSegment } from './open-segment.js';
import { PoolPayload } from './payload.js';
import { redundancyOf } from './placement.js';
import { defaultSettings } from './ports.js';
import type { PoolPorts, PoolSettings } from './ports.js';
import { Rebuilder } from './rebuilder.js';
import type { RebuildOptions } from './rebuilder.js';
import { Sealer } from './sealer.js';
import { SegmentReader } from './segment-reader.js';
import { MemorySegments } from './segment-table.js';
import { ShardWriter } from './shard-writer.js';
import { zeroPadded } from './shard-source.js';
import { type EmptyDisk, type KeptRoom, nothingKept, SpaceAccount, type SpacePlan } from './space.js';
import { sweepStrays } from './sweep.js';
import { Waiters } from './waiters.js';
import { WriteLedger } from './write-ledger.js';

/** Segments being decoded or rebuilt at once: each holds about k MiB, or a segment. */
const decodesAtOnce = 4;
const rebuildsAtOnce = 2;

export class SegmentPool implements Pool {
  readonly #ports: PoolPorts;
  readonly #settings: PoolSettings;
  readonly #space: SpaceAccount;
  readonly #ledger = new WriteLedger();
  readonly #writer: ShardWriter;
  readonly #sealer: Sealer;
  readonly #segments: MemorySegments;
  readonly #reader: SegmentReader;
  readonly #rebuilder: Rebuilder;
  readonly #payload: PoolPayload;
  readonly #rebuilding = new Gate(rebuildsAtOnce);
  readonly #waiters = new Waiters();
  /** Refreshing after disksChanged(); never rejects. */
  #upkeep: Promise<void> = Promise.resolve();
  #failure: unknown = undefined;
  #closed = false;

  constructor(ports: PoolPorts) {
    this.#ports = ports;
    this.#settings = { ...defaultSettings, ...ports.settings };
    const { segmentBytes, buffersMax, sealsAtOnce, reserveBytes } = this.#settings;
    assert(segmentBytes % cellBytes === 0 && segmentBytes > 0 && segmentBytes <= segmentBytesMax, 'a segment is whole cells within the limit');
    assert(buffersMax >= 1 && sealsAtOnce >= 1, 'there is a segment to fill and one may be sealed');
    const redundancy = redundancyOf(ports.shape, true);
    const { disks, events, kept = () => nothingKept, expected = () => 0, otherDisks = () => [] } = ports;
    this.#space = new SpaceAccount({ redundancy, segmentBytes, buffersMax, reserveBytes, kept, expected, disks, otherDisks, diskFailed: (disk, error) => events.diskFailed(disk, error) });
    this.#writer = new ShardWriter(ports, this.#space, parityScratch(segmentBytes, sealsAtOnce), this.#ledger);
    this.#sealer = new Sealer({
      ports,
      writer: this.#writer,
      redundancy,
      atOnce: sealsAtOnce,
      sealed: (segment, place) => this.#sealed(segment, place),
      died: (error) => this.#die(error),
    });
    this.#segments = new MemorySegments({
      segmentBytes,
      buffersMax,
      everyByteJournaled: ports.shape.scheme === 'copy',
      open: () => this.#openNext(),
      ended: (segment) => this.#sealer.add(segment),
      sealing: (segment) => this.#sealer.attempt(segment.id.number),
      roomGrew: () => this.#waiters.wake(this.room()),
    });
    this.#payload = new PoolPayload(this.#segments, ports.shape.scheme === 'copy', this.#settings.sealEarlyBytes);
    const scratch = readScratch();
    this.#reader = new SegmentReader(ports, scratch, new Gate(decodesAtOnce));
    this.#rebuilder = new Rebuilder(ports, this.#space, scratch, this.#ledger);
  }

  /** The journal's view of it. */
  get payload(): PayloadSource {
    return this.#payload;
  }

  heldBack(): Promise<void> | null {
    return this.#payload.heldBack();
  }

  room(): number {
    return this.#segments.room();
  }

  waitForRoom(bytes: number): Promise<void> {
    this.#assertAlive();
    assert(bytes <= this.#settings.segmentBytes, 'room for at most a segment can be waited for');
    if (this.room() >= bytes) return Promise.resolve();
    // What is left in the open segment is too little and no buffer is free: it must go for one to come back.
    this.#segments.rotate();
    return this.#waiters.wait(bytes);
  }

  allocate(length: number): Allocation {
    this.#assertAlive();
    assert(length > 0 && this.room() > 0, 'an allocation has room');
    const allocation = this.#segments.allocate(length);
    this.#space.allocated(allocation.target.length);
    return allocation;
  }

  peek(segment: SegmentNumber, offset: number, length: number): Buffer | null {
    return this.#segments.peek(segment, offset, length);
  }

  async sealAll(): Promise<void> {
    this.#assertAlive();
    this.#segments.rotate();
    this.#sealer.retryBlocked();
    const all = this.#segments.inMemory().filter((segment) => segment.state !== 'sealed');
    await Promise.all(all.map((segment) => this.#sealer.attempt(segment.id.number)));
    this.#assertAlive();
    for (const segment of all) {
      const error = this.#sealer.blockedBy(segment);
      if (error !== undefined) throw error;
    }
  }

  rotate(): void {
    this.#assertAlive();
    this.#segments.rotate();
  }

  unsealed(): readonly SegmentNumber[] {
    return this.#segments.unsealed();
  }

  refill(id: SegmentId, range: PayloadRange): void {
    this.#space.allocated(this.#segments.refill(id, range.offset, range.bytes));
  }

  read(place: SegmentPlace, offset: number, into: Buffer): Promise<void> {
    return this.#reader.read(place, offset, into);
  }

  readNow(place: SegmentPlace, offset: number, into: Buffer): boolean {
    return this.#reader.readNow(place, offset, into);
  }

  readAll(place: SegmentPlace): Promise<Buffer> {
    return this.#reader.readAll(place);
  }

  verify(place: SegmentPlace): Promise<readonly FaultyShard[]> {
    return this.#reader.verify(place);
  }

  rebuild(place: SegmentPlace, indexes: readonly number[], options: RebuildOptions): Promise<readonly RebuiltShard[]> {
    this.#assertAlive();
    return this.#rebuilding.run(() => this.#rebuilder.rebuild(place, indexes, options));
  }

  /** A disk that is away keeps its file: it is a stray when the disk comes back, see `sweepStrays`. */
  async removeShards(place: SegmentPlace, indexes: readonly number[]): Promise<void> {
    await Promise.all(
      indexes.map(async (index) => {
        const id = place.disks[index] ?? null;
        const disk = id === null ? null : this.#ports.diskOf(id);
        if (disk === null) return;
        try {
          await disk.remove(shardPath(place.id, place.layout.number, index));
        } catch (error) {
          classify(error);
          this.#ports.events.diskFailed(disk.id, error);
        }
      }),
    );
  }

  async store(id: SegmentId, bytes: Buffer, layoutNumber: number, withDeltaShards: boolean): Promise<SegmentPlace> {
    this.#assertAlive();
    const redundancy = redundancyOf(this.#ports.shape, withDeltaShards);
    // Counted like accepted data while it is being written; where there is no room it may use the reserve (rule 7).
    const reserved = this.#space.reserve(bytes.length, bytes.length);
    try {
      return await this.#writer.write({ id, length: bytes.length, redundancy, layoutNumber, bytes: zeroPadded(bytes), attempting: () => {}, abandoned: () => {} });
    } finally {
      if (reserved) this.#space.unreserve(bytes.length);
    }
  }

  /** Removes shard files of a disk that nothing knows, slice by slice; files being written now are left alone. */
  sweepStrays(disk: Disk, known: ShardIsKnown): AsyncGenerator<SweptSlice> {
    return sweepStrays(disk, known, this.#ledger);
  }

  written(): Promise<void> {
    return this.#ledger.drained();
  }

  async refreshSpace(): Promise<void> {
    await this.#space.refresh();
    if (this.#closed) return;
    this.#sealer.retryBlocked();
  }

  disksChanged(): void {
    this.#space.forgetCapacity();
    this.#upkeep = this.#upkeep.then(() => this.refreshSpace()).catch((error: unknown) => this.#die(error));
  }

  freeBytes(): number {
    return this.#space.freeBytes();
  }

  totalBytes(): number {
    return this.#space.totalBytes();
  }

  plan(added: readonly EmptyDisk[], kept: (disk: DiskId | null) => KeptRoom): SpacePlan {
    return this.#space.plan(added, kept);
  }

  reserve(bytes: number, kept = 0): boolean {
    return this.#space.reserve(bytes, kept);
  }

  unreserve(bytes: number): void {
    this.#space.unreserve(bytes);
  }

  roomOn(disk: DiskId): DiskRoom {
    const totalBytes = this.#space.totalOn(disk);
    return { totalBytes, freeBytes: this.#space.leftOn(disk), reserveBytes: this.#settings.reserveBytes(totalBytes), dataBytes: this.#space.leftForData(disk), shardBytesMax: this.#settings.segmentBytes };
  }

  took(disk: DiskId, bytes: number): void {
    this.#space.took(disk, bytes);
  }

  isFull(disk: DiskId): void {
    this.#space.full(disk);
  }

  promisedBytes(): number {
    return this.#space.promisedBytes();
  }

  journalLoad(): number {
    let bytes = 0;
    for (const segment of this.#segments.each()) bytes += this.#payload.loadOf(segment, this.#sealer.blockedBy(segment) !== undefined);
    return bytes;
  }

  /** Does not seal: what is not sealed is in the journal. Waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiters.rejectAll(closedError());
    this.#payload.end();
    await this.#upkeep;
    await this.#sealer.stop();
  }

  #openNext(): SegmentId {
    const id = this.#ports.nextSegment();
    this.#ports.events.opened(id.number);
    return id;
  }

  #sealed(segment: OpenSegment, place: SegmentPlace): void {
    this.#space.settled(segment.fill);
    this.#segments.markSealed(segment, (sealed) => this.#ports.events.sealed(sealed), place);
  }

  /** A bug or a simulated death in the background: everybody who asks from now on is told. */
  #die(error: unknown): void {
    this.#failure ??= error;
    this.#waiters.rejectAll(this.#failure);
    this.#payload.end();
  }

  #assertAlive(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw closedError();
  }
}

/** One pool and the journal's view of it. Call `await pool.refreshSpace()` before the first write: until then nothing fits. */
export function createPool(ports: PoolPorts): { readonly pool: SegmentPool; readonly payload: PayloadSource } {
  const pool = new SegmentPool(ports);
  return { pool, payload: pool.payload };
}

function closedError(): HoldfastError {
  return new HoldfastError('closed', 'the pool is closed', { code: 'pool-closed' });
}
