// What becomes of a failed request, whichever driver brought it: an errno for the caller, what lies below it in the log,
// and a bug to whoever decides about bugs. A full volume is one line in a while: every write to it fails in the same way.
import { constants } from 'node:os';
import type { Clock } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { PosixError } from '../filesystem/contract.js';

/** Programs try again in a loop; the log lies on a disk as well. */
const fullLogMs = 60_000;

export interface FailuresOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: unknown) => void;
}

export class Failures {
  readonly #options: FailuresOptions;
  #fullLoggedAtMs = Number.NEGATIVE_INFINITY;
  #fullSince = 0;

  constructor(options: FailuresOptions) {
    this.#options = options;
  }

  /** Positive. Anything but a PosixError is EIO; what is not an expected failure either goes to `onFatal`. */
  errnoOf(error: unknown): number {
    const below = error instanceof PosixError ? error.cause : error;
    if (below instanceof HoldfastError) this.#log(below);
    else if (!(error instanceof PosixError)) this.#options.onFatal(error);
    return error instanceof PosixError ? error.errno : constants.errno.EIO;
  }

  #log(error: HoldfastError): void {
    const { clock, logger } = this.#options;
    const about = { code: error.code, kind: error.kind, ...error.context };
    if (error.kind !== 'full') {
      logger.error(about, `a request failed: ${messageOf(error)}`);
      return;
    }
    const now = clock.monotonicMs();
    if (now - this.#fullLoggedAtMs < fullLogMs) {
      this.#fullSince++;
      return;
    }
    logger.error({ ...about, before: this.#fullSince }, `a request failed: ${messageOf(error)}`);
    this.#fullLoggedAtMs = now;
    this.#fullSince = 0;
  }
}
