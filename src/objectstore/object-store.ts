// Port: an object store. Keys are '/'-separated printable ASCII. An object is immutable once put (the backup never overwrites).
// Key parts are not empty and do not begin with a dot; objects are not empty. Calls may run concurrently and be repeated. Errors: HoldfastError 'unavailable' (store-unavailable, store-slow: may be retried),
// 'invalid' (store-credentials, store-no-bucket, store-key: not retried), 'full' (store-full), 'missing' (store-object-missing),
// 'conflict' (store-object-exists), 'corrupt' (store-checksum, store-range: the range begins past the end). Every message names the endpoint and the key.

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
}

export interface PutOptions {
  /** Fail with 'conflict' when the key exists. Under a lost reply the caller reads back and compares. */
  readonly ifAbsent: boolean;
}

export interface ObjectStore {
  /** For messages: `s3://bucket/prefix at https://…` or `file:///mnt/nas/x`. */
  readonly description: string;
  /** Durable when it resolves; the store has verified a checksum of the bytes (S3: CRC32 trailer; directory: read-back not needed, fsync'ed). Large objects go in parts. */
  put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void>;
  /** Whole object, or the byte range [offset, offset + length), clipped at the end of the object. */
  get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer>;
  /** null when it does not exist. */
  head(key: string): Promise<ObjectInfo | null>;
  /** Keys under the prefix in ascending byte order, after `startAfter` where given. */
  list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo>;
  /** Fine when some do not exist. At most 1,000 keys. */
  delete(keys: readonly string[]): Promise<void>;
  /** Makes the place for objects where that can be (a directory). For init only: at any other time a missing directory is an unmounted one. */
  prepare?(): Promise<void>;
  close(): Promise<void>;
}
