// Turns what the SDK throws into the errors of the port. Only names and status codes are looked at, never headers:
// messages of ours must not carry secrets.
import { HoldfastError } from '../base/errors.js';
import { checksumRefused, objectExists, objectMissing, rangeOutside, requestRefused, type StoreCall, storeCredentials, storeFull, storeNoBucket, storeSlow, storeUnavailable } from './store-errors.js';

const credentialNames = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'TokenRefreshRequired',
  'AccountProblem',
  'NotSignedUp',
  'CredentialsProviderError',
  'RequestTimeTooSkewed',
  'Forbidden',
]);
const slowNames = new Set(['SlowDown', 'TooManyRequests', 'ThrottlingException', 'RequestLimitExceeded', 'ServiceUnavailable', 'BandwidthLimitExceeded']);
const fullNames = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage', 'EntityTooLarge', 'StorageFull']);
const checksumNames = new Set(['BadDigest', 'InvalidDigest', 'XAmzContentSHA256Mismatch', 'XAmzContentChecksumMismatch', 'IncompleteBody']);

export function s3Error(error: unknown, call: StoreCall): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const { name, status, cause } = describe(error);
  if (checksumNames.has(name)) return checksumRefused(call, cause);
  if (fullNames.has(name) || status === 507) return storeFull(call, cause);
  if (credentialNames.has(name)) return storeCredentials(call, cause);
  if (name === 'NoSuchBucket' || name === 'InvalidBucketName' || name === 'PermanentRedirect' || status === 301) return storeNoBucket(call, cause);
  if (slowNames.has(name) || status === 429 || status === 503) return storeSlow(call, cause);
  if (name === 'RequestTimeout' || name === 'NoSuchUpload' || status === undefined || status >= 500 || status === 408) return storeUnavailable(call, cause);
  switch (status) {
    case 401:
    case 403:
      return storeCredentials(call, cause);
    case 404:
      return call.operation === 'put' || call.operation === 'list' ? storeNoBucket(call, cause) : objectMissing(call, cause);
    case 409: // S3: a conditional write met another one; the outcome is to be read back like that of 412
    case 412:
      return objectExists(call, cause);
    case 416:
      return rangeOutside(call, cause);
    default:
      // 2xx and 3xx: the answer was no S3 answer at all
      return status < 400 ? storeUnavailable(call, cause) : requestRefused(call, cause);
  }
}

function describe(error: unknown): { readonly name: string; readonly status: number | undefined; readonly cause: Error } {
  if (!(error instanceof Error)) return { name: '', status: undefined, cause: new Error(String(error)) };
  const metadata = '$metadata' in error && typeof error.$metadata === 'object' && error.$metadata !== null ? error.$metadata : {};
  const status = 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
  const shown = status === undefined ? `${error.name}: ${code}${error.message}` : `${error.name}: ${error.message}, status ${status}`;
  // A new error with the text only: the SDK's own carries request headers in hidden fields.
  return { name: error.name, status, cause: new Error(shown) };
}
