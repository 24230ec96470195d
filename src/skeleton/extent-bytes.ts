// How much of a range lies under extents.
import { add, bytesBetween, type FileOffset, larger, smaller } from '../base/file-offset.js';
import type { Extent } from './contract.js';

/** Bytes of [offset, offset + length) that these extents, which overlap the range, cover. */
export function bytesUnder(extents: readonly Extent[], offset: FileOffset, length: FileOffset): number {
  const end = add(offset, length);
  return extents.reduce((sum, extent) => sum + bytesBetween(larger(extent.offset, offset), smaller(add(extent.offset, extent.length), end)), 0);
}
