// Segments in the backup: one object each, a shard file with k = 1 (src/format/shard.ts), so that any range of it verifies alone.
// Always holds: put() resolves only when the store has proven to hold exactly these bytes; get() never returns a wrong byte.
import { assert } from '../base/assert.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { NO_LSN, type SegmentId, segmentName, type VolumeId } from '../base/ids.js';
import { cellBytes, segmentBytesMax } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import { cellChecksum, cellSeed, dataOffset, decodeShardHeader, encodeShardHeader, fileBytes, type ShardInfo, shardBytesFor, shardHeaderBytes, tableBytes, tableOffset } from '../format/shard.js';
import { isUnknownVersion } from '../format/version.js';
import type { Codec } from '../native/codec.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import type { SegmentArchive } from './contract.js';
import { type DeletionGuard, deleteInBatches } from './deletion.js';
import { segmentFolder, segmentKey } from './keys.js';

/** Heads (header and table, at most 36 KiB) kept for ranged reads: 64 x 36 KiB = 2.3 MiB. */
const headsMax = 64;
/** No head is longer: that of a full segment. */
const headBytesMax = dataOffset(segmentBytesMax);

interface Head {
  readonly info: ShardInfo;
  readonly table: Buffer;
}

export interface SegmentArchiveParts {
  readonly store: ObjectStore;
  readonly volume: VolumeId;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly guard: DeletionGuard;
  /** Asked before a damaged object is replaced; throws when the backup is somebody else's now. */
  readonly mayReplace: () => Promise<void>;
}

export class StoredSegmentArchive implements SegmentArchive {
  readonly #parts: SegmentArchiveParts;
  readonly #heads = new Map<string, Head>();

  constructor(parts: SegmentArchiveParts) {
    this.#parts = parts;
  }

  async put(id: SegmentId, bytes: Buffer): Promise<void> {
    const { store, logger } = this.#parts;
    const key = segmentKey(id);
    const object = await this.#encode(id, bytes);
    failpoint('segment-before-put');
    try {
      await store.put(key, object, { ifAbsent: true });
    } catch (error) {
      if (!isErrorOf(error, 'conflict')) throw error;
      // There is one already: of an earlier flush, or ours with its reply lost. It counts when every byte is right.
      const there = await this.#existing(key);
      if (there?.equals(Buffer.concat(object)) !== true) {
        if (there !== null && this.#whole(id, there)) throw differs(store, key);
        // A name stands for one content, whoever puts it and when: to replace what is damaged can only make it right.
        await this.#parts.mayReplace();
        logger.warn({ store: store.description, key }, 'the backup holds a damaged copy of a segment; it is replaced');
        failpoint('segment-before-replace');
        await store.put(key, object, { ifAbsent: false });
        this.#heads.delete(key);
      }
    }
    // Durable from here: the segment is in the backup; the store has checked its bytes or we have compared them.
    failpoint('segment-after-put');
  }

  async get(id: SegmentId, offset: number, length: number): Promise<Buffer> {
    const key = segmentKey(id);
    const known = this.#heads.get(key);
    // A read from the start brings the head along: one request for a whole segment.
    const first = known === undefined && offset === 0 ? await this.#parts.store.get(key, { offset: 0, length: headBytesMax + Math.ceil(length / cellBytes) * cellBytes }) : null;
    const head = known ?? (first === null ? await this.#readHead(id) : this.#parseHead(id, first));
    const { info } = head;
    if (offset < 0 || length < 1 || offset + length > info.length) {
      throw new HoldfastError('invalid', `${key} has ${info.length} bytes: [${offset}, ${offset + length}) is outside`, { code: 'backup-segment-range' });
    }
    const firstCell = Math.floor(offset / cellBytes);
    const lastCell = Math.ceil((offset + length) / cellBytes);
    const start = dataOffset(info.layout.shardBytes) + firstCell * cellBytes;
    const cells = first === null ? await this.#parts.store.get(key, { offset: start, length: (lastCell - firstCell) * cellBytes }) : first.subarray(start, start + (lastCell - firstCell) * cellBytes);
    await this.#verify(key, head, firstCell, lastCell, cells);
    return cells.subarray(offset - firstCell * cellBytes, offset - firstCell * cellBytes + length);
  }

  async length(id: SegmentId): Promise<number | null> {
    const key = segmentKey(id);
    const { store } = this.#parts;
    const info = await store.head(key);
    if (info === null) return null;
    try {
      const head = this.#parseInfo(id, await store.get(key, { offset: 0, length: shardHeaderBytes }));
      return info.bytes === fileBytes(head.layout.shardBytes) ? head.length : null;
    } catch (error) {
      if (isErrorOf(error, 'corrupt', 'missing')) return null;
      throw error;
    }
  }

  async listed(folder: number): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for await (const { key, bytes } of this.#parts.store.list(segmentFolder(folder))) found.set(key, bytes);
    return found;
  }

  isListed(listed: ReadonlyMap<string, number>, id: SegmentId, length: number): boolean {
    return listed.get(segmentKey(id)) === fileBytes(shardBytesFor(length, 1));
  }

  async delete(ids: readonly SegmentId[]): Promise<void> {
    const keys = ids.map(segmentKey);
    for (const key of keys) this.#heads.delete(key);
    await deleteInBatches(this.#parts.store, keys, this.#parts.guard);
  }

  /** The object's bytes in pieces, the large one being `bytes` itself; the same for the same segment, always. */
  async #encode(id: SegmentId, bytes: Buffer): Promise<readonly Buffer[]> {
    assert(bytes.length > 0 && bytes.length <= segmentBytesMax, 'a segment holds something');
    const shardBytes = shardBytesFor(bytes.length, 1);
    const info: ShardInfo = { volume: this.#parts.volume, id, length: bytes.length, layout: { number: 0, k: 1, m: 0, e: 0, shardBytes }, index: 0, durableLsn: NO_LSN };
    const head = Buffer.alloc(dataOffset(shardBytes));
    encodeShardHeader(info).copy(head, 0);
    const table = head.subarray(tableOffset, tableOffset + (4 * shardBytes) / cellBytes);
    const full = Math.floor(bytes.length / cellBytes);
    const cells = bytes.subarray(0, full * cellBytes);
    if (full > 0) await this.#parts.codec.encode({ k: 1, data: [cells], parity: [], tables: [table.subarray(0, 4 * full)], seeds: [cellSeed(info)] });
    if (cells.length === shardBytes) return [head, cells];
    const last = Buffer.alloc(cellBytes);
    bytes.copy(last, 0, cells.length);
    table.writeUInt32LE(cellChecksum(cellSeed(info), full, last), 4 * full);
    return full > 0 ? [head, cells, last] : [head, last];
  }

  /** null when it went away or cannot be whole. */
  async #existing(key: string): Promise<Buffer | null> {
    try {
      return await this.#parts.store.get(key);
    } catch (error) {
      if (isErrorOf(error, 'missing', 'corrupt')) return null;
      throw error;
    }
  }

  /** Does the object verify in itself, whatever segment bytes it holds? */
  #whole(id: SegmentId, object: Buffer): boolean {
    try {
      const head = this.#parseHead(id, object);
      const data = object.subarray(dataOffset(head.info.layout.shardBytes));
      return data.length === head.info.layout.shardBytes && this.#badCell(head, 0, data) === null;
    } catch (error) {
      if (isErrorOf(error, 'corrupt')) return false;
      throw error;
    }
  }

  async #readHead(id: SegmentId): Promise<Head> {
    const { store } = this.#parts;
    const key = segmentKey(id);
    // Every object has a header and at least one block of table; most reads need no more.
    const first = await store.get(key, { offset: 0, length: shardHeaderBytes + 4096 });
    const { layout } = this.#parseInfo(id, first);
    const more = tableBytes(layout.shardBytes) - 4096;
    return this.#parseHead(id, more === 0 ? first : Buffer.concat([first, await store.get(key, { offset: first.length, length: more })]));
  }

