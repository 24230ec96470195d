// A file system for fuzzing: what it does for one request does not grow with a size in the request.
import type { FileOffset } from '../../../src/base/file-offset.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';

const most = 65_536;
const bounded = (value: FileOffset): number => Math.min(Number(value), most);

export class BoundedFileSystem extends MemoryFileSystem {
  override setattr: MemoryFileSystem['setattr'] = (caller, ino, set) => super.setattr(caller, ino, { ...set, size: bounded(set.size ?? 0) });
  override fallocate: MemoryFileSystem['fallocate'] = (ino, offset, length, mode) => super.fallocate(ino, bounded(offset), bounded(length), mode);
  override write: MemoryFileSystem['write'] = (ino, handle, offset, data, kill) => super.write(ino, handle, bounded(offset), data, kill);
  override read: MemoryFileSystem['read'] = (ino, handle, offset, length) => super.read(ino, handle, bounded(offset), Math.min(length, most));
  override lseek: MemoryFileSystem['lseek'] = (ino, offset, whence) => super.lseek(ino, bounded(offset), whence);
  override mknod: MemoryFileSystem['mknod'] = (caller, parent, name, mode, rdev) => super.mknod(caller, parent, name, 0o100000 | (mode & 0o7777), rdev);
  // The kernel would not forget what it was not given.
  override forget = () => {};
}
