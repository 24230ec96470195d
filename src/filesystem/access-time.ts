// Access times as relatime has them (mount(8), fs/inode.c relatime_need_update): only when the old one is not newer
// than the last change, or a day old. Never a reason to wait: when changes have to wait, the next read will do it.
// Reads that the kernel answers from its page cache are not seen here.
import { secondsOf, type Timespec } from '../base/clock.js';
import type { Inode } from '../skeleton/contract.js';
import type { Handle } from './handles.js';
import type { FileSystemState } from './state.js';

const daySec = 86_400;

const notAfter = (a: Timespec, b: Timespec): boolean => a.sec < b.sec || (a.sec === b.sec && a.nsec <= b.nsec);

/** The inode was read. */
export function touchAccessTime(state: FileSystemState, inode: Inode): void {
  if (state.options.atime === 'noatime') return;
  const now = state.now();
  const due = notAfter(inode.atime, inode.mtime) || notAfter(inode.atime, inode.ctime) || secondsOf(now) - secondsOf(inode.atime) >= daySec;
  if (!due || !state.mayChangeNow()) return;
  // An access changes no ctime: the record carries the old one.
  state.apply({ type: 'attribute', ino: inode.ino, atime: now, ctime: inode.ctime });
}

/** The inode was read through a handle: looked at once, and again whenever anything has changed since. */
export function touchThroughHandle(state: FileSystemState, handle: Handle): void {
  if (handle.keepsAtime || handle.atimeSeenAt === state.changes || state.options.atime === 'noatime') return;
  const inode = state.view.inode(handle.ino);
  if (inode !== null) touchAccessTime(state, inode);
  handle.atimeSeenAt = state.changes;
}
