// What a mount may choose about POSIX behaviour.

export interface FileSystemOptions {
  /** 'relatime' as mount(8) has it; 'noatime' never changes access times on its own. */
  readonly atime: 'relatime' | 'noatime';
  /** Take the caller's umask off new modes. Only where FUSE_DONT_MASK was negotiated: otherwise the kernel has done it. */
  readonly applyUmask: boolean;
}

export const defaultFileSystemOptions: FileSystemOptions = { atime: 'relatime', applyUmask: false };
