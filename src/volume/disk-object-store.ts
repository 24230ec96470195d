// A local disk seen as an object store, so that skeleton images on disks and in the backup are one code.
// Objects are files below `folder`; put is Disk.create (durable, never overwrites) or Disk.replace.
import { isErrorOf } from '../base/errors.js';
import type { Disk } from '../disk/disk.js';
import type { ObjectInfo, ObjectStore, PutOptions } from '../objectstore/object-store.js';

const objectBytesMax = 64 * 1024 ** 2;

export class DiskObjectStore implements ObjectStore {
  readonly description: string;
  readonly #disk: Disk;
  readonly #folder: string;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.description = `${disk.path}/${folder}`;
  }

  put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    const path = `${this.#folder}/${key}`;
    return options.ifAbsent ? this.#disk.create(path, buffers) : this.#disk.replace(path, buffers);
  }

  async get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    const path = `${this.#folder}/${key}`;
    if (range === undefined) return this.#disk.readAll(path, objectBytesMax);
    const into = Buffer.alloc(range.length);
    await this.#disk.read(path, range.offset, into);
    return into;
  }

  async head(key: string): Promise<ObjectInfo | null> {
    const bytes = await this.#disk.size(`${this.#folder}/${key}`);
    return bytes === null ? null : { key, bytes };
  }

  async *list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo> {
    // Prefixes used by the image chain are whole folders.
    const folder = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
    const names = [...(await this.#disk.list(folder === '' ? this.#folder : `${this.#folder}/${folder}`))].sort();
    for (const name of names) {
      const key = folder === '' ? name : `${folder}/${name}`;
      if (startAfter !== undefined && key <= startAfter) continue;
      const info = await this.head(key);
      if (info !== null) yield info;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      try {
        await this.#disk.remove(`${this.#folder}/${key}`);
      } catch (error) {
        if (!isErrorOf(error, 'missing')) throw error;
      }
    }
  }

  async close(): Promise<void> {}
}
