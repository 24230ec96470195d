// What becomes of a failed request, whichever driver brought it: an errno for the caller, what lies below it in the log,
// and a bug to whoever decides about bugs.
import { constants } from 'node:os';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { PosixError } from '../filesystem/contract.js';

/** Positive. Anything but a PosixError is EIO; what is not an expected failure either goes to `onFatal`. */
export function errnoOfFailure(error: unknown, logger: Logger, onFatal: (error: unknown) => void): number {
  const below = error instanceof PosixError ? error.cause : error;
  if (below instanceof HoldfastError) logger.error({ code: below.code, kind: below.kind, ...below.context }, `a request failed: ${messageOf(below)}`);
  else if (!(error instanceof PosixError)) onFatal(error);
  return error instanceof PosixError ? error.errno : constants.errno.EIO;
}
