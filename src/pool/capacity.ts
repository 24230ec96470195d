// How much user data disks of given rooms hold when it is placed greedily: widest first, most free first, with full redundancy. Pure sums,
// without a disk: what placement.ts then does byte for byte. The answer never promises more than placement finds.
import { cellBytes, shardsPerSegmentMax } from '../base/limits.js';

export interface Filling {
  /** User bytes. */
  readonly bytes: number;
  /** What their shards take of each room, in the order of the rooms. */
  readonly used: readonly number[];
}

/** `redundant`: parity and delta shards of a segment; `granuleBytes`: each room may be left with less than that. */
export function fillingOf(rooms: readonly number[], redundant: number, granuleBytes: number): Filling {
  if (rooms.length === 0) return { bytes: 0, used: [] };
  const order = rooms.map((_, index) => index).sort((a, b) => (rooms[b] ?? 0) - (rooms[a] ?? 0));
  const sorted = order.map((index) => rooms[index] ?? 0);
  // With disks missing, segments have what redundancy the rest can hold: writes go on.
  const most = Math.min(redundant, rooms.length - 1);
  const one = oneWidth(sorted, most);
  const all = allWidths(sorted, most, granuleBytes);
  const best = one.bytes > all.bytes ? one : all;
  const used = rooms.map((_, index) => best.used[order.indexOf(index)] ?? 0);
  // 4 bytes of checksum a cell.
  return { bytes: Math.floor(best.bytes * (cellBytes / (cellBytes + 4))), used };
}

/** Exact for any cut into segments: everything at one width, the best one. */
function oneWidth(rooms: readonly number[], redundant: number): Filling {
  let best = 0;
  let at = 0;
  for (let width = redundant + 1; width <= Math.min(rooms.length, shardsPerSegmentMax); width++) {
    const bytes = (rooms[width - 1] ?? 0) * (width - redundant);
    if (bytes > best) [best, at] = [bytes, width];
  }
  return { bytes: best, used: rooms.map((_, index) => (index < at ? (rooms[at - 1] ?? 0) : 0)) };
}

/** Disks of different sizes: when the smallest is full the rest goes on, narrower. Each may be left with less than a shard. */
function allWidths(rooms: readonly number[], redundant: number, granuleBytes: number): Filling {
  const used = rooms.map(() => 0);
  let bytes = 0;
  let filled = 0;
  for (let width = Math.min(rooms.length, shardsPerSegmentMax); width > redundant; width--) {
    const level = Math.max(filled, (rooms[width - 1] ?? 0) - granuleBytes);
    bytes += (level - filled) * (width - redundant);
    filled = level;
    used.fill(level, 0, width);
  }
  return { bytes, used };
}
