// Reads ranges of sealed segments: one readCells for each data shard that is touched, all at once; cells that are bad or
// missing are decoded from other shards. Right bytes or an error, never anything else.
import { assert } from '../base/assert.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { segmentName } from '../base/ids.js';
import { cellBytes } from '../base/limits.js';
import { decodeShardHeader, shardHeaderBytes, shardPath } from '../format/shard.js';
import { cellsNowMax } from '../disk/disk.js';
import { alignedBuffer } from '../native/checksum.js';
import type { ScratchBuffers } from './buffers.js';
import type { FaultyShard, SegmentPlace } from './contract.js';
import { classify } from './disk-faults.js';
import type { Gate } from './gate.js';
import type { PoolPorts } from './ports.js';
import { recoverCells } from './recover-cells.js';
import { readShardCells, readShardCellsNow, readableDisk } from './shard-reader.js';

const verifyCells = 256;

export class SegmentReader {
  readonly #ports: PoolPorts;
  readonly #scratch: ScratchBuffers;
  /** Decoding holds k chunks: a few at a time bound its memory. */
  readonly #decoding: Gate;

  constructor(ports: PoolPorts, scratch: ScratchBuffers, decoding: Gate) {
    this.#ports = ports;
    this.#scratch = scratch;
    this.#decoding = decoding;
  }

  read(place: SegmentPlace, offset: number, into: Buffer): Promise<void> {
    assert(offset >= 0 && offset + into.length <= place.length, 'the range lies within the segment');
    if (into.length === 0) return Promise.resolve();
    const { shardBytes } = place.layout;
    const first = Math.floor(offset / shardBytes);
    const last = Math.floor((offset + into.length - 1) / shardBytes);
    if (first === last) return this.#readPart(place, first, offset - first * shardBytes, into);
    return this.#readParts(place, offset, into, first, last);
  }

