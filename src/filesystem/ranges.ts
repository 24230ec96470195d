// Ranges of a file: fallocate and lseek. Extents are all there is: what lies under none is a hole, also after a
// preallocation (for which space is only checked). Long work goes in slices of `rowsPerTurnMax` extents, each of
// which starts anew from what is there then; the kernel's inode lock keeps other writers out of the range meanwhile.
import { add, bytesBetween, type FileOffset, larger, pastLargestFile, smaller, subtract } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { Inode } from '../skeleton/contract.js';
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
        return this.#preallocate(ino, offset, length, mode === 0);
      case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
      case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
        return this.#clear(ino, offset, length, 0);
      case FALLOC_FL_ZERO_RANGE:
        return this.#clear(ino, offset, length, add(offset, length));
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

  #preallocate(ino: Ino, offset: FileOffset, length: FileOffset, extends_: boolean): void {
    const state = this.#state;
    const inode = regularFile(state, ino);
    if (subtract(length, this.#allocatedIn(inode, offset, length)) > state.volume.space().freeBytes) fail(ENOSPC);
    const now = state.now();
    const end = add(offset, length);
    if (extends_ && end > inode.size) state.apply({ type: 'truncate', ino, size: end, time: now });
    else state.apply({ type: 'attribute', ino, ctime: now });
  }

  /** Bytes of the range that extents cover; of a range with very many, only the first are counted. */
  #allocatedIn(inode: Inode, offset: FileOffset, length: FileOffset): number {
    const end = add(offset, length);
    let bytes = 0;
    for (const extent of this.#state.view.extents(inode.content, offset, length, rowsPerTurnMax)) {
      bytes += bytesBetween(larger(extent.offset, offset), smaller(add(extent.offset, extent.length), end));
    }
    return bytes;
  }

  /** Makes the range a hole, slice by slice, then grows the file to `sizeMin`. */
  #clear(ino: Ino, offset: FileOffset, length: FileOffset, sizeMin: FileOffset): Answer<void> {
    const state = this.#state;
    const inode = regularFile(state, ino);
    const rest = subtract(smaller(add(offset, length), inode.size), offset);
    const slice = rest > 0 ? this.#slice(inode, offset, rest) : 0;
    const now = state.now();
    if (slice > 0) state.apply({ type: 'punch', ino, offset, length: slice, time: now });
    if (slice < rest) return this.#goOnClearing(ino, add(offset, slice), subtract(length, slice), sizeMin);
    if (sizeMin > inode.size) state.apply({ type: 'truncate', ino, size: sizeMin, time: now });
    else if (slice === 0) state.apply({ type: 'attribute', ino, mtime: now, ctime: now });
  }

  async #goOnClearing(ino: Ino, offset: FileOffset, length: FileOffset, sizeMin: FileOffset): Promise<void> {
    const { volume } = this.#state;
    await volume.clock.turn();
    // The first slice was admitted by the caller; the later ones ask here.
    for (let wait = volume.admit(0, true); wait !== null; wait = volume.admit(0, true)) await wait;
    this.#state.checkWritable();
    return this.#clear(ino, offset, length, sizeMin);
  }

  /** How much of the range one turn may clear. */
  #slice(inode: Inode, offset: FileOffset, length: FileOffset): FileOffset {
    const view = this.#state.view;
    if (view.extentCount(inode.content, offset, length, rowsPerTurnMax + 1) <= rowsPerTurnMax) return length;
    const last = view.extents(inode.content, offset, length, rowsPerTurnMax).at(-1);
    return last === undefined ? length : subtract(add(last.offset, last.length), offset);
  }

  #seekData(inode: Inode, offset: FileOffset): FileOffset {
    const first = this.#state.view.extents(inode.content, offset, subtract(inode.size, offset), 1)[0];
    return first === undefined ? fail(ENXIO) : larger(first.offset, offset);
  }

  #seekHole(inode: Inode, offset: FileOffset): Answer<FileOffset> {
    let at = offset;
    const found = this.#state.view.extents(inode.content, at, subtract(inode.size, at), rowsPerTurnMax);
    for (const extent of found) {
      if (extent.offset > at) return at;
      at = add(extent.offset, extent.length);
    }
    if (found.length < rowsPerTurnMax || at >= inode.size) return smaller(at, inode.size);
    return this.#state.volume.clock.turn().then(() => this.#goOnSeekingHole(inode.ino, at));
  }

  #goOnSeekingHole(ino: Ino, offset: FileOffset): Answer<FileOffset> {
    const inode = this.#state.inode(ino);
    // Truncated meanwhile: what was data up to here ends here.
    return offset >= inode.size ? inode.size : this.#seekHole(inode, offset);
  }
}

function regularFile(state: FileSystemState, ino: Ino): Inode {
  const inode = state.inode(ino);
  if (isDirectory(inode.mode)) fail(EISDIR);
  if (!isRegular(inode.mode)) fail(EINVAL);
  return inode;
}
