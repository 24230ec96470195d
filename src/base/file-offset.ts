// Places in files, and sizes of files, exact over all that Linux knows: 0 to 2^63 - 1. JavaScript's numbers are exact up to 2^53 - 1,
// and nearly every file ends before: so a value is a number where a number is exact, and a bigint elsewhere. It has this one form
// only (canonical), so `===`, `<` and `>` compare values as they are; sums and differences are made here, plain numbers first.
// Bytes of one request, one answer or one extent are bounded far below and stay numbers.
import { assert } from './assert.js';
import { fileBytesMax } from './limits.js';

export type FileOffset = number | bigint;

/** The same through JSON, and out of a database row: a number, or its digits where a number would not be exact. */
export type PlainOffset = number | string;

const two32 = 2 ** 32;
/** The high word of 2^53. */
const wideHighWord = 0x20_0000;

export function isCanonical(value: FileOffset): boolean {
  return typeof value === 'number' ? Number.isSafeInteger(value) : !isExactAsNumber(value);
}

/** No file reaches as far as this. */
export function pastLargestFile(end: FileOffset): boolean {
  return typeof end === 'bigint' && end > fileBytesMax;
}

export function add(a: FileOffset, b: FileOffset): FileOffset {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return canonical(widened(a) + widened(b));
}

/** a - b; may be negative. */
export function subtract(a: FileOffset, b: FileOffset): FileOffset {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return canonical(widened(a) - widened(b));
}

export function smaller(a: FileOffset, b: FileOffset): FileOffset {
  if (typeof a === 'number' && typeof b === 'number') return Math.min(a, b);
  return a < b ? a : b;
}

export function larger(a: FileOffset, b: FileOffset): FileOffset {
  if (typeof a === 'number' && typeof b === 'number') return Math.max(a, b);
  return a > b ? a : b;
}

/** end - from, for places that are near to each other: in one extent, one answer. May be negative. */
export function bytesBetween(from: FileOffset, end: FileOffset): number {
  if (typeof from === 'number' && typeof end === 'number') return end - from;
  const bytes = subtract(end, from);
  assert(typeof bytes === 'number', `${from} and ${end} are near to each other`);
  return bytes;
}

/** As many bytes from `from` on as lie before `end`, at most `most`; 0 when there are none. */
export function bytesBefore(end: FileOffset, from: FileOffset, most: number): number {
  if (typeof end === 'number' && typeof from === 'number') return Math.max(0, Math.min(end - from, most));
  const bytes = subtract(end, from);
  if (bytes >= most) return most;
  return typeof bytes === 'number' && bytes > 0 ? bytes : 0;
}

// ---- two words of 32 bits -------------------------------------------------------------------

/** An unsigned number of 64 bits: may lie past the largest file. */
export function fromWords(low: number, high: number): FileOffset {
  if (high < wideHighWord) return high * two32 + low;
  return (BigInt(high) << 32n) | BigInt(low);
}

export function lowWord(value: FileOffset): number {
  return typeof value === 'number' ? value % two32 : Number(value & 0xffff_ffffn);
}

export function highWord(value: FileOffset): number {
  return typeof value === 'number' ? Math.floor(value / two32) : Number(value >> 32n);
}

// ---- plain ----------------------------------------------------------------------------------

export function toPlain(value: FileOffset): PlainOffset {
  return typeof value === 'number' ? value : value.toString();
}

export function fromPlain(value: PlainOffset): FileOffset {
  return typeof value === 'number' ? value : canonical(BigInt(value));
}

function canonical(value: bigint): FileOffset {
  return isExactAsNumber(value) ? Number(value) : value;
}

function widened(value: FileOffset): bigint {
  assert(isCanonical(value), `${value} is in its one form`);
  return BigInt(value);
}

function isExactAsNumber(value: bigint): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
}
