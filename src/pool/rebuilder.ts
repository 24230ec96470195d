// Makes single shards of a sealed segment again and puts them on disks. A shard is reported only after it was read back and
// verified from the disk that has it now. Writes may use the reserve: making protection whole is what it is for.
import { assert } from '../base/assert.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { segmentName } from '../base/ids.js';
import type { DiskId } from '../base/ids.js';
import { cellBytes } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import { cellSeed, encodeShardHeader, fileBytes, shardPath, tableBytes } from '../format/shard.js';
import { alignedBuffer } from '../native/checksum.js';
import type { ScratchBuffers } from './buffers.js';
import type { RebuiltShard, SegmentPlace } from './contract.js';
import { classify } from './disk-faults.js';
import type { PoolPorts } from './ports.js';
import { recoverCells } from './recover-cells.js';
import type { WantedShard } from './recover-cells.js';
import { checkHeader } from './segment-reader.js';
import { readShardCells } from './shard-reader.js';
import { zeroPadded } from './shard-source.js';
import type { SpaceAccount } from './space.js';
import type { WriteLedger } from './write-ledger.js';

const readBackCells = 256;

export interface RebuildOptions {
  readonly bytes?: Buffer;
  readonly targets?: readonly DiskId[];
}

export class Rebuilder {
  readonly #ports: PoolPorts;
  readonly #space: SpaceAccount;
  readonly #scratch: ScratchBuffers;
  readonly #ledger: WriteLedger;

  constructor(ports: PoolPorts, space: SpaceAccount, scratch: ScratchBuffers, ledger: WriteLedger) {
    this.#ports = ports;
    this.#space = space;
    this.#scratch = scratch;
    this.#ledger = ledger;
  }

  async rebuild(place: SegmentPlace, indexes: readonly number[], options: RebuildOptions): Promise<RebuiltShard[]> {
    this.#ledger.begin(place.id);
    try {
      return await this.#rebuild(place, indexes, options);
    } finally {
      this.#ledger.end(place.id);
    }
  }

  async #rebuild(place: SegmentPlace, indexes: readonly number[], options: RebuildOptions): Promise<RebuiltShard[]> {
    if (!this.#ports.disks().every((disk) => this.#space.knows(disk))) await this.#space.refresh();
    const shards = options.bytes === undefined ? await this.#decode(place, indexes) : await this.#encode(place, indexes, options.bytes);
    // One after another: each choice of a disk must see the one before it.
    const disks = [...place.disks];
    for (const index of indexes) disks[index] = null;
    const rebuilt: RebuiltShard[] = [];
    for (const [at, index] of indexes.entries()) {
      const shard = shards[at];
      assert(shard !== undefined, 'every wanted shard was made');
      const disk = await this.#put({ ...place, disks }, index, shard, place.disks[index] ?? null, options.targets);
      disks[index] = disk;
      rebuilt.push({ index, disk });
    }
    return rebuilt;
  }

