// Access times as mount(8) has them (relatime: fs/inode.c relatime_need_update): only when the old one is not newer than the last
// change, or a day old. Never a reason to wait: when changes have to wait, the next read will do it.
// Reads that the kernel answers from its page cache get here because of unseen-reads.ts.
import { secondsOf, type Timespec } from '../base/clock.js';
import type { Inode } from '../skeleton/contract.js';
import type { Handle } from './handles.js';
import { isDirectory } from './posix.js';
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
  if (state.options.atime === 'noatime' || state.volume.readOnly) return;
  const now = state.now();
  if (!isDue(state, inode, now)) return;
  if (!state.mayChangeNow()) {
    state.unseenReads.changed(inode.ino);
    return;
  }
  state.accessed(inode, now);
  if (state.options.atime === 'strictatime') state.unseenReads.changed(inode.ino);
  else state.unseenReads.seen(inode.ino);
}

/** The inode was read through a handle: looked at once, and again whenever anything has changed since. `keepsAtime`: this read leaves the time alone. */
export function touchThroughHandle(state: FileSystemState, handle: Handle, keepsAtime = false): void {
  const { atime } = state.options;
  if (atime === 'noatime' || state.volume.readOnly || (handle.atimeSeenAt === state.changes && atime === 'relatime')) return;
  const inode = state.view.inode(handle.ino);
  if (inode === null) return;
  if (keepsAtime || handle.keepsAtime) {
    // What it leaves in the page cache must not hide the next reader.
    if (isDue(state, inode, state.now())) state.unseenReads.changed(inode.ino);
    return;
  }
  touchAccessTime(state, inode);
  handle.atimeSeenAt = state.changes;
}
