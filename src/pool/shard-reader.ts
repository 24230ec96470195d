// Reads cells of one shard of a place. Every cell is verified on the disk's thread with the seed of exactly this segment,
// layout and index; what is wrong is reported to the pool's listener and to the caller, never passed on as data.
import { messageOf } from '../base/errors.js';
import { cellBytes } from '../base/limits.js';
import { cellSeed, dataOffset, shardPath, tableOffset } from '../format/shard.js';
import type { Disk } from '../disk/disk.js';
import type { SegmentPlace } from './contract.js';
import { classify } from './disk-faults.js';
import type { PoolPorts } from './ports.js';

/** `bad`: absolute cell indexes; null: nothing was read. `reason` says why when anything is wrong. */
export interface ShardRead {
  readonly bad: readonly number[] | null;
  /** The disk may still touch the buffer: it must not be used again for anything else. */
  readonly abandoned: boolean;
  readonly reason: string;
}

const noDisk: ShardRead = { bad: null, abandoned: false, reason: 'its disk is not there' };

interface ShardAddress {
  readonly path: string;
  readonly seed: number;
  readonly dataOffset: number;
}

const addresses = new WeakMap<SegmentPlace, (ShardAddress | undefined)[]>();

/** Remembered with the place: a small read costs less than putting these together. */
function addressOf(place: SegmentPlace, index: number): ShardAddress {
  let known = addresses.get(place);
  if (known === undefined) {
    known = [];
    addresses.set(place, known);
  }
  const { id, layout } = place;
  return (known[index] ??= { path: shardPath(id, layout.number, index), seed: cellSeed({ id, layout, index }), dataOffset: dataOffset(layout.shardBytes) });
}

/** The same cells at once, where the operating system has them in memory. False says nothing. */
export function readShardCellsNow(ports: PoolPorts, place: SegmentPlace, index: number, firstCell: number, into: Buffer): boolean {
  const disk = readableDisk(ports, place, index);
  if (disk === null) return false;
  const address = addressOf(place, index);
  return disk.readCellsNow(address.path, { tableOffset, dataOffset: address.dataOffset, firstCell, cellCount: into.length / cellBytes, seed: address.seed }, into);
}

/** Disk of shard `index` if it can be read now. */
export function readableDisk(ports: PoolPorts, place: SegmentPlace, index: number): Disk | null {
  const id = place.disks[index];
  return id === null || id === undefined ? null : ports.diskOf(id);
}

/** Reads `into.length / cellBytes` cells from `firstCell`. Never rejects for what a disk does; with 'full' when the process can open no file. */
export async function readShardCells(ports: PoolPorts, place: SegmentPlace, index: number, firstCell: number, into: Buffer): Promise<ShardRead> {
  const disk = readableDisk(ports, place, index);
  if (disk === null) return noDisk;
  const address = addressOf(place, index);
  try {
    const cells = { tableOffset, dataOffset: address.dataOffset, firstCell, cellCount: into.length / cellBytes, seed: address.seed };
    const bad = await disk.readCells(address.path, cells, into);
    if (bad.length === 0) return { bad, abandoned: false, reason: '' };
    const reason = `checksums of ${bad.length} cells do not match`;
    ports.events.damaged(place, index, bad, reason);
    return { bad, abandoned: false, reason };
  } catch (error) {
    const fault = classify(error);
    // No disk would do better, and none is to blame.
    if (fault === 'full') throw error;
    const reason = messageOf(error);
    const failed = fault === 'failed';
    if (failed) ports.events.diskFailed(disk.id, error);
    else ports.events.damaged(place, index, [], reason);
    return { bad: null, abandoned: failed, reason };
  }
}
