// Puts answers together in the reply area: begin(), then fields, then finish() writes the header and gives the length.
// One writer serves all answers, so an answer is sent before the next begins. Field order is that of <linux/fuse.h>.
import { assert } from '../base/assert.js';
import { type FileOffset, highWord, lowWord } from '../base/file-offset.js';
import type { Inode } from '../skeleton/contract.js';
import { outHeaderBytes } from './protocol.js';

const two32 = 4_294_967_296;
/** st_blksize: what stdio buffers by; also the unit of the kernel's pages. */
const blockBytes = 4096;

/** STATX_BASIC_STATS and STATX_BTIME. */
const statxMask = 0xfff;

/** How long the kernel may believe an answer. */
export interface Validity {
  readonly sec: number;
  readonly nsec: number;
}

export class ReplyWriter {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  #at = outHeaderBytes;

  constructor(area: Buffer) {
    this.#bytes = area;
    this.#words = new Uint32Array(area.buffer, area.byteOffset, Math.floor(area.length / 4));
  }

  begin(): void {
    this.#at = outHeaderBytes;
  }

  /** Bytes after the header so far. */
  get bodyBytes(): number {
    return this.#at - outHeaderBytes;
  }

  /** Header of an answer whose data pieces (`dataBytes`) are sent from elsewhere. Gives the bytes to send from the area. */
  finish(unique: number, dataBytes = 0): number {
    this.#header(this.#at + dataBytes, 0, unique);
    return this.#at;
  }

  /** An answer without a body: errno 0 is success. */
  status(unique: number, errno: number): number {
    this.#header(outHeaderBytes, errno === 0 ? 0 : -errno, unique);
    return outHeaderBytes;
  }

  u32(value: number): void {
    this.#words[this.#at >>> 2] = value;
    this.#at += 4;
  }

  /** Whole numbers within +-2^53; negative ones as two's complement. */
  u64(value: number): void {
    assert(Number.isSafeInteger(value), 'a 64-bit field is a whole number');
    this.#words[this.#at >>> 2] = value % two32;
    this.#words[(this.#at >>> 2) + 1] = Math.floor(value / two32);
    this.#at += 8;
  }

  fileOffset(value: FileOffset): void {
    this.#words[this.#at >>> 2] = lowWord(value);
    this.#words[(this.#at >>> 2) + 1] = highWord(value);
    this.#at += 8;
  }

  /** Zeros up to the next multiple of eight. */
  align(): void {
    while (this.#at % 8 !== 0) this.#bytes[this.#at++] = 0;
  }

  /** `bytes` is a small multiple of four: a loop is faster than a call of fill(). */
  zeros(bytes: number): void {
    for (let i = 0; i < bytes; i += 4) this.u32(0);
  }

  /** struct fuse_attr. */
  attr(inode: Inode): void {
    this.u64(inode.ino);
    this.fileOffset(inode.size);
    this.u64(Math.ceil(inode.allocated / 512));
    this.u64(inode.atime.sec);
    this.u64(inode.mtime.sec);
    this.u64(inode.ctime.sec);
    this.u32(inode.atime.nsec);
    this.u32(inode.mtime.nsec);
    this.u32(inode.ctime.nsec);
    this.u32(inode.mode);
    this.u32(inode.nlink);
    this.u32(inode.uid);
    this.u32(inode.gid);
    this.u32(inode.rdev);
    this.u32(blockBytes);
    this.u32(0);
  }

  /** struct fuse_attr_out. */
  attrOut(inode: Inode, validity: Validity): void {
    this.u64(validity.sec);
    this.u32(validity.nsec);
    this.u32(0);
    this.attr(inode);
  }

  /** struct fuse_statx_out: the basic fields and when the inode was made. */
  statxOut(inode: Inode, validity: Validity): void {
    this.u64(validity.sec);
    this.u32(validity.nsec);
    this.zeros(20);
    this.u32(statxMask);
    this.u32(blockBytes);
    this.u64(0);
    this.u32(inode.nlink);
    this.u32(inode.uid);
    this.u32(inode.gid);
    this.u32(inode.mode);
    this.u64(inode.ino);
    this.fileOffset(inode.size);
    this.u64(Math.ceil(inode.allocated / 512));
    this.u64(0);
    for (const { sec, nsec } of [inode.atime, inode.btime, inode.ctime, inode.mtime]) {
      this.u64(sec);
      this.u32(nsec);
      this.u32(0);
    }
    // As the kernel packs rdev for the protocol (new_encode_dev).
    this.u32((inode.rdev >>> 8) & 0xfff);
    this.u32((inode.rdev & 0xff) | ((inode.rdev >>> 12) & 0xfff00));
    this.zeros(8 + 14 * 8);
  }

  /** struct fuse_entry_out. Inode numbers are never reused, so the generation stays 0. */
  entryOut(inode: Inode, entry: Validity, attributes: Validity): void {
    this.u64(inode.ino);
    this.u64(0);
    this.u64(entry.sec);
    this.u64(attributes.sec);
    this.u32(entry.nsec);
    this.u32(attributes.nsec);
    this.attr(inode);
  }

  /** struct fuse_open_out. */
  openOut(handle: number, flags: number): void {
    this.u64(handle);
    this.u32(flags);
    this.u32(0);
  }

  /** struct fuse_dirent with its name, [start, end) of `names`, and padding. */
  dirent(ino: number, cookie: number, mode: number, names: Buffer, start: number, end: number): void {
    this.u64(ino);
    this.u64(cookie);
    this.u32(end - start);
    this.u32((mode & 0o170000) >>> 12);
    // A call into the runtime costs more than a short name.
    for (let at = start; at < end; at++) this.#bytes[this.#at++] = names[at] ?? 0;
    this.align();
  }

  #header(length: number, error: number, unique: number): void {
    const words = this.#words;
    words[0] = length;
    words[1] = error;
    words[2] = unique % two32;
    words[3] = Math.floor(unique / two32);
  }
}

/** Milliseconds as the kernel takes them. */
export function validityOf(ms: number): Validity {
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.floor((ms - sec * 1000) * 1_000_000) };
}
