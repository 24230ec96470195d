// Wrapper: makes another store fail as stores do. `decide` is asked once a call and returns what shall go wrong;
// 'lost-reply' does the work and then says it has no idea. For tests and the simulation.
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.js';
import { checksumRefused, type StoreCall, type StoreOperation, storeCredentials, storeFull, storeSlow, storeUnavailable } from './store-errors.js';

export type StoreFault = 'error' | 'lost-reply' | 'busy' | 'full' | 'credentials' | 'checksum' | { readonly waitFor: Promise<void> };

export class FaultyObjectStore implements ObjectStore {
  readonly description: string;
  readonly #inner: ObjectStore;
  readonly #decide: (operation: StoreOperation, key: string) => StoreFault | null;

  constructor(inner: ObjectStore, decide: (operation: StoreOperation, key: string) => StoreFault | null) {
    this.description = inner.description;
    this.#inner = inner;
    this.#decide = decide;
  }

  put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    return this.#run('put', key, () => this.#inner.put(key, buffers, options));
  }

  get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    return this.#run('get', key, () => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | null> {
    return this.#run('head', key, () => this.#inner.head(key));
  }

  async *list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo> {
    await this.#run('list', prefix, () => Promise.resolve());
    yield* this.#inner.list(prefix, startAfter);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#run('delete', keys[0] ?? '', () => this.#inner.delete(keys));
  }

  async prepare(): Promise<void> {
    await this.#inner.prepare?.();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #run<Result>(operation: StoreOperation, key: string, action: () => Promise<Result>): Promise<Result> {
    const fault = this.#decide(operation, key);
    if (fault === null) return action();
    const call = { store: this.description, operation, key };
    if (typeof fault === 'object') {
      await fault.waitFor;
      return action();
    }
    if (fault === 'lost-reply') await action();
    throw errorFor(fault, call);
  }
}

function errorFor(fault: Exclude<StoreFault, object>, call: StoreCall): Error {
  const cause = new Error(`injected fault: ${fault}`);
  switch (fault) {
    case 'error':
    case 'lost-reply':
      return storeUnavailable(call, cause);
    case 'busy':
      return storeSlow(call, cause);
    case 'full':
      return storeFull(call, cause);
    case 'credentials':
      return storeCredentials(call, cause);
    case 'checksum':
      return checksumRefused(call, cause);
  }
}
