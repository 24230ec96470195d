// The POSIX checks that a mount with writeback caching does not pass, each with the reason. All others it must pass.
export const writebackExclusions: Readonly<Record<string, string>> = {
  'data: sizes beyond any file are EFBIG': 'the kernel takes the bytes of a write; that the server has no such offset is known at fsync or close',
};
