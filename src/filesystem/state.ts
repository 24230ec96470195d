// What all families of operations share: the volume, its view, open handles, options.
// Every changing operation begins with checkWritable() and was admitted by its caller in the same turn (contract.ts).
import type { Timespec } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Ino } from '../base/ids.js';
import type { FileRecord } from '../format/records.js';
import type { Inode } from '../skeleton/contract.js';
import type { SkeletonView, Volume } from '../volume/contract.js';
import { AwaitedReads } from './awaited-reads.js';
import { ENOENT, ENOTDIR, EROFS, ESTALE, fail } from './errno.js';
import { HandleTable } from './handles.js';
import type { FileSystemOptions } from './options.js';
import { isDirectory } from './posix.js';

export class FileSystemState {
  readonly volume: Volume;
  readonly view: SkeletonView;
  readonly options: FileSystemOptions;
  readonly handles: HandleTable;
  /** Files without a name that may still get their first one. */
  readonly linkable = new Set<Ino>();
  /** Grows with every change: an inode looked at under the same number looks the same still. */
  changes = 0;
  readonly awaitedReads = new AwaitedReads();

  constructor(volume: Volume, options: FileSystemOptions) {
    this.volume = volume;
    this.view = volume.view;
    this.options = options;
    this.handles = new HandleTable(volume);
  }

  checkWritable(): void {
    if (this.volume.readOnly) fail(EROFS);
  }

  /** May a change that can as well be left out (an access time) go ahead at once? Never fails: whoever needs the change asks admit() and meets the failure there. */
  mayChangeNow(): boolean {
    if (this.volume.readOnly) return false;
    try {
      const wait = this.volume.admit(0);
      wait?.catch(() => {});
      return wait === null;
    } catch (error) {
      if (error instanceof HoldfastError) return false;
      throw error;
    }
  }

  apply(record: FileRecord): void {
    this.changes++;
    this.volume.apply(record);
  }

  /** The content of a regular file has changed, or its attributes: its next read changes its access time. */
  changed(ino: Ino): void {
    this.changes++;
    if (this.options.atime !== 'noatime') this.awaitedReads.add(ino);
  }

  /** The access time becomes `now`, which changes no ctime: the record carries the old one. */
  accessed(inode: Inode, now: Timespec): void {
    this.changes++;
    this.volume.apply({ type: 'attribute', ino: inode.ino, atime: now, ctime: inode.ctime });
  }

  now(): Timespec {
    return this.volume.clock.now();
  }

  inode(ino: Ino): Inode {
    return this.view.inode(ino) ?? fail(ESTALE);
  }

  /** A directory that can take names: one that was removed, though still open somewhere, cannot. */
  directory(ino: Ino): Inode {
    const inode = this.inode(ino);
    if (!isDirectory(inode.mode)) fail(ENOTDIR);
    if (inode.nlink === 0) fail(ENOENT);
    return inode;
  }
}
