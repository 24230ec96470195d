// What a mount may choose about POSIX behaviour.

export interface FileSystemOptions {
  /** As mount(8) has them: 'relatime' after changes and once a day, 'strictatime' with every read that gets here, 'noatime' never. */
  readonly atime: 'relatime' | 'strictatime' | 'noatime';
  /** Listing a directory leaves its access time alone. */
  readonly nodiratime: boolean;
  /** Changes of files bring times of the kernel's own clock, which goes in ticks and so is behind ours (FUSE_WRITEBACK_CACHE). */
  readonly kernelTimes: boolean;
  /** Take the caller's umask off new modes. Only where FUSE_DONT_MASK was negotiated: otherwise the kernel has done it. */
  readonly applyUmask: boolean;
}

export const defaultFileSystemOptions: FileSystemOptions = { atime: 'relatime', nodiratime: false, kernelTimes: false, applyUmask: false };
