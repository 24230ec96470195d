// Access times as mount(8) has them (relatime: fs/inode.c relatime_need_update): only when the old one is not newer than the last
// change, or a day old. Never a reason to wait: when changes have to wait, the next read will do it.
// Reads that the kernel answers from its page cache are seen by awaited-reads.ts.
import { secondsOf, type Timespec } from '../base/clock.js';
import type { Inode } from '../skeleton/contract.js';
import type { Handle } from './handles.js';
import { isDirectory, isRegular } from './posix.js';
import type { FileSystemState } from './state.js';

const daySec = 86_400;

/** How far the kernel's coarse clock may be behind ours: its longest tick (10 ms), and what ours lets itself differ (src/base/clock.ts). */
const kernelClockLagNs = 40_000_000;

/** a <= b + slack, with a slack below a second. */
function notAfter(a: Timespec, b: Timespec, slackNs: number): boolean {
  const nsec = b.nsec + slackNs;
  const sec = nsec < 1_000_000_000 ? b.sec : b.sec + 1;
  return a.sec < sec || (a.sec === sec && a.nsec <= nsec % 1_000_000_000);
}

function isDue(state: FileSystemState, inode: Inode, now: Timespec): boolean {
  const { atime, nodiratime, kernelTimes } = state.options;
  if (atime === 'noatime' || (nodiratime && isDirectory(inode.mode))) return false;
  // A file may seem to be written before it was made.
  const slackNs = kernelTimes ? kernelClockLagNs : 0;
  return atime === 'strictatime' || notAfter(inode.atime, inode.mtime, slackNs) || notAfter(inode.atime, inode.ctime, slackNs) || secondsOf(now) - secondsOf(inode.atime) >= daySec;
}

/** The inode was read. */
export function touchAccessTime(state: FileSystemState, inode: Inode): void {
  const { atime } = state.options;
  if (atime === 'noatime' || state.volume.readOnly) return;
  const now = state.now();
  if (isDue(state, inode, now)) {
    if (!state.mayChangeNow()) return;
    state.accessed(inode, now);
  }
  // With strictatime the next one counts as well.
  if (atime === 'strictatime' && isRegular(inode.mode)) state.awaitedReads.add(inode.ino);
  else state.awaitedReads.delete(inode.ino);
}

/** The inode was read through a handle: looked at once, and again whenever anything has changed since. `keepsAtime`: this read leaves the time alone. */
export function touchThroughHandle(state: FileSystemState, handle: Handle, keepsAtime = false): void {
  const { atime } = state.options;
  if (keepsAtime || handle.keepsAtime || atime === 'noatime' || (handle.atimeSeenAt === state.changes && atime === 'relatime')) return;
  const inode = state.view.inode(handle.ino);
  if (inode !== null) touchAccessTime(state, inode);
  handle.atimeSeenAt = state.changes;
}

/** Attributes were asked for on behalf of an open file: a read from the page cache, where one is awaited. Where the kernel keeps the times of files, a write asks as well. */
export function touchByAttributes(state: FileSystemState, inode: Inode): void {
  if (!state.options.kernelTimes && state.awaitedReads.has(inode.ino)) touchAccessTime(state, inode);
}
