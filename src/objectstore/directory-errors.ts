// Turns what the operating system says about a directory store into the errors of the port.
import { HoldfastError } from '../base/errors.js';
import { objectExists, objectMissing, type StoreCall, storeCredentials, storeFull, storeNoBucket, storeUnavailable } from './store-errors.js';

/** The name of the errno (`ENOSPC`), or '' for other errors. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** `subject` says what ENOENT means: the object, or the whole directory. Errors of the port pass through. */
export function directoryError(error: unknown, call: StoreCall, subject: 'object' | 'folder'): HoldfastError {
  if (error instanceof HoldfastError) return error;
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return subject === 'folder' ? storeNoBucket(call, error) : call.operation === 'put' ? storeUnavailable(call, error) : objectMissing(call, error);
    case 'EISDIR':
      return objectMissing(call, error);
    case 'EEXIST':
      return objectExists(call, error);
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return storeFull(call, error);
    case 'EACCES':
    case 'EPERM':
      return storeCredentials(call, error);
    default:
      return storeUnavailable(call, error);
  }
}
