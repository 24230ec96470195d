// What each operation is: how it calls the file system and how its result is encoded. One entry an operation; how answers that
// come later, failures and interrupts are treated is the same for all and lies in session.ts.
import { constants as fsConstants } from 'node:fs';
import { constants } from 'node:os';
import { type Answer, type Entry, type FileSystem, noHandle, type Opened, PosixError } from '../filesystem/contract.js';
import type { Inode } from '../skeleton/contract.js';
import type { FileCall } from './call.js';
import type { ListHabits } from './list-habits.js';
import { readdir } from './list-operation.js';
import { entryOutBytes, OpenReplyFlag } from './protocol.js';
import type { ReplyWriter, Validity } from './reply-writer.js';
import { attributeValidity } from './validity.js';

export interface EncodeContext {
  readonly fileSystem: FileSystem;
  readonly writer: ReplyWriter;
  readonly entryValidity: Validity;
  readonly attributeValidity: Validity;
  readonly negativeValidity: Validity;
  readonly habits: ListHabits;
  /** As agreed with the kernel (negotiation.ts): nobody releases a handle. */
  kernelOpens: boolean;
}

const typeBits = 0o170000;
const directoryType = 0o040000;

/** What is sent from elsewhere, behind the fields that were written. */
type Data = Uint8Array | undefined;

export interface Operation<Call, Result> {
  /** The file system changes: admission is asked for before. */
  readonly changes: boolean;
  /** An answer that is still out may be given up when the caller is interrupted: it changes nothing, or undo() takes it back. */
  readonly interruptible: boolean;
  invoke(fileSystem: FileSystem, call: Call, context: EncodeContext): Answer<Result>;
  /** Writes the body. May throw PosixError. */
  encode(context: EncodeContext, call: Call, result: Result): Data;
  /** The result is not sent: gives back what it holds. */
  undo?(fileSystem: FileSystem, call: Call, result: Result): void;
}

type SpaceAnswer = Awaited<ReturnType<FileSystem['statfs']>>;
export type CallOf<Op extends FileCall['op']> = Extract<FileCall, { readonly op: Op }>;

const nothing = (): undefined => undefined;

function encodeEntry(context: EncodeContext, _call: unknown, { inode }: Entry): undefined {
  context.writer.entryOut(inode, context.entryValidity, attributeValidity(context, inode));
}

function encodeAttributes(context: EncodeContext, _call: unknown, inode: Inode): undefined {
  context.writer.attrOut(inode, attributeValidity(context, inode));
}

function sized(context: EncodeContext, room: number, bytes: Buffer): Data {
  if (room === 0) {
    context.writer.u32(bytes.length);
    context.writer.u32(0);
    return undefined;
  }
  if (bytes.length > room) throw new PosixError(constants.errno.ERANGE, 'the value does not fit');
  return bytes;
}

function simple<Call>(changes: boolean, invoke: (fileSystem: FileSystem, call: Call) => Answer<void>): Operation<Call, void> {
  return { changes, interruptible: false, invoke, encode: nothing };
}

function making<Call>(invoke: (fileSystem: FileSystem, call: Call) => Answer<Entry>): Operation<Call, Entry> {
  return { changes: true, interruptible: false, invoke, encode: encodeEntry };
}

function asking<Call, Result>(invoke: (fileSystem: FileSystem, call: Call) => Answer<Result>, encode: (context: EncodeContext, call: Call, result: Result) => Data): Operation<Call, Result> {
  return { changes: false, interruptible: true, invoke, encode };
}

const lookup: Operation<CallOf<'lookup'>, Entry | null> = {
  changes: false,
  interruptible: true,
  invoke(fileSystem, call) {
    try {
      const answer = fileSystem.lookup(call.parent, call.name);
      return answer instanceof Promise ? answer.catch(absent) : answer;
    } catch (error) {
      return absent(error);
    }
  },
  encode(context, call, entry) {
    if (entry !== null) {
      if ((entry.inode.mode & typeBits) !== directoryType) context.habits.lookedUp(call.pid, call.parent);
      return encodeEntry(context, call, entry);
    }
    // Node id 0: the name is not there, and the kernel may remember that.
    context.writer.zeros(16);
    context.writer.u64(context.negativeValidity.sec);
    context.writer.u64(0);
    context.writer.u32(context.negativeValidity.nsec);
    context.writer.zeros(entryOutBytes - 36);
    return undefined;
  },
  undo: (fileSystem, _call, entry) => {
    if (entry !== null) fileSystem.forget(entry.inode.ino, 1);
  },
};

