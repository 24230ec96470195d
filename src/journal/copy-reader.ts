// Reads one copy of a journal file forward through a window of bounded size, each byte once. What was never written is not
// read at all: the filesystem says where that is. An unreadable place costs small reads around it, a dead disk a few.
import { isErrorOf } from '../base/errors.js';
import { batchAlignBytes } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';

/** Large enough for sequential disks, small enough to hold one for every copy. */
const WINDOW_BYTES = 1024 * 1024;
const zeros = Buffer.alloc(WINDOW_BYTES);
/** So many reads failing one after another: the disk is gone, not a sector. */
const FAILED_READS_MAX = 16;

export class CopyReader {
  /** Size of the file. */
  readonly bytes: number;
  readonly #disk: Disk;
  readonly #path: string;
  #memory: Buffer | null = null;
  #windowAt = 0;
  #windowBytes = 0;
  /** Up to here reads are small: something around is unreadable. */
  #carefulUntil = 0;
  #failures = 0;

  private constructor(disk: Disk, path: string, bytes: number) {
    this.#disk = disk;
    this.#path = path;
    this.bytes = bytes;
  }

  /** null when there is no such file, or the disk does not answer. */
  static async open(disk: Disk, path: string): Promise<CopyReader | null> {
    try {
      const bytes = await disk.size(path);
      return bytes === null ? null : new CopyReader(disk, path, bytes);
    } catch (error) {
      if (isErrorOf(error, 'unavailable')) return null;
      throw error;
    }
  }

  /** Nothing more can be read from it. */
  get gone(): boolean {
    return this.#failures >= FAILED_READS_MAX;
  }

  /** As `read`, without waiting: null when the window does not hold the byte at `offset`. */
  held(offset: number, most: number): Buffer | null {
    const at = offset - this.#windowAt;
    if (this.#memory === null || at < 0 || at >= this.#windowBytes) return null;
    return this.#memory.subarray(at, Math.min(at + most, this.#windowBytes));
  }

  /** From one to `most` bytes at `offset`, as many as the window has; a view that holds until the next call. null when they cannot be read. */
  async read(offset: number, most: number): Promise<Buffer | null> {
    const held = this.held(offset, most);
    if (held !== null || offset >= this.bytes || this.gone) return held;
    const small = Math.min(batchAlignBytes, this.bytes - offset);
    const large = offset < this.#carefulUntil ? small : Math.min(WINDOW_BYTES, this.bytes - offset);
    let read = await this.#fill(offset, large);
    if (!read && large > small) {
      this.#carefulUntil = offset + large;
      read = await this.#fill(offset, small);
    }
    this.#failures = read ? 0 : this.#failures + 1;
    return this.held(offset, most);
  }

  /** Where to look on after `offset`, at which there are only zeros: behind those that are held, and behind what was never written. */
  async afterZeros(offset: number): Promise<number> {
    let end = offset + batchAlignBytes;
    const held = this.held(offset, WINDOW_BYTES);
    if (held?.equals(zeros.subarray(0, held.length)) === true) end = Math.max(end, offset + held.length);
    const data = await this.#nextData(end);
    return data === null ? this.bytes : Math.max(end, Math.floor(data / batchAlignBytes) * batchAlignBytes);
  }

  async #nextData(from: number): Promise<number | null> {
    if (from >= this.bytes) return null;
    try {
      return await this.#disk.nextData(this.#path, from);
    } catch (error) {
      if (isErrorOf(error, 'unavailable', 'missing')) return from; // reading on will tell
      throw error;
    }
  }

  async #fill(offset: number, length: number): Promise<boolean> {
    this.#windowBytes = 0;
    this.#memory ??= Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, this.bytes));
    if (!(await readOrFail(this.#disk, this.#path, offset, this.#memory.subarray(0, length)))) {
      // A read that hangs may still write into it.
      this.#memory = null;
      return false;
    }
    this.#windowAt = offset;
    this.#windowBytes = length;
    return true;
  }
}

export function isZero(block: Buffer): boolean {
  return block.equals(zeros.subarray(0, block.length));
}

/** False: the disk cannot give these bytes now (or the file is too short). */
export async function readOrFail(disk: Disk, path: string, offset: number, into: Buffer): Promise<boolean> {
  try {
    await disk.read(path, offset, into);
    return true;
  } catch (error) {
    if (isErrorOf(error, 'unavailable', 'corrupt', 'missing')) return false;
    throw error;
  }
}
