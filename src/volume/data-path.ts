// The way of file bytes: write() puts them where they stay (the open segment) and records the address; read() collects them
// from memory, from shards, or, when fewer than k shards are left, from the backup. Never a wrong byte: the pool and the archive verify.
import { assert } from '../base/assert.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { add, bytesBefore, bytesBetween, type FileOffset, larger, smaller } from '../base/file-offset.js';
import type { ContentId, Ino, SegmentNumber } from '../base/ids.js';
import { requestBytesMax, rowsPerTurnMax } from '../base/limits.js';
import { type Inode, type Extent, unwritten } from '../skeleton/contract.js';
import { bytesUnder } from '../skeleton/extent-bytes.js';
import type { VolumeCore } from './core.js';
import type { Rescue } from './rescue.js';

/** Rows fetched at once while a read is planned. */
const extentsPerQuery = 512;

interface Piece {
  readonly segment: SegmentNumber;
  readonly segmentOffset: number;
  /** Position in the answer. */
  readonly at: number;
  readonly length: number;
}

export class DataPath {
  readonly #core: VolumeCore;
  readonly #rescue: Rescue;

  constructor(core: VolumeCore, rescue: Rescue) {
    this.#core = core;
    this.#rescue = rescue;
  }

  /** Synchronous; the caller was admitted for these bytes. Throws 'full' before anything is changed. */
  write(ino: Ino, offset: FileOffset, data: Buffer): void {
    const { pool, ports } = this.#core;
    assert(data.length <= requestBytesMax, 'a write is one request');
    if (!pool.reserve(data.length, this.#preallocated(ino, offset, data.length))) throw volumeFull(data.length, pool.freeBytes());
    const time = ports.clock.now();
    for (let done = 0; done < data.length; ) {
      const { segment, offset: segmentOffset, target } = pool.allocate(data.length - done);
      data.copy(target, 0, done, done + target.length);
      this.#core.record({ type: 'write', ino, offset: add(offset, done), length: target.length, segment, segmentOffset, time });
      done += target.length;
    }
  }

  /** [offset, offset + length) of a file, clipped to its size. A view into memory may be given: use it before the next await. */
  read(inode: Inode, offset: FileOffset, length: number): Buffer | Promise<Buffer> {
    const clipped = bytesBefore(inode.size, offset, length);
    if (clipped === 0) return Buffer.alloc(0);
    const pieces = this.#plan(inode.content, offset, clipped);
    const only = pieces.length === 1 ? pieces[0] : undefined;
    if (only !== undefined && only.length === clipped) {
      const view = this.#core.pool.peek(only.segment, only.segmentOffset, clipped);
      if (view !== null) return view;
    }
    const out = Buffer.allocUnsafe(clipped);
    const covered = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (covered < clipped) out.fill(0);
    const waits: Promise<void>[] = [];
    for (const piece of pieces) {
      const view = this.#core.pool.peek(piece.segment, piece.segmentOffset, piece.length);
      if (view !== null) {
        view.copy(out, piece.at);
        continue;
      }
      const into = pieces.length === 1 && piece.length === clipped ? out : out.subarray(piece.at, piece.at + piece.length);
      if (!this.#readNow(piece, into)) waits.push(this.readSegment(piece.segment, piece.segmentOffset, into));
    }
    if (waits.length === 0) return out;
    return Promise.all(waits).then(() => out);
  }

  /** Bytes of the range for which room is kept. */
  #preallocated(ino: Ino, offset: FileOffset, length: number): number {
    const { skeleton } = this.#core;
    if (skeleton.use().unwrittenBytes === 0) return 0;
    const content = skeleton.inode(ino)?.content;
    if (content === undefined) return 0;
    return bytesUnder(skeleton.extents(content, offset, length, rowsPerTurnMax).filter((row) => row.segment === unwritten), offset, length);
  }

  #plan(content: ContentId, offset: FileOffset, length: number): Piece[] {
    const pieces: Piece[] = [];
    const end = add(offset, length);
    for (let from = offset; from < end; ) {
      const rows: readonly Extent[] = this.#core.skeleton.extents(content, from, bytesBetween(from, end), extentsPerQuery);
      for (const row of rows) {
        if (row.segment === unwritten) continue;
        const start = larger(row.offset, from);
        const stop = smaller(add(row.offset, row.length), end);
        pieces.push({ segment: row.segment, segmentOffset: row.segmentOffset + bytesBetween(row.offset, start), at: bytesBetween(offset, start), length: bytesBetween(start, stop) });
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < extentsPerQuery) break;
      from = add(last.offset, last.length);
    }
    return pieces;
  }

  /** In this turn, so nothing has to be pinned. */
  #readNow(piece: Piece, into: Buffer): boolean {
    const place = this.#core.placeOf(piece.segment);
    return place !== null && this.#core.pool.readNow(place, piece.segmentOffset, into);
  }

  /** Verified bytes of a sealed segment; pinned meanwhile so that it is not removed. */
  async readSegment(segment: SegmentNumber, offset: number, into: Buffer): Promise<void> {
    const core = this.#core;
    const place = core.placeOf(segment);
    if (place === null) {
      throw new HoldfastError('corrupt', `segment ${segment} is neither in memory nor sealed`, { code: 'segment-unknown' });
    }
    core.pin(segment);
    try {
      await core.pool.read(place, offset, into);
    } catch (error) {
      if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
      // Fewer than k good shards: the next source (recovery order of the design), kept for the next reader.
      await this.#rescue.keep(segment, place, error);
      await core.pool.read(core.placeOf(segment) ?? place, offset, into);
    } finally {
      core.unpin(segment);
    }
  }
}

function volumeFull(bytes: number, free: number): HoldfastError {
  return new HoldfastError('full', `no room for ${bytes} bytes: ${free} bytes can still be taken with all their redundancy`, {
    code: 'volume-full',
    hint: 'Delete files, or add disks; deleting and reading always work.',
    context: { bytes, free },
  });
}