  /** From what is left of the segment, good cells of the wanted shards included. */
  async #decode(place: SegmentPlace, indexes: readonly number[]): Promise<Buffer[]> {
    const { shardBytes } = place.layout;
    const wanted: WantedShard[] = indexes.map((index) => ({ index, out: alignedBuffer(shardBytes), missing: new Uint8Array(shardBytes / cellBytes) }));
    await Promise.all(
      wanted.map(async ({ index, out, missing }, at) => {
        const read = await readShardCells(this.#ports, place, index, 0, out);
        for (const cell of read.bad ?? []) missing[cell] = 1;
        if (read.bad !== null) return;
        // A disk that did not answer may still write into the buffer: take another one.
        wanted[at] = { index, out: read.abandoned ? alignedBuffer(shardBytes) : out, missing: missing.fill(1) };
      }),
    );
    await recoverCells({ ports: this.#ports, scratch: this.#scratch }, place, 0, wanted);
    return wanted.map((shard) => shard.out);
  }

  async #encode(place: SegmentPlace, indexes: readonly number[], bytes: Buffer): Promise<Buffer[]> {
    assert(bytes.length === place.length, 'the bytes of the whole segment are given');
    const { k, m, e, shardBytes } = place.layout;
    const source = zeroPadded(bytes);
    const data = Array.from({ length: k }, (_, i) => source(i * shardBytes, (i + 1) * shardBytes));
    if (indexes.every((index) => index < k)) return indexes.map((index) => data[index] ?? bytes);
    const parity = Array.from({ length: m + e }, () => alignedBuffer(shardBytes));
    const tables = [...data, ...parity].map(() => Buffer.alloc((4 * shardBytes) / cellBytes));
    await this.#ports.codec.encode({ k, data, parity, tables, seeds: tables.map((_, index) => cellSeed({ id: place.id, layout: place.layout, index })) });
    const all = [...data, ...parity];
    return indexes.map((index) => all[index] ?? bytes);
  }

  /** Writes one shard and reads it back; tries disk after disk. */
  async #put(place: SegmentPlace, index: number, shard: Buffer, before: DiskId | null, targets: readonly DiskId[] | undefined): Promise<DiskId> {
    const { id, layout, length } = place;
    const table = Buffer.alloc(tableBytes(layout.shardBytes));
    // A code of one data shard and no parity is the checksum table alone, made on the codec's threads.
    await this.#ports.codec.encode({ k: 1, data: [shard], parity: [], tables: [table.subarray(0, (4 * layout.shardBytes) / cellBytes)], seeds: [cellSeed({ id, layout, index })] });
    const header = encodeShardHeader({ volume: this.#ports.volume, id, length, layout, index, durableLsn: this.#ports.durableMark() });
    const tried = new Set<DiskId>();
    for (const disk of place.disks) if (disk !== null) tried.add(disk);
    for (;;) {
      const disk = this.#choose(layout.shardBytes, before, targets, tried);
      if (disk === null) throw this.#nowhere(place, index);
      tried.add(disk.id);
      if (await this.#tryOn(disk, { ...place, disks: place.disks.map((one, i) => (i === index ? disk.id : one)) }, index, [header, table, shard])) return disk.id;
    }
  }

  /** The disk that has the damaged shard already, else the one with most room. */
  #choose(shardBytes: number, before: DiskId | null, targets: readonly DiskId[] | undefined, tried: ReadonlySet<DiskId>): Disk | null {
    const fitting = this.#space
      .candidates(tried)
      .filter((c) => (targets === undefined || targets.includes(c.disk.id)) && (c.freeBytes >= fileBytes(shardBytes) || c.disk.id === before))
      .sort((a, b) => Number(b.disk.id === before) - Number(a.disk.id === before) || b.freeBytes - a.freeBytes || (a.disk.id < b.disk.id ? -1 : 1));
    return fitting[0]?.disk ?? null;
  }

  async #tryOn(disk: Disk, place: SegmentPlace, index: number, file: readonly Buffer[]): Promise<boolean> {
    const { shardBytes, number } = place.layout;
    const bytes = fileBytes(shardBytes);
    this.#space.beginWrite(disk.id, bytes);
    let written = false;
    try {
      failpoint('pool-rebuild-before-write');
      // Replaces: a damaged or stale file of this name may be there, and no reader prefers it.
      await disk.replace(shardPath(place.id, number, index), file);
      written = true;
      failpoint('pool-rebuild-before-read-back');
      const bad = await this.#readBack(place, index);
      if (bad === null) return true;
      this.#ports.events.diskFailed(disk.id, new HoldfastError('corrupt', `a shard written to ${disk.path} does not read back: ${bad}`, { code: 'shard-read-back' }));
    } catch (error) {
      const fault = classify(error);
      if (fault === 'full') this.#space.full(disk.id);
      else this.#ports.events.diskFailed(disk.id, error);
      this.#ports.logger.warn({ segment: segmentName(place.id), index, disk: disk.id, error: messageOf(error) }, 'a rebuilt shard could not be written; another disk is tried');
    } finally {
      this.#space.endWrite(disk.id, bytes, written);
    }
    return false;
  }

  /** null: header and all cells are right. */
  async #readBack(place: SegmentPlace, index: number): Promise<string | null> {
    await checkHeader(this.#ports, place, index);
    const cells = place.layout.shardBytes / cellBytes;
    for (let from = 0; from < cells; from += readBackCells) {
      const scratch = this.#scratch.take(Math.min(readBackCells, cells - from) * cellBytes);
      const read = await readShardCells(this.#ports, place, index, from, scratch);
      if (!read.abandoned) this.#scratch.give(scratch);
      if (read.bad === null || read.bad.length > 0) return read.reason;
    }
    return null;
  }

  #nowhere(place: SegmentPlace, index: number): HoldfastError {
    const segment = segmentName(place.id);
    return new HoldfastError('unavailable', `shard ${index} of segment ${segment} cannot be rebuilt: no disk without one of its shards has room`, {
      code: 'rebuild-no-disk',
      hint: 'Add or replace a disk, or free space, then rebuild again.',
      context: { segment, index, bytes: fileBytes(place.layout.shardBytes) },
    });
  }
}
