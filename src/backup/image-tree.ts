// An image's tree in memory: where each chunk and leaf is. A value: a publication builds the next tree beside the last one,
// which stays true until the new one is durable.
import { imageChunkBytes } from '../base/limits.js';
import { chunksPerLeaf, type PackUse } from '../format/image-node.js';
import type { PieceReference } from '../format/image-pack.js';
import type { ImageReference } from './contract.js';

export interface ImageTree {
  /** null: no image, nothing to build on. */
  readonly image: ImageReference | null;
  readonly chunks: readonly PieceReference[];
  readonly leaves: readonly PieceReference[];
  /** Every pack that chunks, leaves or the root node lie in. */
  readonly packs: ReadonlyMap<string, PackUse>;
}

export const emptyTree: ImageTree = { image: null, chunks: [], leaves: [], packs: new Map() };

export function chunkCount(bytes: number): number {
  return Math.ceil(bytes / imageChunkBytes);
}

export function chunkBytes(databaseBytes: number, chunk: number): number {
  return Math.min(imageChunkBytes, databaseBytes - chunk * imageChunkBytes);
}

export function leafOf(chunk: number): number {
  return Math.floor(chunk / chunksPerLeaf);
}

/** What each pack still holds for these pieces; sizes come from what is known of the packs. */
export function packUse(pieces: Iterable<PieceReference>, sizes: (pack: string) => number): Map<string, PackUse> {
  const live = new Map<string, number>();
  for (const { pack, length } of pieces) live.set(pack, (live.get(pack) ?? 0) + length);
  return new Map([...live].map(([pack, bytes]) => [pack, { bytes: Math.max(bytes, sizes(pack)), live: bytes }]));
}

/** Below this live share a pack is emptied by later publications. */
const liveShareMin = 0.3;
/** With more packs than this the smallest are merged: a database that only grows never makes dead bytes. */
const packsMax = 128;
/** Live bytes that one publication moves at most (one pack may always go): bounds what a small change costs. */
const movedBytesMax = 4 * 1024 * 1024;

/** Packs whose live pieces the next publication writes anew, so that the packs can go. */
export function packsToEmpty(packs: ReadonlyMap<string, PackUse>): ReadonlySet<string> {
  const smallestFirst = [...packs].sort(([nameA, a], [nameB, b]) => a.live - b.live || (nameA < nameB ? -1 : 1));
  const excess = smallestFirst.length > packsMax ? smallestFirst.length - packsMax / 2 : 0;
  const chosen = new Set<string>();
  let moved = 0;
  for (const [position, [name, use]] of smallestFirst.entries()) {
    if (position >= excess && use.live >= use.bytes * liveShareMin) continue;
    if (chosen.size > 0 && moved + use.live > movedBytesMax) continue;
    chosen.add(name);
    moved += use.live;
  }
  return chosen;
}
