// Which keys exist: '/'-separated printable ASCII, so that one key means the same object in a bucket and in a directory.
import { HoldfastError } from '../base/errors.js';

/** S3 allows 1,024 bytes; the rest is left for the prefix. */
export const keyBytesMax = 512;
/** Keys of one delete call: the limit of S3's DeleteObjects. */
export const keysPerDeleteMax = 1_000;

/** 'invalid' (store-key) for keys that could leave the prefix, hide, or mean something else elsewhere. */
export function checkKey(key: string): void {
  const fine = key.length <= keyBytesMax && /^[\x21-\x7e]+$/.test(key) && !/[\\*?"<>|:]/.test(key) && key.split('/').every((part) => part !== '' && !part.startsWith('.'));
  if (!fine) throw new HoldfastError('invalid', `${JSON.stringify(key)} is not a key of an object`, { code: 'store-key' });
}

/** Orders keys as stores list them: by their bytes. Keys are ASCII, so code units will do. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
