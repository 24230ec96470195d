// The nodes of the tree over a skeleton image: leaves list 512 chunks each, the root lists the leaves and all packs in use.
// Pack names are listed once per node and referred to by number. Bytes: docs/format/backup.md.
import { assert } from '../base/assert.js';
import { imageChunkBytes } from '../base/limits.js';
import { badPiece, hashBytes, type PieceReference } from './image-pack.js';

export const chunksPerLeaf = 512;

const leafMagic = 'HFLEAF1\0';
const rootMagic = 'HFROOT1\0';
const referenceBytes = hashBytes + 16;

/** How much of a pack the image still uses, in bytes of pieces. */
export interface PackUse {
  readonly bytes: number;
  readonly live: number;
}

export interface RootNode {
  /** Size of the database file. */
  readonly bytes: number;
  readonly leaves: readonly PieceReference[];
  readonly packs: ReadonlyMap<string, PackUse>;
}

export function encodeLeaf(firstChunk: number, chunks: readonly PieceReference[]): Buffer {
  const names = [...new Set(chunks.map((chunk) => chunk.pack))];
  const head = Buffer.alloc(20);
  head.write(leafMagic, 0, 'latin1');
  head.writeUInt32LE(firstChunk, 8);
  head.writeUInt32LE(chunks.length, 12);
  head.writeUInt32LE(names.length, 16);
  return Buffer.concat([head, ...names.map(encodeName), encodeReferences(chunks, names)]);
}

/** 'corrupt' (image-piece) when the bytes are not the leaf that begins with `firstChunk`. */
export function decodeLeaf(bytes: Buffer, firstChunk: number): readonly PieceReference[] {
  const reader = new Reader(bytes);
  if (reader.text(8) !== leafMagic || reader.u32() !== firstChunk) throw badPiece(`it is not the leaf of chunk ${firstChunk}`);
  const count = reader.u32();
  if (count > chunksPerLeaf) throw badPiece(`a leaf lists ${count} chunks`);
  const names = Array.from({ length: reader.count() }, () => reader.name());
  const chunks = reader.references(count, names);
  reader.end();
  return chunks;
}

export function encodeRoot(root: RootNode): Buffer {
  const names = [...root.packs.keys()];
  const head = Buffer.alloc(32);
  head.write(rootMagic, 0, 'latin1');
  head.writeBigUInt64LE(BigInt(root.bytes), 8);
  head.writeUInt32LE(imageChunkBytes, 16);
  head.writeUInt32LE(chunksPerLeaf, 20);
  head.writeUInt32LE(root.leaves.length, 24);
  head.writeUInt32LE(names.length, 28);
  const packs = [...root.packs].map(([name, use]) => {
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32LE(use.bytes, 0);
    numbers.writeUInt32LE(use.live, 4);
    return Buffer.concat([encodeName(name), numbers]);
  });
  return Buffer.concat([head, ...packs, encodeReferences(root.leaves, names)]);
}

/** 'corrupt' (image-piece) when the bytes are not a root node with consistent numbers. */
export function decodeRoot(bytes: Buffer): RootNode {
  const reader = new Reader(bytes);
  if (reader.text(8) !== rootMagic) throw badPiece('it is not a root node');
  const databaseBytes = reader.u64();
  if (reader.u32() !== imageChunkBytes || reader.u32() !== chunksPerLeaf) throw badPiece('it has other chunk sizes');
  const leafCount = reader.u32();
  if (leafCount !== Math.ceil(databaseBytes / imageChunkBytes / chunksPerLeaf)) throw badPiece(`${leafCount} leaves do not fit ${databaseBytes} bytes`);
  const packs = new Map<string, PackUse>();
  for (let left = reader.count(); left > 0; left--) packs.set(reader.name(), { bytes: reader.u32(), live: reader.u32() });
  const leaves = reader.references(leafCount, [...packs.keys()]);
  reader.end();
  return { bytes: databaseBytes, leaves, packs };
}

function encodeName(name: string): Buffer {
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1')]);
}

function encodeReferences(references: readonly PieceReference[], names: readonly string[]): Buffer {
  const numbers = new Map(names.map((name, number) => [name, number]));
  const bytes = Buffer.alloc(references.length * referenceBytes);
  references.forEach((reference, i) => {
    const at = i * referenceBytes;
    const number = numbers.get(reference.pack);
    assert(number !== undefined, `pack ${reference.pack} is in the node's list`);
    reference.hash.copy(bytes, at);
    bytes.writeUInt32LE(number, at + 32);
    bytes.writeUInt32LE(reference.offset, at + 36);
    bytes.writeUInt32LE(reference.length, at + 40);
    bytes.writeUInt32LE(reference.rawBytes, at + 44);
  });
  return bytes;
}

/** Takes fields off the front; running past the end is damage. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u32(): number {
    return this.#take(4).readUInt32LE();
  }

  u64(): number {
    const value = this.#take(8).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw badPiece('a number exceeds 2^53');
    return Number(value);
  }

  /** A number of things of at least one byte each: more than there are bytes is damage, not an allocation. */
  count(): number {
    const value = this.u32();
    if (value > this.#bytes.length - this.#at) throw badPiece(`it cannot hold ${value} entries`);
    return value;
  }

  text(bytes: number): string {
    return this.#take(bytes).toString('latin1');
  }

  name(): string {
    return this.text(this.#take(1).readUInt8());
  }

  references(count: number, names: readonly string[]): PieceReference[] {
    const all = this.#take(count * referenceBytes);
    return Array.from({ length: count }, (_, i) => {
      const at = i * referenceBytes;
      const pack = names[all.readUInt32LE(at + 32)];
      if (pack === undefined) throw badPiece('it refers to a pack that it does not name');
      return { hash: all.subarray(at, at + 32), pack, offset: all.readUInt32LE(at + 36), length: all.readUInt32LE(at + 40), rawBytes: all.readUInt32LE(at + 44) };
    });
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw badPiece(`${this.#bytes.length - this.#at} bytes are left over`);
  }

  #take(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) throw badPiece('it ends too early');
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }
}
