// What one writer of the kill drill does, as a function of its seed: a list of operations, what the folder looks like after each
// of them, and how to tell after a crash how many of them are there. Knows no processes; works on any folder.
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, closeSync, existsSync, linkSync, openSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../../../src/base/random.js';
import { crc32c } from '../../../src/native/checksum.js';

export type Operation =
  | { readonly kind: 'create'; readonly name: string }
  | { readonly kind: 'write'; readonly name: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly name: string; readonly size: number }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'link'; readonly name: string; readonly to: string }
  | { readonly kind: 'chmod'; readonly name: string; readonly mode: number }
  | { readonly kind: 'unlink'; readonly name: string };

/** `bulk`: few large files instead of many small ones. */
export type WriterKind = 'mixed' | 'bulk';

interface Shape {
  readonly filesMax: number;
  readonly fileBytesMax: number;
  readonly writeBytesMax: number;
}

const shapes: Readonly<Record<WriterKind, Shape>> = {
  mixed: { filesMax: 40, fileBytesMax: 256 * 1024, writeBytesMax: 24 * 1024 },
  bulk: { filesMax: 4, fileBytesMax: 4 << 20, writeBytesMax: 1 << 19 },
};

/** Contents are never changed in place: a copy of the map is a copy of the state. */
interface File {
  readonly content: Buffer;
  readonly mode: number;
}

/** Names to inode-like numbers, and these to files. */
export interface State {
  readonly names: ReadonlyMap<string, number>;
  readonly files: ReadonlyMap<number, File>;
  readonly next: number;
}

export const emptyState: State = { names: new Map(), files: new Map(), next: 1 };

/** Bytes of one record in the log that a writer keeps of its own operations. */
export const recordBytes = 16;

/** Number, life and a checksum over both: a record that is torn or of another life is seen. */
export function logRecord(life: number, number: number): Buffer {
  const record = Buffer.alloc(recordBytes);
  record.writeUInt32LE(life, 0);
  record.writeUInt32LE(number, 4);
  record.writeUInt32LE(crc32c(record.subarray(0, 8)), 8);
  return record;
}

/** The operations of one life: the same for the same seed and the same state to begin with. */
export class History {
  readonly #random: SeededRandom;
  readonly #shape: Shape;
  #state: State;

