// What a mount may choose about POSIX behaviour.
import type { Caller } from './contract.js';

export interface FileSystemOptions {
  /** As mount(8) has them: 'relatime' after changes and once a day, 'strictatime' with every read that gets here, 'noatime' never. */
  readonly atime: 'relatime' | 'strictatime' | 'noatime';
  /** Listing a directory leaves its access time alone. */
  readonly nodiratime: boolean;
  /** Changes of files bring times of the kernel's own clock, which goes in ticks and so is behind ours (FUSE_WRITEBACK_CACHE). */
  readonly kernelTimes: boolean;
  /** Take the caller's umask off new modes. Only where FUSE_DONT_MASK was negotiated: otherwise the kernel has done it. */
  readonly applyUmask: boolean;
  /** Is the caller in this group, by its own or by a supplementary one? When nobody can tell, it is not. */
  readonly inGroup: (caller: Caller, gid: number) => boolean;
}

export const defaultFileSystemOptions: FileSystemOptions = {
  atime: 'relatime',
  nodiratime: false,
  kernelTimes: false,
  applyUmask: false,
  inGroup: (caller, gid) => caller.gid === gid,
};
