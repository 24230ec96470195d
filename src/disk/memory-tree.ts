// Directory entries of a MemoryDisk, synced and not, and what a crash makes of them. Synchronous; errors, scheduling
// and counting are MemoryDisk's.
import type { Random } from '../base/random.js';
import { parentsOf } from './disk-path.js';
import { MemoryFile } from './memory-file.js';

/** 'power': un-synced content and entries may be lost. 'process': only what was under way is uncertain. */
export type CrashKind = 'power' | 'process';

/** A call that was made and has not taken effect: a crash may leave any part of it. */
export type UnderWay =
  | { readonly type: 'create' | 'replace'; readonly path: string; readonly buffers: readonly Buffer[] }
  | { readonly type: 'log'; readonly path: string; readonly bytes: number }
  | { readonly type: 'write'; readonly file: MemoryFile; readonly offset: number; readonly buffers: readonly Buffer[] }
  | { readonly type: 'remove'; readonly path: string };

export class MemoryTree {
  readonly #files = new Map<string, MemoryFile>();
  readonly #directories = new Set<string>();
  /** Removed, but the entry may come back with a power loss until its directory is synced. */
  readonly #removed = new Map<string, MemoryFile>();

  get(path: string): MemoryFile | undefined {
    return this.#files.get(path);
  }

  exists(path: string): boolean {
    return this.#files.has(path) || this.#directories.has(path);
  }

  /** The entry is durable, and with it everything else that happened in its directory. */
  enter(path: string, file: MemoryFile): void {
    this.#files.set(path, file);
    for (const parent of parentsOf(path)) this.#directories.add(parent);
    const directory = directoryOf(path);
    for (const removed of this.#removed.keys()) if (directoryOf(removed) === directory) this.#removed.delete(removed);
  }

  /** Not durable. */
  remove(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    this.#removed.set(path, file);
  }

  /** Gone for good, without a trace. */
  forget(path: string): void {
    this.#files.delete(path);
    this.#removed.delete(path);
  }

  /** Names in a directory. */
  list(path: string): readonly string[] {
    const prefix = path === '' ? '' : `${path}/`;
    const below = [...this.#files.keys(), ...this.#directories].filter((name) => name.startsWith(prefix));
    return [...new Set(below.map((name) => name.slice(prefix.length).split('/', 1)[0] ?? ''))];
  }

  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  usedBytes(): number {
    let used = 0;
    for (const file of this.#files.values()) used += file.size;
    return used;
  }

  /** What is left when the crash comes while `underWay` was going on. This tree stays as it is. */
  afterCrash(underWay: Iterable<UnderWay>, random: Random, kind: CrashKind): MemoryTree {
    const calls = [...underWay];
    const left = new MemoryTree();
    for (const directory of this.#directories) left.#directories.add(directory);
    for (const [path, file] of this.#files) left.#files.set(path, contentAfter(file, calls, random, kind));
    for (const [path, file] of this.#removed) {
      const content = contentAfter(file, calls, random, kind);
      if (kind === 'process') left.#removed.set(path, content);
      else if (random.below(2) === 1) left.#files.set(path, content);
    }
    for (const call of calls) if (random.below(2) === 1) left.#partOf(call, random);
    return left;
  }

  #partOf(call: UnderWay, random: Random): void {
    if (call.type === 'remove') this.#files.delete(call.path);
    if (call.type === 'replace') this.enter(call.path, MemoryFile.of(Buffer.concat(call.buffers)));
    if (call.type === 'create' && !this.exists(call.path)) this.enter(call.path, tornFile(call.buffers, random));
    if (call.type === 'log' && !this.exists(call.path))
      this.enter(call.path, MemoryFile.zeros(random.below(2) * call.bytes));
  }
}

function contentAfter(file: MemoryFile, calls: readonly UnderWay[], random: Random, kind: CrashKind): MemoryFile {
  const also = [];
  for (const call of calls)
    if (call.type === 'write' && call.file === file) also.push({ offset: call.offset, bytes: Buffer.concat(call.buffers) });
  return kind === 'power' ? file.afterPowerLoss(random, also) : file.afterKill(random, also);
}

/** A file that was being made: any length up to its own, any part of its content. */
function tornFile(buffers: readonly Buffer[], random: Random): MemoryFile {
  const bytes = Buffer.concat(buffers);
  const size = random.below(2) === 0 ? bytes.length : random.below(bytes.length + 1);
  return MemoryFile.zeros(size).afterPowerLoss(random, [{ offset: 0, bytes: bytes.subarray(0, size) }]);
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