function absent(error: unknown): null {
  if (error instanceof PosixError && error.errno === constants.errno.ENOENT) return null;
  throw error;
}

const open: Operation<CallOf<'open'>, Opened> = {
  changes: false,
  interruptible: true,
  invoke: (fileSystem, call) => fileSystem.open(call.ino, call.flags, call.killPriv, call.caller),
  encode(context, _call, opened) {
    context.writer.openOut(opened.handle, opened.keepCache ? OpenReplyFlag.keepCache : 0);
    return undefined;
  },
  undo: (fileSystem, call, opened) => fileSystem.release(call.ino, opened.handle),
};

const truncatingOpen: Operation<CallOf<'open'>, Opened> = { ...open, changes: true, interruptible: false };

function encodeMade(context: EncodeContext, call: unknown, result: Entry & Opened): undefined {
  encodeEntry(context, call, result);
  const handle = context.kernelOpens ? noHandle : result.handle;
  if (handle !== result.handle) context.fileSystem.release(result.inode.ino, result.handle);
  context.writer.openOut(handle, result.keepCache ? OpenReplyFlag.keepCache : 0);
}

const create: Operation<CallOf<'create'>, Entry & Opened> = {
  changes: true,
  interruptible: false,
  invoke: (fileSystem, call) => fileSystem.create(call.caller, call.parent, call.name, call.mode, call.flags, call.umask),
  encode: (context, call, result) => encodeMade(context, call, result),
};

const temporary: Operation<CallOf<'temporary'>, Entry & Opened> = {
  changes: true,
  interruptible: false,
  invoke: (fileSystem, call) => fileSystem.temporary(call.caller, call.parent, call.mode, call.flags, call.umask),
  encode: (context, call, result) => encodeMade(context, call, result),
};

const opendir: Operation<CallOf<'opendir'>, Opened> = {
  changes: false,
  interruptible: true,
  invoke: (fileSystem, call) => fileSystem.opendir(call.ino),
  encode(context, _call, opened) {
    context.writer.openOut(opened.handle, opened.keepCache ? OpenReplyFlag.keepCache | OpenReplyFlag.cacheDirectory : 0);
    return undefined;
  },
  undo: (fileSystem, call, opened) => fileSystem.releasedir(call.ino, opened.handle),
};

function encodeStatfs({ writer }: EncodeContext, _call: unknown, space: SpaceAnswer): undefined {
  writer.u64(space.blocks);
  writer.u64(space.blocksFree);
  writer.u64(space.blocksFree);
  writer.u64(space.files);
  writer.u64(space.filesFree);
  writer.u32(space.blockBytes);
  writer.u32(space.nameMax);
  writer.u32(space.blockBytes);
  writer.zeros(28);
}

const write: Operation<CallOf<'write'>, number> = {
  changes: true,
  interruptible: false,
  invoke: (fileSystem, call) => fileSystem.write(call.ino, call.handle, call.offset, call.data, call.killPriv, call.caller),
  encode(context, _call, taken) {
    context.writer.u32(taken);
    context.writer.u32(0);
    return undefined;
  },
};

const copy: Operation<CallOf<'copy'>, number> = {
  changes: true,
  interruptible: false,
  invoke: (fileSystem, call) => fileSystem.copyRange(call.caller, call.ino, call.handle, call.offset, call.toIno, call.toHandle, call.toOffset, call.length),
  encode(context, call, done) {
    if (call.wide) context.writer.u64(done);
    else {
      context.writer.u32(done);
      context.writer.u32(0);
    }
    return undefined;
  },
};

