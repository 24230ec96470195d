// Names, attributes, times and space as the driver fuse-native takes and gives them. Names are bytes and it knows text only: what
// is not UTF-8 arrives with U+FFFD in it, so a text with that character is refused, and a name that no text can stand for is null.
import { constants } from 'node:os';
import type { Timespec } from '../base/clock.js';
import { type FileOffset, highWord, lowWord } from '../base/file-offset.js';
import { type FileSystem, PosixError } from '../filesystem/contract.js';
import type { Inode } from '../skeleton/contract.js';

const { EILSEQ } = constants.errno;
const two32 = 2 ** 32;
const secMax = 2 ** 33 - 1;
const nsecBits = 0x3fffffff;
const utimeNow = nsecBits;
const utimeOmit = nsecBits - 1;
const blockBytes = 4096;
const replacement = '\ufffd';
const statWords = 19;

/** The bytes of a name, a path or a target. Throws EILSEQ. */
export function bytesOf(text: string): Buffer {
  if (text.includes(replacement)) throw new PosixError(EILSEQ, 'EILSEQ: the driver fuse-native takes names in UTF-8 only');
  return Buffer.from(text, 'utf8');
}

/** null: these bytes cannot be given as text and come back the same. */
export function textOf(name: Buffer): string | null {
  const text = name.toString('utf8');
  return text.includes(replacement) ? null : text;
}

/** As native/fuse-native/corrections.h packs it; undefined: leave it alone. */
export function timeOf(low: number, high: number): Timespec | 'now' | undefined {
  const nsec = low & nsecBits;
  if (nsec === utimeNow) return 'now';
  if (nsec === utimeOmit) return undefined;
  return { sec: (high | 0) * 4 + (low >>> 30), nsec };
}

/** The words that become struct stat. */
export function statOf(inode: Inode): Uint32Array {
  const words = new Uint32Array(statWords);
  words[0] = inode.mode;
  words[1] = inode.uid;
  words[2] = inode.gid;
  put(words, 3, inode.size);
  // 5: st_dev is the kernel's.
  words[6] = inode.nlink;
  put(words, 7, inode.ino);
  words[9] = inode.rdev;
  words[10] = blockBytes;
  put(words, 11, Math.ceil(inode.allocated / 512));
  putTime(words, 13, inode.atime);
  putTime(words, 15, inode.mtime);
  putTime(words, 17, inode.ctime);
  return words;
}

/** What a directory tells of an entry: inode and type. */
export function listedStatOf(ino: number, mode: number): Uint32Array {
  const words = new Uint32Array(statWords);
  words[0] = mode;
  put(words, 7, ino);
  return words;
}

export const noStat = new Uint32Array(statWords);

/** The words that become struct statvfs. They have 32 bits, so large volumes are counted in larger blocks. */
export function statvfsOf(space: Awaited<ReturnType<FileSystem['statfs']>>): Uint32Array {
  let scale = 1;
  while (space.blocks / scale >= two32) scale *= 2;
  const blocks = (count: number): number => Math.floor(count / scale);
  const count = (files: number): number => Math.min(files, two32 - 1);
  const block = space.blockBytes * scale;
  const free = blocks(space.blocksFree);
  return Uint32Array.of(block, block, blocks(space.blocks), free, free, count(space.files), count(space.filesFree), count(space.filesFree), 0, 0, space.nameMax);
}

export const noStatvfs = new Uint32Array(11);

function put(words: Uint32Array, at: number, value: FileOffset): void {
  words[at] = lowWord(value);
  words[at + 1] = highWord(value);
}

function putTime(words: Uint32Array, at: number, { sec, nsec }: Timespec): void {
  const kept = Math.max(-secMax - 1, Math.min(sec, secMax));
  words[at] = ((kept & 3) << 30) | nsec;
  words[at + 1] = Math.floor(kept / 4);
}