  #parseHead(id: SegmentId, bytes: Buffer): Head {
    const key = segmentKey(id);
    const info = this.#parseInfo(id, bytes);
    const table = Buffer.from(bytes.subarray(tableOffset, tableOffset + (4 * info.layout.shardBytes) / cellBytes));
    if (table.length !== (4 * info.layout.shardBytes) / cellBytes) throw this.#damaged(key, 'it ends within its checksum table');
    const head = { info, table };
    const oldest = this.#heads.keys().next();
    if (this.#heads.size >= headsMax && oldest.done !== true) this.#heads.delete(oldest.value);
    this.#heads.set(key, head);
    return head;
  }

  #parseInfo(id: SegmentId, bytes: Buffer): ShardInfo {
    const key = segmentKey(id);
    let info: ShardInfo;
    try {
      info = decodeShardHeader(bytes);
    } catch (error) {
      if (isUnknownVersion(error)) throw error;
      throw this.#damaged(key, messageOf(error), error);
    }
    if (segmentName(info.id) !== segmentName(id) || info.volume !== this.#parts.volume || info.layout.k !== 1 || info.layout.number !== 0) throw this.#damaged(key, `it is segment ${segmentName(info.id)} of volume ${info.volume}`);
    return info;
  }

  async #verify(key: string, head: Head, firstCell: number, lastCell: number, cells: Buffer): Promise<void> {
    if (cells.length !== (lastCell - firstCell) * cellBytes) throw this.#damaged(key, 'it ends within its data');
    let bad: number | null;
    if (firstCell === 0) {
      // Many cells: off this thread, by making the table anew.
      const made = Buffer.alloc(4 * lastCell);
      await this.#parts.codec.encode({ k: 1, data: [cells], parity: [], tables: [made], seeds: [cellSeed(head.info)] });
      bad = made.equals(head.table.subarray(0, made.length)) ? null : this.#badCell(head, 0, cells);
    } else {
      bad = this.#badCell(head, firstCell, cells);
    }
    if (bad !== null) throw this.#damaged(key, `the checksum of bytes ${bad * cellBytes} to ${(bad + 1) * cellBytes - 1} does not match`);
  }

  #badCell(head: Head, firstCell: number, cells: Buffer): number | null {
    const seed = cellSeed(head.info);
    for (let at = 0; at < cells.length; at += cellBytes) {
      const cell = firstCell + at / cellBytes;
      if (cellChecksum(seed, cell, cells.subarray(at, at + cellBytes)) !== head.table.readUInt32LE(4 * cell)) return cell;
    }
    return null;
  }

  #damaged(key: string, reason: string, cause?: unknown): HoldfastError {
    this.#heads.delete(key);
    return new HoldfastError('corrupt', `${key} in ${this.#parts.store.description} is damaged: ${reason}`, {
      code: 'backup-segment',
      hint: 'Run a backup verification: the segment is uploaded again where the local disks have it.',
      context: { key },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

function differs(store: ObjectStore, key: string): HoldfastError {
  return new HoldfastError('conflict', `${key} in ${store.description} is whole but holds other bytes than this volume's segment of that name`, {
    code: 'backup-segment-differs',
    hint: 'Another history of this volume has written there: do not delete anything, and restore from the backup into a new volume.',
    context: { key },
  });
}
