// What a failure of a disk means, as HoldfastErrors: one place for the codes that disk.ts promises.
import { HoldfastError } from '../base/errors.js';
import { NativeFailure } from '../native/completion-table.js';

/** Reasons after which nothing on this disk will work again. */
const gone = new Set(['ENODEV', 'ENXIO', 'ESTALE', 'ENOTCONN', 'ESHUTDOWN', 'EBADF', 'EREMOTEIO']);
const full = new Set(['ENOSPC', 'EDQUOT']);
const refused = new Set(['EACCES', 'EPERM']);
/** Of the process or of the system: says nothing about the disk. */
const shortages = new Set(['EMFILE', 'ENFILE']);
/** Code of a 'full' error: no further file can be opened; nothing was done. */
export const tooManyFiles = 'too-many-files';
const misplaced = new Set(['ELOOP', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG']);

/** The operation, for messages ("create", "read") and for what a reason means in it. */
export interface DiskAction {
  readonly verb: string;
  /** Path of the disk, and of the file on it. */
  readonly disk: string;
  readonly file: string;
}

export function diskError(action: DiskAction, cause: unknown): unknown {
  if (!(cause instanceof NativeFailure)) return cause;
  const { verb, disk, file } = action;
  const what = `cannot ${verb} ${file === '' ? 'it' : file}: ${cause.message}`;
  const details = { context: { disk, file, reason: cause.reason }, cause };
  const { reason } = cause;
  if (full.has(reason)) return diskFull(action, cause);
  if (shortages.has(reason)) {
    const hint = reason === 'ENFILE' ? 'Look for what has so many files open on this machine (/proc/sys/fs/file-nr).' : 'Raise the limit of open files (LimitNOFILE in a systemd unit, `prlimit --nofile` for a running daemon).';
    return new HoldfastError('full', `disk ${disk}: ${what}`, { code: tooManyFiles, hint, ...details });
  }
  if (reason === 'ENOENT') return missing(action, cause);
  if (reason === 'EEXIST') return fileExists(action, cause);
  if (reason === 'EROFS') {
    const hint = 'Look at the kernel log (dmesg) for the reason, check the filesystem and mount it writable.';
    return new HoldfastError('unavailable', `disk ${disk} is read-only: ${what}`, { code: 'disk-read-only', hint, ...details });
  }
  if (gone.has(reason)) return diskGone(action, cause);
  if (refused.has(reason)) {
    const hint = 'Give the user who runs holdfast the right to read and write this directory.';
    return new HoldfastError('unavailable', `disk ${disk} refuses access: ${what}`, { code: 'disk-access', hint, ...details });
  }
  if (misplaced.has(reason)) return new HoldfastError('invalid', `disk ${disk}: ${what}`, { code: 'disk-path', ...details });
  if (reason === 'SHORT_READ') return shortRead(action, cause);
  if (reason === 'TOO_BIG') return tooBig(action, cause);
  if (reason === 'LOG_ABANDONED') return logAbandoned(action, cause);
  return diskIo(action, cause);
}

export function diskIo({ verb, disk, file }: DiskAction, cause?: unknown): HoldfastError {
  const reason = cause instanceof Error ? cause.message : 'I/O error';
  const hint = 'Look at the kernel log (dmesg) and the SMART state of the disk; replace it if errors go on.';
  return new HoldfastError('unavailable', `disk ${disk}: cannot ${verb} ${file}: ${reason}`, {
    code: 'disk-io',
    hint,
    context: { disk, file },
    cause,
  });
}

export function diskGone({ verb, disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('unavailable', `disk ${disk} is gone: cannot ${verb} ${file}`, {
    code: 'disk-gone',
    hint: 'Attach and mount the disk again, or replace it with `holdfast rebuild`.',
    context: { disk, file },
    cause,
  });
}

export function diskFull({ verb, disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('full', `disk ${disk} is full: cannot ${verb} ${file}`, {
    code: 'disk-full',
    hint: 'Free space on this disk, or add one with `holdfast disk add`.',
    context: { disk, file },
    cause,
  });
}

/** Making a file fails with ENOENT only when the directory of the disk itself was removed. */
function missing(action: DiskAction, cause?: unknown): HoldfastError {
  const making = action.verb === 'create' || action.verb === 'replace' || action.verb === 'open log';
  return making ? diskGone(action, cause) : fileMissing(action, cause);
}

export function fileMissing({ disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('missing', `disk ${disk}: there is no ${file}`, {
    code: 'disk-file-missing',
    context: { disk, file },
    cause,
  });
}

export function fileExists({ disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('conflict', `disk ${disk}: ${file} exists already`, {
    code: 'disk-file-exists',
    context: { disk, file },
    cause,
  });
}

export function shortRead({ disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('corrupt', `disk ${disk}: ${file} ends too early`, {
    code: 'disk-short-read',
    context: { disk, file },
    cause,
  });
}

export function tooBig({ disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('invalid', `disk ${disk}: ${file} is larger than it can be`, {
    code: 'disk-file-too-big',
    context: { disk, file },
    cause,
  });
}

export function logAbandoned({ disk, file }: DiskAction, cause?: unknown): HoldfastError {
  return new HoldfastError('unavailable', `disk ${disk}: ${file} failed to sync and must not be used again`, {
    code: 'disk-log-abandoned',
    context: { disk, file },
    cause,
  });
}

export function diskClosed(disk: string): HoldfastError {
  return new HoldfastError('closed', `disk ${disk} is closed`, { code: 'disk-closed', context: { disk } });
}
