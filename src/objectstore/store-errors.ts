// The errors of the object-store port, made in one place so that every store words them alike:
// what was tried, on which key, of which store, and what to do next.
import { HoldfastError, messageOf } from '../base/errors.js';

export type StoreOperation = 'put' | 'get' | 'head' | 'list' | 'delete';

/** What an error is about. `store` is ObjectStore.description. */
export interface StoreCall {
  readonly store: string;
  readonly operation: StoreOperation;
  /** Key or, for list, prefix; for delete the first of the keys. */
  readonly key: string;
}

const verbs: Record<StoreOperation, string> = { put: 'write', get: 'read', head: 'look up', list: 'list', delete: 'delete' };

function make(kind: HoldfastError['kind'], code: string, call: StoreCall, what: string, hint: string, cause?: unknown): HoldfastError {
  return new HoldfastError(kind, `cannot ${verbs[call.operation]} ${call.key === '' ? '(all keys)' : call.key} in ${call.store}: ${what}`, {
    code,
    hint,
    context: { store: call.store, operation: call.operation, key: call.key },
    ...(cause === undefined ? {} : { cause }),
  });
}

export const storeUnavailable = (call: StoreCall, cause: unknown): HoldfastError =>
  make('unavailable', 'store-unavailable', call, messageOf(cause) || 'no answer', 'Check that the store is running and can be reached; the work is taken up again by the next attempt.', cause);

export const storeSlow = (call: StoreCall, cause: unknown): HoldfastError =>
  make('unavailable', 'store-slow', call, `the store asks to slow down (${messageOf(cause)})`, 'Nothing to do unless it lasts: the request is repeated later.', cause);

export const storeCredentials = (call: StoreCall, cause: unknown): HoldfastError =>
  make('invalid', 'store-credentials', call, `access is refused (${messageOf(cause)})`, 'Check the access key, its permissions and the clock of this machine; for a directory its owner and mode.', cause);

export const storeNoBucket = (call: StoreCall, cause: unknown): HoldfastError =>
  make('invalid', 'store-no-bucket', call, 'the bucket or directory does not exist', 'Create it, mount it, or correct the backup URL, region and endpoint.', cause);

export const storeFull = (call: StoreCall, cause: unknown): HoldfastError =>
  make('full', 'store-full', call, `no space is left (${messageOf(cause)})`, 'Free space or raise the quota there; nothing is lost, the data stays protected on the local disks.', cause);

export const objectMissing = (call: StoreCall, cause?: unknown): HoldfastError => make('missing', 'store-object-missing', call, 'no such object', 'Run a backup verification to see what else is missing.', cause);

export const objectExists = (call: StoreCall, cause?: unknown): HoldfastError => make('conflict', 'store-object-exists', call, 'an object of that name exists already', 'Nothing was changed.', cause);

export const checksumRefused = (call: StoreCall, cause: unknown): HoldfastError =>
  make('corrupt', 'store-checksum', call, `the bytes arrived changed (${messageOf(cause)})`, 'Check the network path and the memory of this machine if it happens again.', cause);

export const rangeOutside = (call: StoreCall, cause?: unknown): HoldfastError =>
  make('corrupt', 'store-range', call, 'the object is shorter than it should be', 'Run a backup verification; the object is uploaded again from the local disks where they have it.', cause);

/** Anything else that a store answers: the request itself is at fault. */
export const requestRefused = (call: StoreCall, cause: unknown): HoldfastError =>
  make('invalid', 'store-request', call, `the store refuses the request (${messageOf(cause)})`, 'Check that the endpoint is an S3-compatible store and that region and addressing style are right.', cause);
