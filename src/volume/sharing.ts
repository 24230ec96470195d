// copy_file_range without copying: the target's extents refer to the places that the source's refer to. Nothing is read or
// written, and no space is taken; segments count every reference as alive. All records of one call belong to one turn, and so
// to one group of the journal.
import { assert } from '../base/assert.js';
import type { Timespec } from '../base/clock.js';
import { add, bytesBetween, type FileOffset, larger } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { FileRecord } from '../format/records.js';
import { type Extent, type Inode, type Skeleton, unwritten } from '../skeleton/contract.js';

export interface SharedRange {
  readonly from: Ino;
  readonly fromOffset: FileOffset;
  readonly to: Ino;
  readonly toOffset: FileOffset;
  readonly length: number;
}

/** What is asked, and changed. */
export interface SharedIn {
  readonly skeleton: Skeleton;
  record(record: FileRecord): unknown;
}

/** Rows of the source and of the target that one call touches. */
const extentsPerCall = rowsPerTurnMax / 2;

/** Gives the bytes done. See Volume.share. */
export function shareRange(core: SharedIn, range: SharedRange, time: Timespec): number {
  const { skeleton } = core;
  const source = file(core, range.from);
  const target = file(core, range.to);
  assert(range.length > 0 && add(range.fromOffset, range.length) <= source.size, 'what is shared is there');
  const found = skeleton.extents(source.content, range.fromOffset, range.length, extentsPerCall);
  const length = boundedLength(core, range, target, found);
  let done = 0;
  for (const extent of found) {
    const at = bytesBetween(range.fromOffset, extent.offset);
    const start = Math.max(at, 0);
    const end = Math.min(at + extent.length, length);
    // What is only preallocated is copied as a hole.
    if (start >= end || extent.segment === unwritten) continue;
    clear(core, target, add(range.toOffset, done), start - done, time);
    const segmentOffset = extent.segmentOffset + (start - at);
    core.record({ type: 'share', ino: range.to, offset: add(range.toOffset, start), length: end - start, segment: extent.segment, segmentOffset, time });
    done = end;
  }
  clear(core, target, add(range.toOffset, done), length - done, time);
  // Ends in a hole past the old end, or was nothing but a hole over a hole.
  const size = larger(add(range.toOffset, length), target.size);
  if (done < length && size > target.size) core.record({ type: 'truncate', ino: range.to, size, time });
  else if (done === 0) core.record({ type: 'attribute', ino: range.to, mtime: time, ctime: time });
  return length;
}

/** What one turn may do of it. */
function boundedLength(core: SharedIn, range: SharedRange, target: Inode, found: readonly Extent[]): number {
  const last = found.length < extentsPerCall ? undefined : found.at(-1);
  const length = last === undefined ? range.length : Math.min(range.length, bytesBetween(range.fromOffset, last.offset) + last.length);
  const replaced = core.skeleton.extents(target.content, range.toOffset, length, extentsPerCall);
  const lastReplaced = replaced.length < extentsPerCall ? undefined : replaced.at(-1);
  return lastReplaced === undefined ? length : Math.min(length, bytesBetween(range.toOffset, lastReplaced.offset) + lastReplaced.length);
}

/** The source has a hole there. */
function clear(core: SharedIn, target: Inode, offset: FileOffset, length: number, time: Timespec): void {
  if (length <= 0 || core.skeleton.extentCount(target.content, offset, length, 1) === 0) return;
  core.record({ type: 'punch', ino: target.ino, offset, length, time });
}

function file(core: SharedIn, ino: Ino): Inode {
  const inode = core.skeleton.inode(ino);
  assert(inode !== null, `inode ${ino} exists`);
  return inode;
}
