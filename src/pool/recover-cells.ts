// Makes cells that could not be read from the other shards of the same layout, cell by cell: each needs k verified cells at
// the same place in any k shards. Works in chunks, so memory stays at k + wanted chunks however long the range is.
// Which cells are needed and where they go is handed in.
import { HoldfastError } from '../base/errors.js';
import { segmentName } from '../base/ids.js';
import { cellBytes } from '../base/limits.js';
import type { ScratchBuffers } from './buffers.js';
import type { SegmentPlace } from './contract.js';
import type { PoolPorts } from './ports.js';
import { readShardCells, readableDisk } from './shard-reader.js';

/** A shard some of whose cells are to be made. Its good cells serve as sources. */
export interface WantedShard {
  readonly index: number;
  /** Cells from `firstCell` on. */
  readonly out: Buffer;
  /** One byte a cell of `out`: 1 where it must be made. Cleared here as it is done. */
  readonly missing: Uint8Array;
}

interface Source {
  readonly index: number;
  readonly bytes: Buffer;
  /** One byte a cell: 1 where it cannot be used. */
  readonly bad: Uint8Array;
  readonly scratch: Buffer | null;
}

export interface RecoverContext {
  readonly ports: PoolPorts;
  readonly scratch: ScratchBuffers;
}

const chunkCells = 256;

/** 'unavailable' (segment-unreadable) names segment and range when a cell has fewer than k sources. */
export async function recoverCells(context: RecoverContext, place: SegmentPlace, firstCell: number, wanted: readonly WantedShard[]): Promise<void> {
  const total = wanted[0]?.missing.length ?? 0;
  for (let from = 0; from < total; from += chunkCells) {
    const to = Math.min(from + chunkCells, total);
    const needed = neededCells(wanted, from, to);
    const first = needed[0];
    const last = needed.at(-1);
    if (first === undefined || last === undefined) continue;
    await recoverChunk(context, place, firstCell + first, wanted.map((shard) => part(shard, first, last + 1)));
  }
}

/** Cells in [from, to) that any wanted shard misses. */
function neededCells(wanted: readonly WantedShard[], from: number, to: number): number[] {
  const cells: number[] = [];
  for (let cell = from; cell < to; cell++) if (wanted.some((shard) => shard.missing[cell] === 1)) cells.push(cell);
  return cells;
}

function part(shard: WantedShard, from: number, to: number): WantedShard {
  return { index: shard.index, out: cellsOf(shard.out, from, to), missing: shard.missing.subarray(from, to) };
}

function cellsOf(buffer: Buffer, from: number, to: number): Buffer {
  return buffer.subarray(from * cellBytes, to * cellBytes);
}

async function recoverChunk(context: RecoverContext, place: SegmentPlace, firstCell: number, wanted: readonly WantedShard[]): Promise<void> {
  const count = wanted[0]?.missing.length ?? 0;
  const needed = neededCells(wanted, 0, count);
  const sources: Source[] = wanted.map((shard) => ({ index: shard.index, bytes: shard.out, bad: shard.missing, scratch: null }));
  const others = place.disks.map((_, index) => index).filter((index) => readableDisk(context.ports, place, index) !== null && !wanted.some((shard) => shard.index === index));
  try {
    for (;;) {
      const fewest = Math.min(...needed.map((cell) => usable(sources, cell)));
      if (fewest >= place.layout.k) break;
      const next = others.splice(0, place.layout.k - fewest);
      if (next.length === 0) throw unreadable(place, firstCell, needed, wanted, fewest);
      sources.push(...(await Promise.all(next.map((index) => readSource(context, place, index, firstCell, count)))));
    }
    await decodeRuns(context, place, sources, wanted, needed);
  } finally {
    for (const source of sources) if (source.scratch !== null) context.scratch.give(source.scratch);
  }
}

function usable(sources: readonly Source[], cell: number): number {
  let good = 0;
  for (const source of sources) if (source.bad[cell] === 0) good++;
  return good;
}

async function readSource(context: RecoverContext, place: SegmentPlace, index: number, firstCell: number, count: number): Promise<Source> {
  const bytes = context.scratch.take(count * cellBytes);
  const bad = new Uint8Array(count);
  const read = await readShardCells(context.ports, place, index, firstCell, bytes);
  if (read.bad === null) bad.fill(1);
  else for (const cell of read.bad) bad[cell - firstCell] = 1;
  return { index, bytes, bad, scratch: read.abandoned ? null : bytes };
}

/** Consecutive cells with the same sources and the same gaps are decoded in one job. */
async function decodeRuns(context: RecoverContext, place: SegmentPlace, sources: readonly Source[], wanted: readonly WantedShard[], needed: readonly number[]): Promise<void> {
  let at = 0;
  while (at < needed.length) {
    const start = needed[at] ?? 0;
    const pattern = patternOf(place, sources, wanted, start);
    let end = start + 1;
    at++;
    while (needed[at] === end && samePattern(pattern, patternOf(place, sources, wanted, end))) {
      end++;
      at++;
    }
    const targets = wanted.filter((shard) => shard.missing[start] === 1);
    await context.ports.codec.decode({
      k: place.layout.k,
      present: pattern.present.map((source) => source.index),
      shards: pattern.present.map((source) => cellsOf(source.bytes, start, end)),
      wanted: targets.map((shard) => shard.index),
      out: targets.map((shard) => cellsOf(shard.out, start, end)),
    });
    for (const shard of targets) shard.missing.fill(0, start, end);
  }
}

interface Pattern {
  readonly present: readonly Source[];
  readonly gaps: readonly number[];
}

function patternOf(place: SegmentPlace, sources: readonly Source[], wanted: readonly WantedShard[], cell: number): Pattern {
  const present: Source[] = [];
  for (const source of sources) if (source.bad[cell] === 0 && present.length < place.layout.k) present.push(source);
  return { present, gaps: wanted.filter((shard) => shard.missing[cell] === 1).map((shard) => shard.index) };
}

function samePattern(a: Pattern, b: Pattern): boolean {
  return a.present.every((source, i) => source === b.present[i]) && a.gaps.length === b.gaps.length && a.gaps.every((index, i) => index === b.gaps[i]);
}

function unreadable(place: SegmentPlace, firstCell: number, needed: readonly number[], wanted: readonly WantedShard[], usableShards: number): HoldfastError {
  const { layout, id } = place;
  const index = wanted[0]?.index ?? 0;
  const offset = Math.min(index, layout.k - 1) * layout.shardBytes + (firstCell + (needed[0] ?? 0)) * cellBytes;
  const length = ((needed.at(-1) ?? 0) - (needed[0] ?? 0) + 1) * cellBytes;
  return new HoldfastError('unavailable', `segment ${segmentName(id)} cannot be read at bytes ${offset} to ${offset + length}: ${usableShards} of the ${layout.k} shards it takes are there and right`, {
    code: 'segment-unreadable',
    hint: 'Bring the missing disks back, or run `holdfast rebuild` to fetch it from the backup.',
    context: { segment: segmentName(id), offset, length, usableShards, neededShards: layout.k },
  });
}
