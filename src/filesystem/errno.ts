// The one place where failures become errno. fail() throws a prepared error: a missing name is the most frequent
// answer of a filesystem and must not cost a stack trace. A failure below keeps its error as `cause`, for the log.
// Assertions and unknown throws pass through untouched: they are bugs, not answers.
import { type ErrorKind, HoldfastError } from '../base/errors.js';
import { PosixError } from './contract.js';

// asm-generic/errno-base.h and errno.h
export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const EBADF = 9;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENFILE = 23;
export const EFBIG = 27;
export const ENOSPC = 28;
export const EROFS = 30;
export const EMLINK = 31;
export const ERANGE = 34;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ENOTEMPTY = 39;
export const ENODATA = 61;
export const EOPNOTSUPP = 95;
export const ESTALE = 116;

const messages: readonly (readonly [number, string])[] = [
  [EPERM, 'EPERM: operation not permitted'],
  [ENOENT, 'ENOENT: no such file or directory'],
  [EIO, 'EIO: input/output error'],
  [ENXIO, 'ENXIO: no such device or address'],
  [E2BIG, 'E2BIG: value too long'],
  [EBADF, 'EBADF: no such open handle'],
  [EACCES, 'EACCES: permission denied'],
  [EBUSY, 'EBUSY: resource busy'],
  [EEXIST, 'EEXIST: file exists'],
  [ENOTDIR, 'ENOTDIR: not a directory'],
  [EISDIR, 'EISDIR: is a directory'],
  [EINVAL, 'EINVAL: invalid argument'],
  [EFBIG, 'EFBIG: file too large'],
  [ENOSPC, 'ENOSPC: no space left on the volume'],
  [EROFS, 'EROFS: read-only volume'],
  [EMLINK, 'EMLINK: too many links'],
  [ERANGE, 'ERANGE: result too large'],
  [ENAMETOOLONG, 'ENAMETOOLONG: name too long'],
  [ENOSYS, 'ENOSYS: nothing to be done, and never to be asked again'],
  [ENOTEMPTY, 'ENOTEMPTY: directory not empty'],
  [ENODATA, 'ENODATA: no such attribute'],
  [EOPNOTSUPP, 'EOPNOTSUPP: not supported'],
  [ESTALE, 'ESTALE: no such inode'],
];

const prepared: PosixError[] = [];
for (const [errno, message] of messages) {
  const error = new PosixError(errno, message);
  error.stack = `PosixError: ${message}`;
  prepared[errno] = error;
}

/** Throws the prepared error of this number. */
export function fail(errno: number): never {
  throw prepared[errno] ?? new PosixError(errno, `errno ${errno}`);
}

const errnoOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: EINVAL,
  unavailable: EIO,
  corrupt: EIO,
  conflict: EBUSY,
  full: ENOSPC,
  missing: ENOENT,
  closed: EIO,
  internal: EIO,
};

/** Where the kind does not say it all. */
const errnoOfCode: Readonly<Record<string, number | undefined>> = { 'too-many-files': ENFILE };

/** What to throw to src/fuse for anything thrown below. */
export function translated(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  return new PosixError(errnoOfCode[error.code] ?? errnoOfKind[error.kind], error.message, error);
}

function rethrow(error: unknown): never {
  throw translated(error);
}

/** A promise whose failure is translated. */
export function settledLater<T>(answer: Promise<T>): Promise<T> {
  return answer.catch(rethrow);
}

/** The same for an answer that may be there already, which then stays as it is. */
export function settled<T>(answer: T | Promise<T>): T | Promise<T> {
  return answer instanceof Promise ? settledLater(answer) : answer;
}
