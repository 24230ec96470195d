// An object store in memory, held to the same contract suite as the real ones: for the simulation and for tests.
// Deterministic: it takes no time of its own, `pause` decides when a call goes on. Faults are added by FaultyObjectStore.
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import { checkKey, compareKeys, keysPerDeleteMax } from './object-key.js';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.js';
import { objectExists, objectMissing, rangeOutside, type StoreCall, type StoreOperation, storeFull } from './store-errors.js';

export interface MemoryObjectStoreOptions {
  readonly description?: string;
  /** Awaited before and after each call takes effect; the simulation lets other work run here. */
  readonly pause?: () => Promise<void>;
  /** Total size of objects; more gives 'full'. */
  readonly bytesMax?: number;
}

export class MemoryObjectStore implements ObjectStore {
  readonly description: string;
  readonly #objects: Map<string, Buffer>;
  readonly #pause: () => Promise<void>;
  readonly #bytesMax: number;
  #bytes = 0;
  #closed = false;

  constructor(options: MemoryObjectStoreOptions = {}, objects: ReadonlyMap<string, Buffer> = new Map()) {
    this.description = options.description ?? 'memory';
    this.#pause = options.pause ?? (() => Promise.resolve());
    this.#bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY;
    this.#objects = new Map(objects);
    for (const bytes of this.#objects.values()) this.#bytes += bytes.length;
  }

  async put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    const call = this.#call('put', key);
    checkKey(key);
    const bytes = Buffer.concat(buffers);
    assert(bytes.length > 0, 'objects are not empty');
    await this.#pause();
    const old = this.#objects.get(key);
    if (old !== undefined && options.ifAbsent) throw objectExists(call);
    const grown = this.#bytes + bytes.length - (old?.length ?? 0);
    if (grown > this.#bytesMax) throw storeFull(call, new Error(`${grown} of ${this.#bytesMax} bytes`));
    this.#bytes = grown;
    this.#objects.set(key, bytes);
    await this.#pause();
  }

  async get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    const call = this.#call('get', key);
    checkKey(key);
    await this.#pause();
    const bytes = this.#objects.get(key);
    if (bytes === undefined) throw objectMissing(call);
    if (range === undefined) return Buffer.from(bytes);
    if (range.offset >= bytes.length) throw rangeOutside(call);
    return Buffer.from(bytes.subarray(range.offset, range.offset + range.length));
  }

  async head(key: string): Promise<ObjectInfo | null> {
    this.#call('head', key);
    checkKey(key);
    await this.#pause();
    const bytes = this.#objects.get(key);
    return bytes === undefined ? null : { key, bytes: bytes.length };
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<ObjectInfo> {
    this.#call('list', prefix);
    await this.#pause();
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).sort(compareKeys);
    for (const key of keys) {
      const bytes = this.#objects.get(key);
      if (bytes !== undefined) yield { key, bytes: bytes.length };
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    this.#call('delete', keys[0] ?? '');
    assert(keys.length <= keysPerDeleteMax, 'a delete call takes at most 1,000 keys');
    keys.forEach(checkKey);
    await this.#pause();
    for (const key of keys) {
      this.#bytes -= this.#objects.get(key)?.length ?? 0;
      this.#objects.delete(key);
    }
    await this.#pause();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** The same objects in a new store, as another machine would find them. Objects are immutable: nothing is copied. */
  clone(options: MemoryObjectStoreOptions = {}): MemoryObjectStore {
    return new MemoryObjectStore(options, this.#objects);
  }

  /** For tests: all keys in order. */
  keys(): readonly string[] {
    return [...this.#objects.keys()].sort(compareKeys);
  }

  /** For tests: replaces an object behind the port's back, as damage would. */
  damage(key: string, change: (bytes: Buffer) => Buffer): void {
    const bytes = this.#objects.get(key);
    assert(bytes !== undefined, `${key} exists`);
    const changed = change(Buffer.from(bytes));
    this.#bytes += changed.length - bytes.length;
    this.#objects.set(key, changed);
  }

  #call(operation: StoreOperation, key: string): StoreCall {
    if (this.#closed) throw new HoldfastError('closed', `${this.description} is closed`, { code: 'store-closed' });
    return { store: this.description, operation, key };
  }
}
