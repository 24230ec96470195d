// CRC32C and page-aligned memory of the addon: synchronous, for small things.
import { addon } from './addon.js';

/** CRC-32C (Castagnoli, reflected, RFC 3720), continued from `seed` (0 to begin): crc32c(b, crc32c(a)) = crc32c(a ++ b). */
export function crc32c(data: Uint8Array, seed = 0): number {
  return addon.crc32c(data, seed);
}

/**
 * Compares the cells [firstCell, firstCell + data.length / cellBytes) with their entries of the table (`table` holds
 * just these entries). Gives the absolute numbers of those that do not match.
 */
export function verifyCells(data: Uint8Array, table: Uint8Array, firstCell: number, seed: number): readonly number[] {
  return addon.verifyCells(data, table, firstCell, seed);
}

/** Zeroed, page-aligned memory outside the V8 heap, fit for O_DIRECT; freed when the Buffer is collected. */
export function alignedBuffer(bytes: number): Buffer {
  return addon.alignedBuffer(bytes);
}
