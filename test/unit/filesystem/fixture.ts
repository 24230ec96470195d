// What the filesystem's tests share: a filesystem on a MemoryVolume, short names for names, and the errno of a throw.
import assert from 'node:assert/strict';
import { type Ino, ROOT_INO } from '../../../src/base/ids.js';
import { type Caller, type FileSystem, PosixError } from '../../../src/filesystem/contract.js';
import { createFileSystem } from '../../../src/filesystem/filesystem.js';
import { defaultFileSystemOptions, type FileSystemOptions } from '../../../src/filesystem/options.js';
import type { Inode } from '../../../src/skeleton/contract.js';
import { MemoryVolume } from '../../support/memory-volume.js';

export const root = ROOT_INO;
export const rootCaller: Caller = { uid: 0, gid: 0, pid: 1 };
export const alice: Caller = { uid: 1000, gid: 1001, pid: 2 };
export const b = (text: string): Buffer => Buffer.from(text);

export interface Fixture {
  readonly volume: MemoryVolume;
  readonly fs: FileSystem;
  /** Makes a closed file with this content; gives its inode as it is then. */
  file(name: string, content?: string, parent?: Ino): Promise<Inode>;
  directory(name: string, parent?: Ino): Promise<Inode>;
  inode(ino: Ino): Promise<Inode>;
  content(ino: Ino): Promise<string>;
}

export function fixture(options: Partial<FileSystemOptions> = {}): Fixture {
  const volume = new MemoryVolume();
  const fs = createFileSystem(volume, { ...defaultFileSystemOptions, ...options });
  const inode = async (ino: Ino): Promise<Inode> => fs.getattr(ino);
  return {
    volume,
    fs,
    inode,
    async file(name, content = '', parent = root) {
      const made = await fs.create(alice, parent, b(name), 0o644, 0o102, 0);
      if (content !== '') await fs.write(made.inode.ino, made.handle, 0, b(content), false);
      fs.release(made.inode.ino, made.handle);
      return inode(made.inode.ino);
    },
    async directory(name, parent = root) {
      return (await fs.mkdir(alice, parent, b(name), 0o755, 0)).inode;
    },
    async content(ino) {
      const { handle } = await fs.open(ino, 0, false);
      const bytes = await fs.read(ino, handle, 0, 1 << 20);
      fs.release(ino, handle);
      return bytes.toString();
    },
  };
}

/** Runs it and asserts that it fails with this errno, at once or later. */
export async function failsWith(errno: number, action: () => unknown): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof PosixError)) throw error;
    assert.equal(error.errno, errno, error.message);
    return;
  }
  assert.fail(`did not fail with errno ${errno}`);
}