  /** True: done, verified. Ranges in one shard only, and no more cells than are read in no time. */
  readNow(place: SegmentPlace, offset: number, into: Buffer): boolean {
    const { shardBytes } = place.layout;
    const index = Math.floor(offset / shardBytes);
    const start = offset - index * shardBytes;
    const firstCell = Math.floor(start / cellBytes);
    const head = start - firstCell * cellBytes;
    const cells = Math.ceil((head + into.length) / cellBytes);
    if (cells > cellsNowMax || start + into.length > shardBytes) return false;
    if (head === 0 && into.length === cells * cellBytes) return readShardCellsNow(this.#ports, place, index, firstCell, into);
    const scratch = this.#scratch.take(cells * cellBytes);
    const read = readShardCellsNow(this.#ports, place, index, firstCell, scratch);
    if (read) scratch.copy(into, 0, head, head + into.length);
    this.#scratch.give(scratch);
    return read;
  }

  async readAll(place: SegmentPlace): Promise<Buffer> {
    const { k, shardBytes } = place.layout;
    const whole = alignedBuffer(k * shardBytes);
    const used = Math.ceil(place.length / shardBytes);
    const views = Array.from({ length: used }, (_, i) => whole.subarray(i * shardBytes, (i + 1) * shardBytes));
    const parts = await Promise.all(views.map((view, i) => this.#readCells(place, i, 0, view)));
    // A disk that hangs may still write into `whole`: then the answer is made of memory that it never saw.
    const sound = parts.every((part, i) => part === views[i]) ? whole : Buffer.concat(parts);
    return sound.subarray(0, place.length);
  }

  async verify(place: SegmentPlace): Promise<readonly FaultyShard[]> {
    const faulty = await Promise.all(place.disks.map((_, index) => this.#verifyShard(place, index)));
    return faulty.filter((shard) => shard !== null);
  }

  async #readParts(place: SegmentPlace, offset: number, into: Buffer, first: number, last: number): Promise<void> {
    const { shardBytes } = place.layout;
    const parts: Promise<void>[] = [];
    for (let index = first; index <= last; index++) {
      const from = Math.max(offset, index * shardBytes);
      const to = Math.min(offset + into.length, (index + 1) * shardBytes);
      parts.push(this.#readPart(place, index, from - index * shardBytes, into.subarray(from - offset, to - offset)));
    }
    await Promise.all(parts);
  }

  /** [start, start + into.length) of data shard `index`. Whole cells go straight to their place, others by way of scratch. */
  async #readPart(place: SegmentPlace, index: number, start: number, into: Buffer): Promise<void> {
    const firstCell = Math.floor(start / cellBytes);
    const head = start - firstCell * cellBytes;
    if (head === 0 && into.length % cellBytes === 0) {
      const direct = await this.#readCells(place, index, firstCell, into);
      if (direct !== into) direct.copy(into);
      return;
    }
    const scratch = this.#scratch.take(Math.ceil((head + into.length) / cellBytes) * cellBytes);
    const cells = await this.#readCells(place, index, firstCell, scratch);
    cells.copy(into, 0, head, head + into.length);
    if (cells === scratch) this.#scratch.give(scratch);
  }

  /** The cells: in `into`, or, when a disk that did not answer in time may still write there, in memory of their own. */
  async #readCells(place: SegmentPlace, index: number, firstCell: number, into: Buffer): Promise<Buffer> {
    const read = await readShardCells(this.#ports, place, index, firstCell, into);
    if (read.bad !== null && read.bad.length === 0) return into;
    const missing = new Uint8Array(into.length / cellBytes);
    if (read.bad === null) missing.fill(1);
    else for (const cell of read.bad) missing[cell - firstCell] = 1;
    const out = read.abandoned ? alignedBuffer(into.length) : into;
    const context = { ports: this.#ports, scratch: this.#scratch };
    await this.#decoding.run(() => recoverCells(context, place, firstCell, [{ index, out, missing }]));
    return out;
  }

  async #verifyShard(place: SegmentPlace, index: number): Promise<FaultyShard | null> {
    const disk = readableDisk(this.#ports, place, index);
    if (disk === null) return { index, fault: 'absent', reason: place.disks[index] === null ? 'it is lost' : 'its disk is not there' };
    try {
      await disk.uncache(shardPath(place.id, place.layout.number, index));
      await checkHeader(this.#ports, place, index);
    } catch (error) {
      const said = classify(error);
      // The process can open no file: the shard is not to blame.
      if (said === 'full') throw error;
      const failed = said === 'failed';
      if (failed) this.#ports.events.diskFailed(disk.id, error);
      return { index, fault: failed ? 'unreadable' : isErrorOf(error, 'missing') ? 'missing' : 'header', reason: messageOf(error) };
    }
    return this.#verifyCells(place, index);
  }

  async #verifyCells(place: SegmentPlace, index: number): Promise<FaultyShard | null> {
    const cells = place.layout.shardBytes / cellBytes;
    let bad = 0;
    for (let from = 0; from < cells; from += verifyCells) {
      const scratch = this.#scratch.take(Math.min(verifyCells, cells - from) * cellBytes);
      const read = await readShardCells(this.#ports, place, index, from, scratch);
      if (!read.abandoned) this.#scratch.give(scratch);
      if (read.bad === null) return { index, fault: read.abandoned ? 'unreadable' : 'missing', reason: read.reason };
      bad += read.bad.length;
    }
    return bad === 0 ? null : { index, fault: 'cells', reason: `checksums of ${bad} of its ${cells} cells do not match` };
  }
}

/** Throws 'corrupt' (shard-header) when the file does not say that it is this shard of this layout. */
export async function checkHeader(ports: PoolPorts, place: SegmentPlace, index: number): Promise<void> {
  const disk = readableDisk(ports, place, index);
  assert(disk !== null, 'the disk of a shard to check is there');
  const block = Buffer.alloc(shardHeaderBytes);
  await disk.read(shardPath(place.id, place.layout.number, index), 0, block);
  const said = decodeShardHeader(block);
  const { k, m, number, shardBytes } = place.layout;
  // Delta shards may have been given up since: e is not compared.
  const same =
    said.volume === ports.volume &&
    segmentName(said.id) === segmentName(place.id) &&
    said.length === place.length &&
    said.index === index &&
    said.layout.number === number &&
    said.layout.k === k &&
    said.layout.m === m &&
    said.layout.shardBytes === shardBytes;
  if (!same) throw new HoldfastError('corrupt', `its header names shard ${said.index} of ${segmentName(said.id)}, layout ${said.layout.number}`, { code: 'shard-header' });
}
