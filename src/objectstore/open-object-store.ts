// Opens the store that a URL names and puts the wrappers around it: retries outside, limits inside, so that a call that waits
// for its next attempt holds no slot.
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import { DirectoryObjectStore } from './directory-object-store.js';
import { LimitedObjectStore, type StoreLimits } from './limited-object-store.js';
import { checkKey } from './object-key.js';
import type { ObjectStore } from './object-store.js';
import { defaultRetryPolicy, RetryingObjectStore, type RetryPolicy } from './retrying-object-store.js';
import type { S3Settings } from './s3-settings.js';

export interface ObjectStoreSettings extends S3Settings {
  readonly limits?: Partial<StoreLimits>;
  readonly retry?: RetryPolicy;
}

export interface ObjectStorePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A directory that hangs may hold two of libuv's four threads, never all of them. */
const directoryConcurrencyMax = 2;
const s3ConcurrencyMax = 8;

export type StoreLocation = { readonly type: 's3'; readonly bucket: string; readonly prefix: string } | { readonly type: 'directory'; readonly path: string };

/** 'invalid' (store-url) for anything but `s3://bucket[/prefix]` and `file:///absolute/dir`. */
export function parseStoreUrl(url: string): StoreLocation {
  const s3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url);
  if (s3 !== null) {
    const prefix = (s3[2] ?? '').replace(/\/+$/, '');
    if (prefix !== '') checkKey(prefix);
    return { type: 's3', bucket: s3[1] ?? '', prefix };
  }
  if (/^file:\/\/\/[^\0]/.test(url)) return { type: 'directory', path: url.slice('file://'.length).replace(/\/+$/, '') };
  throw new HoldfastError('invalid', `${url} names no object store`, { code: 'store-url', hint: 'Use s3://bucket/prefix or file:///absolute/directory.' });
}

/** Touches nothing: whether the store can be reached is found out by its first call. */
export async function openObjectStore(url: string, settings: ObjectStoreSettings, ports: ObjectStorePorts): Promise<ObjectStore> {
  const location = parseStoreUrl(url);
  const inner = location.type === 's3' ? await s3Store(location, settings, ports) : new DirectoryObjectStore(location.path);
  const limits = { concurrencyMax: location.type === 's3' ? s3ConcurrencyMax : directoryConcurrencyMax, ...settings.limits };
  return new RetryingObjectStore(new LimitedObjectStore(inner, ports.clock, limits), ports, settings.retry ?? defaultRetryPolicy);
}

/** Loaded when there is a bucket: the client of S3 is half of what a daemon loads at its start. */
async function s3Store(location: Extract<StoreLocation, { readonly type: 's3' }>, settings: ObjectStoreSettings, ports: ObjectStorePorts): Promise<ObjectStore> {
  const { S3ObjectStore } = await import('./s3-object-store.js');
  return new S3ObjectStore(location.bucket, location.prefix, settings, ports);
}
