// The one error class of the project. Few kinds, a stable code, a message that names the thing and
// says what to do. Only src/filesystem turns these into errno; a bug is an assertion, never one of these.

export type ErrorKind =
  | 'invalid' // the caller's input or the configuration is wrong
  | 'unavailable' // a disk, a store or the network is not there now; trying later may help
  | 'corrupt' // bytes that do not verify
  | 'conflict' // somebody else owns it, or it exists already
  | 'full' // no space, or a limit is reached
  | 'missing' // the named thing does not exist
  | 'closed' // the component was shut down
  | 'internal'; // an invariant of ours did not hold

export interface ErrorDetails {
  /** Stable, kebab-case, for scripts: `disk-foreign`, `backup-prefix-taken`. */
  readonly code: string;
  /** What the user should do next, one sentence. Shown on its own line by the command line. */
  readonly hint?: string;
  /** Names and numbers of the failure: disk, path, lsn. Plain values only. */
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

export class HoldfastError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'HoldfastError';
    this.kind = kind;
    this.code = details.code;
    this.hint = details.hint;
    this.context = details.context ?? {};
  }
}

/** True for a HoldfastError of one of the given kinds. */
export function isErrorOf(error: unknown, ...kinds: readonly ErrorKind[]): error is HoldfastError {
  return error instanceof HoldfastError && kinds.includes(error.kind);
}

/** The message of anything thrown, for logs and for wrapping. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
