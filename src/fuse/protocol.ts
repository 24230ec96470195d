// Numbers and struct sizes of the kernel's FUSE protocol, as in <linux/fuse.h> 7.45 (Linux UAPI header, dual GPL/BSD); what is
// needed has held its place since 7.31, what is newer is only asked for by kernels that have it. All integers are in host byte order, which is little-endian wherever this runs.
// Offsets of fields are in decode.ts and encode.ts, next to their use.

export const protocolMajor = 7;
/** Said to the kernel: nothing newer than this changes what it sends without a flag that we do not set. */
export const protocolMinor = 38;
/** Oldest kernel that is served: 7.31 (Linux 5.4) has max_pages, lseek, readdirplus and cached symlinks. */
export const protocolMinorMin = 31;

export const inHeaderBytes = 40;
export const outHeaderBytes = 16;
export const attrBytes = 88;
export const entryOutBytes = 40 + attrBytes;
export const attrOutBytes = 16 + attrBytes;
export const openOutBytes = 16;
export const writeOutBytes = 8;
export const kstatfsBytes = 80;
export const statxOutBytes = 288;
export const initOutBytes = 64;
export const direntBytes = 24;

export const Opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  access: 34,
  create: 35,
  interrupt: 36,
  destroy: 38,
  notifyReply: 41,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  tmpfile: 51,
  statx: 52,
  copyFileRange64: 53,
} as const;

/** FUSE_*: flags of INIT. */
export const InitFlag = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  exportSupport: 1 << 4,
  bigWrites: 1 << 5,
  dontMask: 1 << 6,
  doReaddirplus: 1 << 13,
  readdirplusAuto: 1 << 14,
  writebackCache: 1 << 16,
  noOpenSupport: 1 << 17,
  parallelDirectoryOperations: 1 << 18,
  posixAcl: 1 << 20,
  abortError: 1 << 21,
  maxPages: 1 << 22,
  cacheSymlinks: 1 << 23,
  explicitInvalidation: 1 << 25,
  handleKillPrivV2: 1 << 28,
  setxattrExtended: 1 << 29,
} as const;

/** FATTR_*: which fields of SETATTR are meant. */
export const SetattrValid = {
  mode: 1 << 0,
  uid: 1 << 1,
  gid: 1 << 2,
  size: 1 << 3,
  atime: 1 << 4,
  mtime: 1 << 5,
  atimeNow: 1 << 7,
  mtimeNow: 1 << 8,
  ctime: 1 << 10,
  killPriv: 1 << 11,
} as const;

/** FUSE_GETATTR_FH of GETATTR. */
export const getattrForFile = 1 << 0;
export const OpenReplyFlag = { keepCache: 1 << 1, cacheDirectory: 1 << 3 } as const;
/** FUSE_OPEN_KILL_SUIDGID of OPEN and CREATE. */
export const openKillPriv = 1 << 0;
/** FUSE_WRITE_KILL_SUIDGID of WRITE. */
export const writeKillPriv = 1 << 2;
/** FUSE_SETXATTR_ACL_KILL_SGID of SETXATTR. */
export const setxattrKillsGroup = 1 << 0;
/** FUSE_FSYNC_FDATASYNC of FSYNC and FSYNCDIR. */
export const fsyncDataOnly = 1 << 0;

export const NotifyCode = { invalidateInode: 2, invalidateEntry: 3 } as const;
