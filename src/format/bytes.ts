// Little-endian writers and readers of the formats on disk. The writer grows one Buffer and asserts what it is given
// (a wrong value is a bug); the reader checks every bound and throws 'corrupt' with the code of its format, whatever the bytes.
// 64-bit values are written as numbers: beyond Number.MAX_SAFE_INTEGER is refused on both sides, for all but places in files.
import { assert } from '../base/assert.js';
import type { Timespec } from '../base/clock.js';
import { type FileOffset, fromWords, highWord, isCanonical, lowWord, pastLargestFile } from '../base/file-offset.js';
import { HoldfastError } from '../base/errors.js';

const TWO_32 = 2 ** 32;
const HEX = /^[0-9a-f]*$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const uuidBytes = 16;

export class ByteWriter {
  #buffer: Buffer;
  /** Bytes written so far. May be set back to undo. */
  length = 0;

  constructor(initialBytes: number) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  /** What was written: a view that the next write may leave behind. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  u8(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, `u8: ${value}`);
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }

  u16(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, `u16: ${value}`);
    const at = this.#grow(2);
    this.#buffer.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value < TWO_32, `u32: ${value}`);
    const at = this.#grow(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `u64: ${value}`);
    const at = this.#grow(8);
    this.#buffer.writeUInt32LE(value % TWO_32, at);
    this.#buffer.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
  }

  /** As u64, up to the largest file. */
  fileOffset(value: FileOffset): void {
    if (typeof value === 'number') return this.u64(value);
    assert(isCanonical(value) && value > 0 && !pastLargestFile(value), `place in a file: ${value}`);
    const at = this.#grow(8);
    this.#buffer.writeUInt32LE(lowWord(value), at);
    this.#buffer.writeUInt32LE(highWord(value), at + 4);
  }

  i64(value: number): void {
    assert(Number.isSafeInteger(value), `i64: ${value}`);
    const high = Math.floor(value / TWO_32);
    const at = this.#grow(8);
    this.#buffer.writeUInt32LE(value - high * TWO_32, at);
    this.#buffer.writeInt32LE(high, at + 4);
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  time(value: Timespec): void {
    assert(Number.isInteger(value.nsec) && value.nsec >= 0 && value.nsec < 1e9, `nanoseconds: ${value.nsec}`);
    this.i64(value.sec);
    this.u32(value.nsec);
  }

  /** The bytes alone; their length is known from elsewhere. */
  raw(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
  }

  zeros(count: number): void {
    const at = this.#grow(count);
    this.#buffer.fill(0, at, at + count);
  }

  /** A u8 length and 0..255 bytes. */
  bytes8(value: Uint8Array): void {
    this.u8(value.length);
    this.raw(value);
  }

  /** A u16 length and the bytes. */
  bytes16(value: Uint8Array): void {
    this.u16(value.length);
    this.raw(value);
  }

  /** A u32 length and the bytes. */
  bytes32(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
  }

  /** Lower-case hex digits, an even number of them. */
  hex(value: string, bytes: number): void {
    assert(value.length === bytes * 2 && HEX.test(value), `hex of ${bytes} bytes: ${value}`);
    const at = this.#grow(bytes);
    this.#buffer.write(value, at, 'hex');
  }

  uuid(value: string): void {
    assert(UUID.test(value), `uuid: ${value}`);
    this.hex(value.replaceAll('-', ''), uuidBytes);
  }

  #grow(bytes: number): number {
    const at = this.length;
    const end = at + bytes;
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.length = end;
    return at;
  }
}

export class ByteReader {
  readonly #buffer: Buffer;
  readonly #code: string;
  readonly #subject: string;
  #at = 0;

  /** `code` and `subject` name the format and the thing in errors: ('record-malformed', 'journal record'). */
  constructor(buffer: Buffer, code: string, subject: string) {
    this.#buffer = buffer;
    this.#code = code;
    this.#subject = subject;
  }

  get position(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#buffer.length - this.#at;
  }

  /** The error to throw when the bytes cannot be what they should. */
  malformed(what: string): HoldfastError {
    return new HoldfastError('corrupt', `${this.#subject}: ${what} at byte ${this.#at}`, { code: this.#code, context: { at: this.#at } });
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  u64(): number {
    const at = this.#take(8);
    const high = this.#buffer.readUInt32LE(at + 4);
    if (high >= 0x20_0000) throw this.malformed('number above 2^53');
    return high * TWO_32 + this.#buffer.readUInt32LE(at);
  }

  fileOffset(): FileOffset {
    const at = this.#take(8);
    const value = fromWords(this.#buffer.readUInt32LE(at), this.#buffer.readUInt32LE(at + 4));
    if (pastLargestFile(value)) throw this.malformed('place in a file above 2^63 - 1');
    return value;
  }

  i64(): number {
    const at = this.#take(8);
    const value = this.#buffer.readInt32LE(at + 4) * TWO_32 + this.#buffer.readUInt32LE(at);
    if (!Number.isSafeInteger(value)) throw this.malformed('number beyond 2^53');
    return value;
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw this.malformed(`boolean ${value}`);
    return value === 1;
  }

  time(): Timespec {
    const sec = this.i64();
    const nsec = this.u32();
    if (nsec >= 1e9) throw this.malformed(`nanoseconds ${nsec}`);
    return { sec, nsec };
  }

  /** A view into the buffer read from. */
  raw(bytes: number): Buffer {
    const at = this.#take(bytes);
    return this.#buffer.subarray(at, at + bytes);
  }

  zeros(count: number): void {
    for (const byte of this.raw(count)) if (byte !== 0) throw this.malformed('reserved byte that is not zero');
  }

  bytes8(): Buffer {
    return this.raw(this.u8());
  }

  bytes16(): Buffer {
    return this.raw(this.u16());
  }

  bytes32(): Buffer {
    return this.raw(this.u32());
  }

  hex(bytes: number): string {
    return this.raw(bytes).toString('hex');
  }

  uuid(): string {
    const h = this.hex(uuidBytes);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
  }

  /** A count of things of at least `bytesEach` bytes: more than can follow is refused before anything is allocated. */
  count(bytesEach: number): number {
    const count = this.u32();
    if (count * bytesEach > this.remaining) throw this.malformed(`count ${count} with ${this.remaining} bytes left`);
    return count;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.remaining !== 0) throw this.malformed(`${this.remaining} bytes too many`);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#buffer.length - at) throw this.malformed(`${bytes} bytes expected, ${this.#buffer.length - at} left`);
    this.#at = at + bytes;
    return at;
  }
}
