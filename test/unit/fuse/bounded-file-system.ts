// A file system for fuzzing: what it does for one request does not grow with a size in the request.
import { MemoryFileSystem } from '../../support/memory-file-system.js';

const most = 65_536;

export class BoundedFileSystem extends MemoryFileSystem {
  override setattr: MemoryFileSystem['setattr'] = (caller, ino, set) => super.setattr(caller, ino, { ...set, size: Math.min(set.size ?? 0, most) });
  override fallocate: MemoryFileSystem['fallocate'] = (ino, offset, length, mode) => super.fallocate(ino, Math.min(offset, most), Math.min(length, most), mode);
  override write: MemoryFileSystem['write'] = (ino, handle, offset, data, kill) => super.write(ino, handle, Math.min(offset, most), data, kill);
  override read: MemoryFileSystem['read'] = (ino, handle, offset, length) => super.read(ino, handle, offset, Math.min(length, most));
  override mknod: MemoryFileSystem['mknod'] = (caller, parent, name, mode, rdev) => super.mknod(caller, parent, name, 0o100000 | (mode & 0o7777), rdev);
  // The kernel would not forget what it was not given.
  override forget = () => {};
}
