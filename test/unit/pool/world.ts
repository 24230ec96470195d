// A pool over memory disks whose operations a test can fail, with everything the pool tells written down.
import { strict as assert } from 'node:assert';
import { SystemClock } from '../../../src/base/clock.js';
import { HoldfastError } from '../../../src/base/errors.js';
import { asDiskId, asGenerationId, asLsn, asSegmentNumber, asVolumeId } from '../../../src/base/ids.js';
import type { DiskId, SegmentNumber } from '../../../src/base/ids.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { CellRead, Disk, DiskCounters, DiskSpace, LogFile } from '../../../src/disk/disk.js';
import { MemoryDisk } from '../../../src/disk/memory-disk.js';
import type { PayloadSource } from '../../../src/format/payload.js';
import { InlineCodec } from '../../../src/native/inline-codec.js';
import { createPool } from '../../../src/pool/pool.js';
import type { SegmentPool } from '../../../src/pool/pool.js';
import type { PoolShape, SegmentPlace } from '../../../src/pool/contract.js';
import type { PoolSettings } from '../../../src/pool/ports.js';

export type DiskOperation = 'create' | 'replace' | 'readCells' | 'read' | 'remove' | 'list' | 'space';

/** A disk whose operations pass a hook first: it may throw, or wait. */
export class HookedDisk implements Disk {
  readonly inner: MemoryDisk;
  hook: ((operation: DiskOperation, path: string) => void | Promise<void>) | null = null;

  constructor(inner: MemoryDisk) {
    this.inner = inner;
  }

  get id(): DiskId {
    return this.inner.id;
  }

  get path(): string {
    return this.inner.path;
  }

  async create(path: string, buffers: readonly Buffer[]): Promise<void> {
    await this.hook?.('create', path);
    await this.inner.create(path, buffers);
  }

  async replace(path: string, buffers: readonly Buffer[]): Promise<void> {
    await this.hook?.('replace', path);
    await this.inner.replace(path, buffers);
  }

  openLog(path: string, bytes: number): Promise<LogFile> {
    return this.inner.openLog(path, bytes);
  }

  async read(path: string, offset: number, into: Buffer): Promise<void> {
    await this.hook?.('read', path);
    await this.inner.read(path, offset, into);
  }

  readAll(path: string, bytesMax: number): Promise<Buffer> {
    return this.inner.readAll(path, bytesMax);
  }

  async readCells(path: string, cells: CellRead, into: Buffer): Promise<readonly number[]> {
    await this.hook?.('readCells', path);
    return this.inner.readCells(path, cells, into);
  }

  readCellsNow(): boolean {
    return false;
  }

  async remove(path: string): Promise<void> {
    await this.hook?.('remove', path);
    await this.inner.remove(path);
  }

  async list(path: string): Promise<readonly string[]> {
    await this.hook?.('list', path);
    return this.inner.list(path);
  }

  size(path: string): Promise<number | null> {
    return this.inner.size(path);
  }

  nextData(path: string, from: number): Promise<number | null> {
    return this.inner.nextData(path, from);
  }

  uncache(path: string): Promise<void> {
    return this.inner.uncache(path);
  }

  async space(): Promise<DiskSpace> {
    await this.hook?.('space', '');
    return this.inner.space();
  }

