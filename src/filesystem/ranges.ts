// Ranges of a file: fallocate and lseek. Extents are all there is: what lies under none is a hole, and so is what is only
// preallocated (an unwritten extent). Long work goes in slices of `rowsPerTurnMax` extents, each of
// which starts anew from what is there then; the kernel's inode lock keeps other writers out of the range meanwhile.
import { add, type FileOffset, larger, pastLargestFile, smaller, subtract } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import { type Extent, type Inode, unwritten } from '../skeleton/contract.js';
import { bytesUnder } from '../skeleton/extent-bytes.js';
import type { Answer, Caller } from './contract.js';
import { EFBIG, EINVAL, EISDIR, ENOSPC, ENXIO, EOPNOTSUPP, fail } from './errno.js';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, isDirectory, isRegular, SEEK_DATA, SEEK_HOLE } from './posix.js';
import { dropPrivilegesOfCaller } from './privileges.js';
import type { FileSystemState } from './state.js';

const supportedModes: ReadonlySet<number> = new Set([
  0,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_ZERO_RANGE,
]);

/** Rows looked at in one turn for the first one that is not only preallocated. */
const rowsPerLook = 64;

export class RangeOperations {
  readonly #state: FileSystemState;

  constructor(state: FileSystemState) {
    this.#state = state;
  }

  fallocate(ino: Ino, offset: FileOffset, length: FileOffset, mode: number, caller: Caller): Answer<void> {
    this.#state.checkWritable();
    if (offset < 0 || length <= 0) fail(EINVAL);
    if (pastLargestFile(add(offset, length))) fail(EFBIG);
    if (!supportedModes.has(mode)) fail(EOPNOTSUPP);
    regularFile(this.#state, ino);
    this.#state.changed(ino);
    dropPrivilegesOfCaller(this.#state, caller, ino);
    switch (mode) {
      case 0:
      case FALLOC_FL_KEEP_SIZE:
        return this.#preallocate(ino, offset, length, mode === 0 ? add(offset, length) : 0);
      case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
        return this.#clear(ino, offset, length);
      case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
        return this.#zero(ino, offset, length, 0);
      case FALLOC_FL_ZERO_RANGE:
        return this.#zero(ino, offset, length, add(offset, length));
      default:
        return fail(EOPNOTSUPP);
    }
  }

  lseek(ino: Ino, offset: FileOffset, whence: number): Answer<FileOffset> {
    const inode = this.#state.inode(ino);
    if (isDirectory(inode.mode)) fail(EISDIR);
    if (offset < 0 || offset >= inode.size) fail(ENXIO);
    if (whence === SEEK_DATA) return this.#seekData(inode, offset);
    if (whence === SEEK_HOLE) return this.#seekHole(inode, offset);
    return fail(EINVAL);
  }

  /** Keeps room for the holes of the range, slice by slice, then grows the file to `sizeMin`. ENOSPC leaves what earlier slices kept. */
  #preallocate(ino: Ino, offset: FileOffset, length: FileOffset, sizeMin: FileOffset): Answer<void> {
    const state = this.#state;
    const inode = regularFile(state, ino);
    const slice = this.#slice(inode, offset, length);
    const lacking = this.#untilRoom(subtract(slice, bytesUnder(this.#extents(inode, offset, slice), offset, slice)), () => this.#preallocate(ino, offset, length, sizeMin));
    if (lacking !== null) return lacking;
    const now = state.now();
    state.apply({ type: 'preallocate', ino, offset, length: slice, time: now });
    if (slice < length) return this.#nextSlice(() => this.#preallocate(ino, add(offset, slice), subtract(length, slice), sizeMin));
    if (sizeMin > inode.size) state.apply({ type: 'truncate', ino, size: sizeMin, time: now });
  }

  /** Extents of the range; of very many only the first. */
  #extents(inode: Inode, offset: FileOffset, length: FileOffset): readonly Extent[] {
    return this.#state.view.extents(inode.content, offset, length, rowsPerTurnMax);
  }

