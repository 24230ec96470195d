// Reads the fields of one request out of its slot. One reader serves all requests: attach() moves it.
// Whatever the bytes are, nothing here reads outside the request or throws; a number past 2^53 - 1 reads as Infinity, unless it is a place in a file.
import { type FileOffset, fromWords } from '../base/file-offset.js';
import { inHeaderBytes } from './protocol.js';

const two32 = 4_294_967_296;
const slash = 0x2f;
const dot = 0x2e;

export class RequestReader {
  opcode = 0;
  /** Names the request in its answer. The kernel counts it up by two from zero; INTERRUPT's own has bit 0 set. */
  unique = 0;
  nodeId = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  /** Bytes after the header. */
  bodyBytes = 0;
  /** Bytes of SETXATTR before the name: 16 where FUSE_SETXATTR_EXT was agreed. */
  setxattrBytes: 8 | 16 = 8;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  #body = 0;

  /** `bytes` holds all slots and starts at a multiple of four in its ArrayBuffer. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  }

  /**
   * Moves to the request of `length` bytes at `offset` (a multiple of four).
   * 'answerable': the header lies about the length, but `unique` is known. 'unusable': not even that.
   */
  attach(offset: number, length: number): 'whole' | 'answerable' | 'unusable' {
    this.#body = offset + inHeaderBytes;
    this.bodyBytes = Math.max(0, length - inHeaderBytes);
    if (length < 16) return 'unusable';
    this.opcode = this.#word(offset + 4);
    this.unique = this.#long(offset + 8);
    if (this.unique === Number.POSITIVE_INFINITY) return 'unusable';
    if (length < inHeaderBytes || this.#word(offset) !== length) return 'answerable';
    this.nodeId = this.#long(offset + 16);
    this.uid = this.#word(offset + 24);
    this.gid = this.#word(offset + 28);
    this.pid = this.#word(offset + 32);
    // Extensions (total_extlen, in units of eight bytes) lie behind the body; none is asked for.
    const extensionBytes = (this.#word(offset + 36) & 0xffff) * 8;
    if (extensionBytes > this.bodyBytes) return 'answerable';
    this.bodyBytes -= extensionBytes;
    return 'whole';
  }

  /** Field at `at` of the body; 0 past its end. Callers check bodyBytes first. */
  u32(at: number): number {
    return at + 4 <= this.bodyBytes ? this.#word(this.#body + at) : 0;
  }

  u64(at: number): number {
    return at + 8 <= this.bodyBytes ? this.#long(this.#body + at) : 0;
  }

  /** All 64 bits count, as unsigned. */
  fileOffset(at: number): FileOffset {
    return at + 8 <= this.bodyBytes ? fromWords(this.#word(this.#body + at), this.#word(this.#body + at + 4)) : 0;
  }

  /** Two's complement; NaN outside +-2^53. */
  i64(at: number): number {
    if (at + 8 > this.bodyBytes) return 0;
    const value = (this.#word(this.#body + at + 4) | 0) * two32 + this.#word(this.#body + at);
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }

  /** Length of the NUL-terminated string at `at`; -1 when it has no end in the body. */
  stringLength(at: number): number {
    const start = this.#body + at;
    const end = this.#body + this.bodyBytes;
    for (let i = start; i < end; i++) if (this.#bytes[i] === 0) return i - start;
    return -1;
  }

  /** True when [at, at + length) could be a file name: no '/', not '.', not '..', not empty. */
  isName(at: number, length: number): boolean {
    const start = this.#body + at;
    if (length === 0) return false;
    if (length <= 2 && this.#bytes[start] === dot && (length === 1 || this.#bytes[start + 1] === dot)) return false;
    for (let i = start; i < start + length; i++) if (this.#bytes[i] === slash) return false;
    return true;
  }

  /** True when the rest of the body is '.' or '..' and its end. */
  isDots(at: number): boolean {
    const length = this.stringLength(at);
    if ((length !== 1 && length !== 2) || this.bodyBytes !== at + length + 1) return false;
    const start = this.#body + at;
    return this.#bytes[start] === dot && this.#bytes[start + length - 1] === dot;
  }

  /** A copy that outlives the slot. */
  copy(at: number, length: number): Buffer {
    const out = Buffer.allocUnsafe(length);
    const start = this.#body + at;
    // A call into the runtime costs more than a short name.
    if (length > 64) this.#bytes.copy(out, 0, start, start + length);
    else for (let i = 0; i < length; i++) out[i] = this.#bytes[start + i] ?? 0;
    return out;
  }

  /** A view into the slot: gone when the slot is. */
  view(at: number, length: number): Buffer {
    return this.#bytes.subarray(this.#body + at, this.#body + at + length);
  }

  #word(offset: number): number {
    return this.#words[offset >>> 2] ?? 0;
  }

  #long(offset: number): number {
    const value = this.#word(offset + 4) * two32 + this.#word(offset);
    return value <= Number.MAX_SAFE_INTEGER ? value : Number.POSITIVE_INFINITY;
  }
}
