// Messages to the kernel that answer no request: what it should forget. Byte layouts as in <linux/fuse.h>
// (fuse_notify_inval_inode_out, fuse_notify_inval_entry_out), with a header whose `unique` is 0.
import type { Ino } from '../base/ids.js';
import { NotifyCode, outHeaderBytes } from './protocol.js';

/** offset < 0: attributes only; length -1: to the end. */
export function inodeInvalidation(ino: Ino, offset: number, length: number): Buffer {
  const message = Buffer.alloc(outHeaderBytes + 24);
  header(message, NotifyCode.invalidateInode);
  message.writeBigUInt64LE(BigInt(ino), 16);
  message.writeBigInt64LE(BigInt(offset), 24);
  message.writeBigInt64LE(BigInt(length), 32);
  return message;
}

export function entryInvalidation(parent: Ino, name: Buffer): Buffer {
  const message = Buffer.alloc(outHeaderBytes + 16 + name.length + 1);
  header(message, NotifyCode.invalidateEntry);
  message.writeBigUInt64LE(BigInt(parent), 16);
  message.writeUInt32LE(name.length, 24);
  name.copy(message, 32);
  return message;
}

/** The code stands where an answer has its error. */
function header(message: Buffer, code: number): void {
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(code, 4);
}