const operations: { readonly [Op in FileCall['op']]: Operation<CallOf<Op>, unknown> } = {
  lookup,
  getattr: asking((fileSystem, call: CallOf<'getattr'>) => fileSystem.getattr(call.ino, call.forOpenFile), encodeAttributes),
  setattr: {
    changes: true,
    interruptible: false,
    invoke: (fileSystem, call: CallOf<'setattr'>) => fileSystem.setattr(call.caller, call.ino, call.set),
    encode: encodeAttributes,
  },
  statx: asking(
    (fileSystem, call: CallOf<'statx'>) => fileSystem.getattr(call.ino),
    (context, _call, inode: Inode) => {
      context.writer.statxOut(inode, attributeValidity(context, inode));
      return undefined;
    },
  ),
  readlink: asking(
    (fileSystem, call) => fileSystem.readlink(call.ino),
    (_context, _call, target) => target,
  ),
  symlink: making((fileSystem, call) => fileSystem.symlink(call.caller, call.parent, call.name, call.target)),
  mknod: making((fileSystem, call) => fileSystem.mknod(call.caller, call.parent, call.name, call.mode, call.rdev, call.umask)),
  mkdir: making((fileSystem, call) => fileSystem.mkdir(call.caller, call.parent, call.name, call.mode, call.umask)),
  link: making((fileSystem, call) => fileSystem.link(call.ino, call.parent, call.name)),
  unlink: simple(true, (fileSystem, call) => fileSystem.unlink(call.parent, call.name)),
  rmdir: simple(true, (fileSystem, call) => fileSystem.rmdir(call.parent, call.name)),
  rename: simple(true, (fileSystem, call) => fileSystem.rename(call.fromParent, call.fromName, call.toParent, call.toName, call.flags, call.caller)),
  open,
  create,
  temporary,
  read: asking(
    (fileSystem, call) => fileSystem.read(call.ino, call.handle, call.offset, call.length, call.flags),
    (_context, _call, data) => data,
  ),
  write,
  flush: simple(false, (fileSystem, call) => fileSystem.flush(call.ino, call.handle)),
  release: simple(false, (fileSystem, call) => fileSystem.release(call.ino, call.handle)),
  // Not done is a fair answer to an interrupted fsync: it promises nothing.
  fsync: asking((fileSystem, call) => fileSystem.fsync(call.ino, call.dataOnly), nothing),
  fsyncdir: asking((fileSystem, call) => fileSystem.fsyncdir(call.ino), nothing),
  fallocate: simple(true, (fileSystem, call) => fileSystem.fallocate(call.ino, call.offset, call.length, call.mode, call.caller)),
  copy,
  lseek: asking(
    (fileSystem, call) => fileSystem.lseek(call.ino, call.offset, call.whence),
    (context, _call, offset) => {
      context.writer.fileOffset(offset);
      return undefined;
    },
  ),
  opendir,
  readdir,
  releasedir: simple(false, (fileSystem, call) => fileSystem.releasedir(call.ino, call.handle)),
  setxattr: simple(true, (fileSystem, call) => fileSystem.setxattr(call.caller, call.ino, call.name, call.value, call.flags, call.killsGroup)),
  removexattr: simple(true, (fileSystem, call) => fileSystem.removexattr(call.ino, call.name)),
  getxattr: asking(
    (fileSystem, call) => fileSystem.getxattr(call.ino, call.name),
    (context, call, value) => sized(context, call.room, value),
  ),
  listxattr: asking(
    (fileSystem, call) => fileSystem.listxattr(call.ino, call.caller),
    (context, call, names) => sized(context, call.room, names),
  ),
  access: asking((fileSystem, call) => fileSystem.access(call.caller, call.ino, call.mask), nothing),
  statfs: asking((fileSystem: FileSystem, _call: CallOf<'statfs'>) => fileSystem.statfs(), encodeStatfs),
};

export function operationOf(call: FileCall): Operation<FileCall, unknown> {
  return call.op === 'open' && (call.flags & fsConstants.O_TRUNC) !== 0 ? truncatingOpen : operations[call.op];
}