  /** What is there goes, and room is kept for all of it. */
  #zero(ino: Ino, offset: FileOffset, length: FileOffset, sizeMin: FileOffset): Answer<void> {
    const inode = regularFile(this.#state, ino);
    const kept = bytesUnder(this.#extents(inode, offset, length).filter((extent) => extent.segment === unwritten), offset, length);
    // What goes gives its room back only later.
    const lacking = this.#untilRoom(subtract(length, kept), () => this.#zero(ino, offset, length, sizeMin));
    if (lacking !== null) return lacking;
    const cleared = this.#clear(ino, offset, length);
    const keep = (): Answer<void> => this.#preallocate(ino, offset, length, sizeMin);
    return cleared === undefined ? keep() : cleared.then(keep);
  }

  /** Makes the range a hole, slice by slice. */
  #clear(ino: Ino, offset: FileOffset, length: FileOffset): Answer<void> {
    const state = this.#state;
    const inode = regularFile(state, ino);
    const rest = subtract(this.#endOf(inode, offset, length), offset);
    const slice = rest > 0 ? this.#slice(inode, offset, rest) : 0;
    const now = state.now();
    if (slice > 0) state.apply({ type: 'punch', ino, offset, length: slice, time: now });
    else state.apply({ type: 'attribute', ino, mtime: now, ctime: now });
    if (slice < rest) return this.#nextSlice(() => this.#clear(ino, add(offset, slice), subtract(length, slice)));
  }

  /** Where the range ends; without what lies past the end of the file, if no room is kept there. */
  #endOf(inode: Inode, offset: FileOffset, length: FileOffset): FileOffset {
    const end = add(offset, length);
    if (end <= inode.size) return end;
    const past = larger(offset, inode.size);
    return this.#state.view.extentCount(inode.content, past, subtract(end, past), 1) > 0 ? end : inode.size;
  }

  /** How much of the range one turn may change. */
  #slice(inode: Inode, offset: FileOffset, length: FileOffset): FileOffset {
    const view = this.#state.view;
    if (view.extentCount(inode.content, offset, length, rowsPerTurnMax + 1) <= rowsPerTurnMax) return length;
    const last = this.#extents(inode, offset, length).at(-1);
    return last === undefined ? length : subtract(add(last.offset, last.length), offset);
  }

  /** null: there is room. Otherwise tries again when what was deleted has given some back; ENOSPC where nothing will. */
  #untilRoom(bytes: FileOffset, again: () => Answer<void>): Promise<void> | null {
    const { volume } = this.#state;
    const { freeBytes, totalBytes } = volume.space();
    if (bytes <= freeBytes) return null;
    const wait = bytes > totalBytes ? null : volume.roomFor(bytes);
    return wait === null ? fail(ENOSPC) : this.#nextSlice(again, wait);
  }

  /** The next slice of a change, in a turn of its own. The first one was admitted by the caller; the later ones ask here. */
  async #nextSlice(slice: () => Answer<void>, before: Promise<void> = this.#state.volume.clock.turn()): Promise<void> {
    const { volume } = this.#state;
    await before;
    for (let wait = volume.admit(0, true); wait !== null; wait = volume.admit(0, true)) await wait;
    this.#state.checkWritable();
    return slice();
  }

  async #goOnSeeking(ino: Ino, seek: (now: Inode) => Answer<FileOffset>): Promise<FileOffset> {
    await this.#state.volume.clock.turn();
    return seek(this.#state.inode(ino));
  }

  #seekData(inode: Inode, offset: FileOffset): Answer<FileOffset> {
    const found = this.#state.view.extents(inode.content, offset, subtract(inode.size, offset), rowsPerLook);
    const first = found.find((extent) => extent.segment !== unwritten);
    if (first !== undefined) return larger(first.offset, offset);
    const last = found.at(-1);
    if (last === undefined || found.length < rowsPerLook) return fail(ENXIO);
    const at = add(last.offset, last.length);
    return this.#goOnSeeking(inode.ino, (now) => (at < now.size ? this.#seekData(now, at) : fail(ENXIO)));
  }

  #seekHole(inode: Inode, offset: FileOffset): Answer<FileOffset> {
    let at = offset;
    const found = this.#extents(inode, at, subtract(inode.size, at));
    for (const extent of found) {
      if (extent.offset > at || extent.segment === unwritten) return at;
      at = add(extent.offset, extent.length);
    }
    if (found.length < rowsPerTurnMax || at >= inode.size) return smaller(at, inode.size);
    // Truncated meanwhile: what was data up to here ends here.
    return this.#goOnSeeking(inode.ino, (now) => (at < now.size ? this.#seekHole(now, at) : now.size));
  }
}

function regularFile(state: FileSystemState, ino: Ino): Inode {
  const inode = state.inode(ino);
  if (isDirectory(inode.mode)) fail(EISDIR);
  if (!isRegular(inode.mode)) fail(EINVAL);
  return inode;
}
