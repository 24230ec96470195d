// Which disks take the shards of a segment, and into how many data shards it is cut. As wide as the disks allow, most free
// first. Redundancy goes before width: k shrinks to 1 before a delta shard is given up, and those go before parity.
// Deterministic: the same candidates give the same plan.
import { assert } from '../base/assert.js';
import { shardsPerSegmentMax } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import { fileBytes, shardBytesFor } from '../format/shard.js';
import type { PoolShape } from './contract.js';

export interface Candidate {
  readonly disk: Disk;
  /** What a shard file may take, reserve included. */
  readonly freeBytes: number;
  /** Part of it that only what must succeed may use. */
  readonly reserveBytes: number;
}

export interface Redundancy {
  readonly m: number;
  readonly e: number;
}

export interface PlacementPlan {
  readonly k: number;
  readonly m: number;
  readonly e: number;
  readonly shardBytes: number;
  /** Disk of shard i; all different. */
  readonly disks: readonly Disk[];
  /** Further disks with room, most free first. */
  readonly spares: readonly Disk[];
  /** Fewer parity or delta shards than were asked for. */
  readonly degraded: boolean;
}

export function redundancyOf(shape: PoolShape, withDeltaShards: boolean): Redundancy {
  assert(shape.parity >= 0 && shape.tolerance >= shape.parity, 'tolerance is at least parity');
  return { m: shape.parity, e: withDeltaShards && shape.scheme === 'parity' ? shape.tolerance - shape.parity : 0 };
}

/** k, m and e on `width` disks. */
export function cutFor(width: number, asked: Redundancy): { readonly k: number; readonly m: number; readonly e: number } {
  assert(width >= 1, 'a segment needs a disk');
  const k = Math.max(1, width - asked.m - asked.e);
  const m = Math.min(asked.m, width - k);
  return { k, m, e: Math.min(asked.e, width - k - m) };
}

/** null: no disk has room for it. `rotation` (the segment number) spreads data, parity and delta shards evenly over the disks. */
export function choosePlacement(candidates: readonly Candidate[], asked: Redundancy, length: number, rotation: number): PlacementPlan | null {
  const fullWidth = 1 + asked.m + asked.e;
  for (const useReserve of [false, true]) {
    const room = (c: Candidate): number => (useReserve ? c.freeBytes : c.freeBytes - c.reserveBytes);
    const sorted = [...candidates].sort((a, b) => room(b) - room(a) || (a.disk.id < b.disk.id ? -1 : 1));
    // Accepted data may dip into the reserve rather than fail, and loses redundancy only when even that is not enough.
    const narrowest = useReserve ? 1 : fullWidth;
    for (let width = Math.min(sorted.length, shardsPerSegmentMax); width >= narrowest; width--) {
      const { k, m, e } = cutFor(width, asked);
      const shardBytes = shardBytesFor(length, k);
      const last = sorted[width - 1];
      if (last === undefined || room(last) < fileBytes(shardBytes)) continue;
      const chosen = sorted.slice(0, width).map((c) => c.disk);
      const spares = sorted.slice(width).filter((c) => room(c) >= fileBytes(shardBytes));
      return { k, m, e, shardBytes, disks: rotated(chosen, rotation), spares: spares.map((c) => c.disk), degraded: width < fullWidth };
    }
  }
  return null;
}

function rotated(disks: readonly Disk[], rotation: number): Disk[] {
  const byId = [...disks].sort((a, b) => (a.id < b.id ? -1 : 1));
  const shift = rotation % byId.length;
  return [...byId.slice(shift), ...byId.slice(0, shift)];
}
