// A request of the kernel as plain data: one shape an operation, arguments checked, names copied out of the slot.
// Only `data` of write is a view into the slot; everything else may be kept.
import type { FileOffset } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import type { Caller, SetAttributes } from '../filesystem/contract.js';

export interface Forgotten {
  readonly ino: Ino;
  readonly count: number;
}

/** Served by the session itself; at most `init` has an answer. */
export type ControlCall =
  | { readonly op: 'init'; readonly major: number; readonly minor: number; readonly readAheadBytesMax: number; readonly flags: number }
  | { readonly op: 'interrupt'; readonly unique: number }
  | { readonly op: 'forget'; readonly forgotten: readonly Forgotten[] }
  | { readonly op: 'destroy' }
  /** Bytes that the kernel would not send. */
  | { readonly op: 'refuse'; readonly errno: number }
  /** Nothing to do, and no answer is expected. */
  | { readonly op: 'silence' };

/** Served by the file system. */
export type FileCall =
  | { readonly op: 'lookup'; readonly pid: number; readonly parent: Ino; readonly name: Buffer }
  | { readonly op: 'getattr'; readonly ino: Ino; readonly forOpenFile: boolean }
  | { readonly op: 'statx'; readonly ino: Ino }
  | { readonly op: 'setattr'; readonly caller: Caller; readonly ino: Ino; readonly set: SetAttributes }
  | { readonly op: 'readlink'; readonly ino: Ino }
  | { readonly op: 'symlink'; readonly caller: Caller; readonly parent: Ino; readonly name: Buffer; readonly target: Buffer }
  | { readonly op: 'mknod'; readonly caller: Caller; readonly parent: Ino; readonly name: Buffer; readonly mode: number; readonly rdev: number; readonly umask: number }
  | { readonly op: 'mkdir'; readonly caller: Caller; readonly parent: Ino; readonly name: Buffer; readonly mode: number; readonly umask: number }
  | { readonly op: 'unlink'; readonly parent: Ino; readonly name: Buffer }
  | { readonly op: 'rmdir'; readonly parent: Ino; readonly name: Buffer }
  | { readonly op: 'rename'; readonly fromParent: Ino; readonly fromName: Buffer; readonly toParent: Ino; readonly toName: Buffer; readonly flags: number; readonly caller: Caller }
  | { readonly op: 'link'; readonly ino: Ino; readonly parent: Ino; readonly name: Buffer }
  | { readonly op: 'open'; readonly caller: Caller; readonly ino: Ino; readonly flags: number; readonly killPriv: boolean }
  | { readonly op: 'create'; readonly caller: Caller; readonly parent: Ino; readonly name: Buffer; readonly mode: number; readonly flags: number; readonly umask: number }
  | { readonly op: 'temporary'; readonly caller: Caller; readonly parent: Ino; readonly mode: number; readonly flags: number; readonly umask: number }
  | { readonly op: 'read'; readonly ino: Ino; readonly handle: number; readonly offset: FileOffset; readonly length: number; readonly flags: number }
  | { readonly op: 'write'; readonly caller: Caller; readonly ino: Ino; readonly handle: number; readonly offset: FileOffset; readonly data: Buffer; readonly killPriv: boolean }
  | { readonly op: 'flush'; readonly ino: Ino; readonly handle: number }
  | { readonly op: 'release'; readonly ino: Ino; readonly handle: number }
  | { readonly op: 'fsync'; readonly ino: Ino; readonly dataOnly: boolean }
  | { readonly op: 'fallocate'; readonly caller: Caller; readonly ino: Ino; readonly offset: FileOffset; readonly length: FileOffset; readonly mode: number }
  | { readonly op: 'lseek'; readonly ino: Ino; readonly offset: FileOffset; readonly whence: number }
  /** wide: the answer has 64 bits (COPY_FILE_RANGE_64). */
  | {
      readonly op: 'copy';
      readonly caller: Caller;
      readonly ino: Ino;
      readonly handle: number;
      readonly offset: FileOffset;
      readonly toIno: Ino;
      readonly toHandle: number;
      readonly toOffset: FileOffset;
      readonly length: number;
      readonly wide: boolean;
    }
  | { readonly op: 'opendir'; readonly ino: Ino }
  /** plus: entries have the form with attributes. */
  | { readonly op: 'readdir'; readonly pid: number; readonly ino: Ino; readonly cookie: number; readonly room: number; readonly plus: boolean }
  | { readonly op: 'releasedir'; readonly ino: Ino; readonly handle: number }
  | { readonly op: 'fsyncdir'; readonly ino: Ino }
  | { readonly op: 'setxattr'; readonly caller: Caller; readonly ino: Ino; readonly name: Buffer; readonly value: Buffer; readonly flags: number; readonly killsGroup: boolean }
  /** room 0: only the size is asked for. */
  | { readonly op: 'getxattr'; readonly ino: Ino; readonly name: Buffer; readonly room: number }
  | { readonly op: 'listxattr'; readonly caller: Caller; readonly ino: Ino; readonly room: number }
  | { readonly op: 'removexattr'; readonly ino: Ino; readonly name: Buffer }
  | { readonly op: 'access'; readonly caller: Caller; readonly ino: Ino; readonly mask: number }
  | { readonly op: 'statfs' };

export type Call = ControlCall | FileCall;
