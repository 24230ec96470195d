// An object store in a directory: a NAS, a USB disk. Keys are paths below it; a new object is written under `.holdfast-tmp`,
// synced, given its name by link(2) (which never replaces) or rename(2), and the folder is synced.
// The directory is held open and worked in through that handle: when a disk is unmounted under us we never write into the mount point beneath.
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { assert } from '../base/assert.js';
import { HoldfastError } from '../base/errors.js';
import { systemRandom } from '../base/random.js';
import { directoryError, errnoOf } from './directory-errors.js';
import { checkKey, compareKeys, keysPerDeleteMax } from './object-key.js';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.js';
import { objectExists, objectMissing, rangeOutside, type StoreCall, type StoreOperation, storeUnavailable } from './store-errors.js';

const temporaryFolder = '.holdfast-tmp';
/** No put of a few MiB takes a day. */
const temporaryAgeMsMax = 24 * 3_600_000;

export class DirectoryObjectStore implements ObjectStore {
  readonly description: string;
  readonly #path: string;
  readonly #writer = systemRandom.bytes(6).toString('hex');
  /** Opened by the first call: a share that is not mounted now may be later. */
  #opening: Promise<FileHandle> | null = null;
  #handle: FileHandle | null = null;
  #temporaryCount = 0;
  #swept = false;
  #closed = false;

  constructor(path: string) {
    this.description = `file://${path}`;
    this.#path = path;
  }