  counters(): DiskCounters {
    return this.inner.counters();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

export interface WorldOptions {
  readonly disks: number;
  readonly shape: PoolShape;
  readonly diskBytes?: number | readonly number[];
  readonly settings?: Partial<PoolSettings>;
  /** Disks of an earlier world: the pool after a restart. */
  readonly from?: World;
}

export const generation = asGenerationId('00000000000000aa');
export const volume = asVolumeId('11111111-2222-4333-8444-555555555555');

export class World {
  readonly disks: HookedDisk[];
  readonly pool: SegmentPool;
  readonly payload: PayloadSource;
  /** Disks that are neither read nor written. */
  readonly lost = new Set<DiskId>();
  readonly places = new Map<SegmentNumber, SegmentPlace>();
  readonly opened: SegmentNumber[] = [];
  readonly damaged: { readonly index: number; readonly cells: readonly number[] }[] = [];
  readonly failed: DiskId[] = [];
  /** A disk that failed is taken out, as the volume does. */
  dropFailed = true;
  nextNumber = 1;

  private constructor(options: WorldOptions) {
    const sizes = options.diskBytes ?? 1024 * 1024 * 1024;
    this.disks =
      options.from?.disks ??
      Array.from({ length: options.disks }, (_, i) => new HookedDisk(new MemoryDisk({ id: diskId(i), capacityBytes: typeof sizes === 'number' ? sizes : (sizes[i] ?? 0) })));
    this.nextNumber = options.from?.nextNumber ?? 1;
    const made = createPool({
      volume,
      shape: options.shape,
      disks: () => this.disks.filter((disk) => !this.lost.has(disk.id)),
      diskOf: (id) => this.disks.find((disk) => disk.id === id && !this.lost.has(id)) ?? null,
      nextSegment: () => ({ generation, number: asSegmentNumber(this.nextNumber++) }),
      codec: new InlineCodec(),
      events: {
        opened: (segment) => void this.opened.push(segment),
        sealed: (place) => void this.places.set(place.id.number, place),
        damaged: (_, index, cells) => void this.damaged.push({ index, cells }),
        diskFailed: (disk) => {
          this.failed.push(disk);
          if (this.dropFailed) this.lost.add(disk);
        },
      },
      durableMark: () => asLsn(7),
      clock: new SystemClock(),
      logger: silentLogger,
      settings: { segmentBytes: 256 * 1024, sealEarlyBytes: 16 * 1024, ...options.settings },
    });
    this.pool = made.pool;
    this.payload = made.payload;
  }

  static async make(options: WorldOptions): Promise<World> {
    const world = new World(options);
    await world.pool.refreshSpace();
    return world;
  }

  disk(index: number): HookedDisk {
    const disk = this.disks[index];
    assert(disk);
    return disk;
  }

  lose(...indexes: readonly number[]): void {
    for (const index of indexes) this.lost.add(this.disk(index).id);
  }

  place(segment: number): SegmentPlace {
    const place = this.places.get(asSegmentNumber(segment));
    assert(place, `segment ${segment} was sealed`);
    return place;
  }

  /** Writes as the volume does; gives where the bytes went. */
  write(bytes: Buffer): { segment: SegmentNumber; offset: number; bytes: Buffer }[] {
    const pieces = [];
    for (let at = 0; at < bytes.length; ) {
      const { segment, offset, target } = this.pool.allocate(bytes.length - at);
      bytes.copy(target, 0, at, at + target.length);
      pieces.push({ segment, offset, bytes: bytes.subarray(at, at + target.length) });
      at += target.length;
    }
    return pieces;
  }

  async read(segment: number, offset: number, length: number): Promise<Buffer> {
    const peeked = this.pool.peek(asSegmentNumber(segment), offset, length);
    if (peeked !== null) return Buffer.from(peeked);
    const into = Buffer.alloc(length, 0xee);
    await this.pool.read(this.place(segment), offset, into);
    return into;
  }

  /** Flips one bit of a file, as a bad sector that the disk does not notice. */
  flip(disk: HookedDisk, path: string, offset: number): void {
    disk.inner.tamper(path, (bytes) => {
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
      return bytes;
    });
  }

  /** One segment sealed with these bytes. */
  async sealed(bytes: Buffer): Promise<SegmentPlace> {
    const pieces = this.write(bytes);
    await this.pool.sealAll();
    return this.place(pieces[0]?.segment ?? 0);
  }
}

export function diskId(index: number): DiskId {
  return asDiskId(`disk-${index}`);
}

export function randomBytes(length: number, seed = 1): Buffer {
  return new SeededRandom(seed).bytes(length);
}

export function diskError(): HoldfastError {
  return new HoldfastError('unavailable', 'the disk does not answer', { code: 'disk-io' });
}

/** Every subset of 0..n-1 with `size` members. */
export function* subsets(n: number, size: number, from = 0): Generator<number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let first = from; first <= n - size; first++) for (const rest of subsets(n, size - 1, first + 1)) yield [first, ...rest];
}