  constructor(seed: number, kind: WriterKind, state: State) {
    this.#random = new SeededRandom(seed);
    this.#shape = shapes[kind];
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** Decides the next operation and counts it as done. */
  next(): Operation {
    const operation = this.#decide();
    this.#state = after(this.#state, operation);
    return operation;
  }

  #decide(): Operation {
    const names = [...this.#state.names.keys()];
    const chance = this.#random.below(100);
    const name = names[this.#random.below(names.length)];
    if (name === undefined || (chance < 20 && names.length < this.#shape.filesMax)) return { kind: 'create', name: this.#newName() };
    if (chance < 70) return this.#write(name);
    const { content } = fileOf(this.#state, name);
    if (chance < 75) return { kind: 'truncate', name, size: this.#random.below(content.length + 5000) };
    if (chance < 83) return { kind: 'rename', name, to: this.#otherName(names, name) };
    if (chance < 86) return { kind: 'link', name, to: this.#newName() };
    if (chance < 90) return { kind: 'chmod', name, mode: 0o400 + this.#random.below(0o400) };
    return { kind: 'unlink', name };
  }

  /** Mostly at the end, sometimes over what is there, sometimes behind the end. */
  #write(name: string): Operation {
    const { content } = fileOf(this.#state, name);
    if (content.length > this.#shape.fileBytesMax) return { kind: 'truncate', name, size: 0 };
    const where = this.#random.below(10);
    const offset = where < 6 ? content.length : where < 9 ? this.#random.below(content.length + 1) : content.length + this.#random.below(10_000);
    const bytes = Buffer.alloc(1 + this.#random.below(this.#shape.writeBytesMax), this.#random.bytes(61));
    return { kind: 'write', name, offset, bytes };
  }

  #newName(): string {
    return `d${this.#random.below(2)}/${this.#random.below(2 ** 32).toString(36)}`;
  }

  /** One half of the renames replaces a file. Never a second name of the same file: rename(2) does nothing then. */
  #otherName(names: readonly string[], name: string): string {
    const other = names[this.#random.below(names.length * 2)];
    return other === undefined || this.#state.names.get(other) === this.#state.names.get(name) ? this.#newName() : other;
  }
}

function fileOf(state: State, name: string): File {
  const file = state.files.get(state.names.get(name) ?? 0);
  assert.ok(file !== undefined, name);
  return file;
}

export function after(state: State, operation: Operation): State {
  const names = new Map(state.names);
  const files = new Map(state.files);
  const number = names.get(operation.name) ?? state.next;
  const change = (file: Partial<File>): void => void files.set(number, { ...fileOf(state, operation.name), ...file });
  switch (operation.kind) {
    case 'create':
      names.set(operation.name, number);
      files.set(number, { content: Buffer.alloc(0), mode: 0o644 });
      break;
    case 'write':
      change({ content: written(fileOf(state, operation.name).content, operation.offset, operation.bytes) });
      break;
    case 'truncate':
      change({ content: resized(fileOf(state, operation.name).content, operation.size) });
      break;
    case 'chmod':
      change({ mode: operation.mode });
      break;
    case 'rename':
      names.delete(operation.name);
      names.set(operation.to, number);
      break;
    case 'link':
      names.set(operation.to, number);
      break;
    case 'unlink':
      names.delete(operation.name);
      break;
  }
  return { names, files, next: Math.max(state.next, number + 1) };
}

function written(content: Buffer, offset: number, bytes: Buffer): Buffer {
  const next = resized(content, Math.max(content.length, offset + bytes.length));
  bytes.copy(next, offset);
  return next;
}

/** Always a new buffer. */
function resized(content: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size);
  content.copy(next, 0, 0, Math.min(size, content.length));
  return next;
}

/** Does it on the filesystem: one change a call, so that a crash leaves it done or not done. */
export function perform(folder: string, operation: Operation): void {
  const path = join(folder, operation.name);
  switch (operation.kind) {
    case 'create':
      closeSync(openSync(path, 'wx', 0o644));
      return;
    case 'write': {
      const file = openSync(path, 'r+');
      try {
        // A daemon that dies between two requests of one write leaves it short; the rest brings the error.
        for (let done = 0; done < operation.bytes.length; ) done += writeSync(file, operation.bytes, done, operation.bytes.length - done, operation.offset + done);
      } finally {
        closeSync(file);
      }
      return;
    }
    case 'truncate':
      truncateSync(path, operation.size);
      return;
    case 'chmod':
      chmodSync(path, operation.mode);
      return;
    case 'rename':
      renameSync(path, join(folder, operation.to));
      return;
    case 'link':
      linkSync(path, join(folder, operation.to));
      return;
    case 'unlink':
      unlinkSync(path);
  }
}

export function appendRecord(path: string, life: number, number: number): void {
  appendFileSync(path, logRecord(life, number));
}

/** How many records of this life the log holds; throws when it holds anything else. */
export function recordsIn(path: string, life: number): number {
  if (!existsSync(path)) return 0;
  const log = readFileSync(path);
  assert.equal(log.length % recordBytes, 0, `${path}: ${log.length} bytes are no whole records`);
  const count = log.length / recordBytes;
  for (let index = 0; index < count; index++) {
    assert.ok(log.subarray(index * recordBytes, (index + 1) * recordBytes).equals(logRecord(life, index + 1)), `${path}: record ${index + 1} is wrong`);
  }
  return count;
}

/** In words what differs between the folder and the state; null when nothing does. */
export function difference(folder: string, state: State): string | null {
  const there = ['d0', 'd1'].flatMap((sub) => readdirSync(join(folder, sub)).map((name) => `${sub}/${name}`));
  const missing = [...state.names.keys()].filter((name) => !there.includes(name));
  const extra = there.filter((name) => !state.names.has(name));
  if (missing.length + extra.length > 0) return `missing: ${missing.join(' ') || 'none'}; too many: ${extra.join(' ') || 'none'}`;
  for (const [name, number] of state.names) {
    const { content, mode } = fileOf(state, name);
    const { mode: modeThere, nlink } = statSync(join(folder, name));
    const links = [...state.names.values()].filter((other) => other === number).length;
    if ((modeThere & 0o7777) !== mode) return `${name}: mode ${(modeThere & 0o7777).toString(8)} instead of ${mode.toString(8)}`;
    if (nlink !== links) return `${name}: ${nlink} links instead of ${links}`;
    const bytes = readFileSync(join(folder, name));
    if (bytes.length !== content.length) return `${name}: ${bytes.length} bytes instead of ${content.length}`;
    if (!bytes.equals(content)) return `${name}: byte ${bytes.findIndex((byte, at) => byte !== content[at])} of ${bytes.length} differs`;
  }
  return null;
}