  async prepare(): Promise<void> {
    try {
      await mkdir(this.#path, { recursive: true });
    } catch (error) {
      throw directoryError(error, { store: this.description, operation: 'put', key: '' }, 'folder');
    }
  }

  async put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    const call = this.#call('put', key);
    checkKey(key);
    assert(
      buffers.some((buffer) => buffer.length > 0),
      'objects are not empty',
    );
    try {
      await this.#open(call);
      await this.#makeFolder(temporaryFolder);
      const temporary = this.#at(`${temporaryFolder}/${this.#writer}-${this.#temporaryCount++}`);
      try {
        await writeSynced(temporary, buffers, 'wx');
        // Durable from here: the bytes, under a name that nobody looks for.
        if (!this.#swept) await this.#sweepTemporary(temporary);
        const folder = key.slice(0, Math.max(0, key.lastIndexOf('/')));
        await this.#makeFolder(folder);
        if (options.ifAbsent) await this.#linkNew(temporary, key, call);
        else await rename(temporary, this.#at(key));
        await syncFolder(this.#at(folder));
        // Durable from here: the object.
      } finally {
        await unlink(temporary).catch(ignoreMissing);
      }
    } catch (error) {
      throw directoryError(error, call, 'object');
    }
  }

  async get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    const call = this.#call('get', key);
    checkKey(key);
    let file: FileHandle | undefined;
    try {
      await this.#open(call);
      file = await open(this.#at(key), 'r');
      const { size } = await file.stat();
      if (size === 0) throw objectMissing(call); // the claim of a put that never finished: see #linkNew
      const offset = range?.offset ?? 0;
      if (offset >= size) throw rangeOutside(call);
      const bytes = Buffer.allocUnsafe(Math.min(range?.length ?? size, size - offset));
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
        if (bytesRead === 0) throw rangeOutside(call);
        done += bytesRead;
      }
      return bytes;
    } catch (error) {
      throw directoryError(error, call, 'object');
    } finally {
      await file?.close();
    }
  }

  async head(key: string): Promise<ObjectInfo | null> {
    const call = this.#call('head', key);
    checkKey(key);
    try {
      await this.#open(call);
      const found = await stat(this.#at(key));
      return found.isFile() && found.size > 0 ? { key, bytes: found.size } : null;
    } catch (error) {
      const failure = directoryError(error, call, 'object');
      if (failure.kind === 'missing') return null;
      throw failure;
    }
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<ObjectInfo> {
    const call = this.#call('list', prefix);
    await this.#open(call);
    yield* this.#walk('', prefix, startAfter, call);
  }

  async delete(keys: readonly string[]): Promise<void> {
    const call = this.#call('delete', keys[0] ?? '');
    assert(keys.length <= keysPerDeleteMax, 'a delete call takes at most 1,000 keys');
    keys.forEach(checkKey);
    await this.#open(call);
    for (const key of keys) {
      await unlink(this.#at(key)).catch((error: unknown) => {
        const failure = directoryError(error, { ...call, key }, 'object');
        if (failure.kind !== 'missing') throw failure;
      });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle?.close();
    this.#handle = null;
  }

  /** Files below `folder` ('' or ending in '/') in the order of their keys; folders that cannot match are not entered. */
  async *#walk(folder: string, prefix: string, startAfter: string, call: StoreCall): AsyncIterable<ObjectInfo> {
    let names: string[];
    try {
      const entries = await readdir(this.#at(folder), { withFileTypes: true });
      // A folder sorts as its name with '/', since that is how its keys go on.
      names = entries.filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isDirectory())).map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    } catch (error) {
      const failure = directoryError(error, call, folder === '' ? 'folder' : 'object');
      if (failure.kind === 'missing') return;
      throw failure;
    }
    for (const name of names.sort(compareKeys)) {
      const path = folder + name;
      const mayMatch = path.startsWith(prefix) || (name.endsWith('/') && prefix.startsWith(path));
      const allBefore = path <= startAfter && !(name.endsWith('/') && startAfter.startsWith(path));
      if (!mayMatch || allBefore) continue;
      if (name.endsWith('/')) {
        yield* this.#walk(path, prefix, startAfter, call);
      } else {
        const info = await this.head(path);
        if (info !== null) yield info;
      }
    }
  }

  /** Gives the file its name unless that exists. Filesystems without hard links (exFAT, some SMB): an empty file claims the name first; empty files count as missing. */
  async #linkNew(temporary: string, key: string, call: StoreCall): Promise<void> {
    try {
      await link(temporary, this.#at(key));
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EEXIST') throw objectExists(call, error);
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error;
      await this.#claimAndRename(temporary, key, call);
    }
  }

  async #claimAndRename(temporary: string, key: string, call: StoreCall): Promise<void> {
    try {
      await (await open(this.#at(key), 'wx')).close();
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? objectExists(call, error) : error;
    }
    await rename(temporary, this.#at(key));
  }

  /** Makes a folder and its parents; each new one is durable in its parent. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === '') return;
    try {
      await mkdir(this.#at(folder));
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EEXIST') return;
      if (code !== 'ENOENT') throw error;
      const parent = folder.slice(0, Math.max(0, folder.lastIndexOf('/')));
      if (parent === '') throw error;
      await this.#makeFolder(parent);
      await this.#makeFolder(folder);
      return;
    }
    await syncFolder(this.#at(folder.slice(0, Math.max(0, folder.lastIndexOf('/')))));
  }

  /** Once per process: removes what puts that died have left, by age, since other processes may be writing. */
  async #sweepTemporary(fresh: string): Promise<void> {
    this.#swept = true;
    const nowMs = (await stat(fresh)).mtimeMs;
    for (const name of await readdir(this.#at(temporaryFolder))) {
      const path = this.#at(`${temporaryFolder}/${name}`);
      const found = await stat(path).catch(ignoreMissing);
      if (found !== undefined && nowMs - found.mtimeMs > temporaryAgeMsMax) await unlink(path).catch(ignoreMissing);
    }
  }

  /** The path must still lead to the directory that is held open: after an unmount it leads to the mount point beneath. */
  async #open(call: StoreCall): Promise<void> {
    try {
      this.#opening ??= open(this.#path, constants.O_RDONLY | constants.O_DIRECTORY);
      this.#handle = await this.#opening;
      const [held, now] = await Promise.all([this.#handle.stat(), stat(this.#path)]);
      if (held.dev === now.dev && held.ino === now.ino) return;
    } catch (error) {
      if (this.#handle === null) this.#opening = null;
      throw directoryError(error, call, 'folder');
    }
    throw storeUnavailable(call, new Error('the path leads to another directory now: the disk or share was unmounted or replaced; mount it again, then the volume'));
  }

  #at(path: string): string {
    assert(this.#handle !== null, 'the directory is open');
    return `/proc/self/fd/${this.#handle.fd}/${path}`;
  }

  #call(operation: StoreOperation, key: string): StoreCall {
    if (this.#closed) throw new HoldfastError('closed', `${this.description} is closed`, { code: 'store-closed' });
    return { store: this.description, operation, key };
  }
}

async function writeSynced(path: string, buffers: readonly Buffer[], flags: 'wx'): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    let position = 0;
    for (const buffer of buffers) {
      for (let done = 0; done < buffer.length; ) {
        const { bytesWritten } = await file.write(buffer, done, buffer.length - done, position);
        done += bytesWritten;
        position += bytesWritten;
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } catch (error) {
    // Some network filesystems cannot sync folders and make names durable at once.
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOTSUP') throw error;
  } finally {
    await folder.close();
  }
}

function ignoreMissing(error: unknown): undefined {
  // After rename the temporary name is gone.
  if (errnoOf(error) !== 'ENOENT') throw error;
  return undefined;
}
