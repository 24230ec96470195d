// A store that is opened by its first call, and again by the next one when that failed: a backup that is not there
// (a NAS that is switched off) must not keep a volume from mounting.
import type { ObjectInfo, ObjectStore, PutOptions } from '../objectstore/object-store.js';

export class LazyObjectStore implements ObjectStore {
  readonly description: string;
  readonly #open: () => Promise<ObjectStore>;
  #opening: Promise<ObjectStore> | null = null;

  constructor(description: string, open: () => Promise<ObjectStore>) {
    this.description = description;
    this.#open = open;
  }

  async put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    return (await this.#store()).put(key, buffers, options);
  }

  async get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    return (await this.#store()).get(key, range);
  }

  async head(key: string): Promise<ObjectInfo | null> {
    return (await this.#store()).head(key);
  }

  async *list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo> {
    yield* (await this.#store()).list(prefix, startAfter);
  }

  async delete(keys: readonly string[]): Promise<void> {
    return (await this.#store()).delete(keys);
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    if (opening === null) return;
    // A store that never opened has nothing to close.
    const store = await opening.catch(() => null);
    await store?.close();
  }

  #store(): Promise<ObjectStore> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }
}
