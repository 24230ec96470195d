// Builds and writes one image: changed chunks, changed leaves, a root node, packed together. Changes nothing in memory that anybody
// else sees: the tree it returns becomes the chain's only when all of it is durable.
import { assert } from '../base/assert.js';
import type { GenerationId, Lsn } from '../base/ids.js';
import { chunksPerLeaf, encodeLeaf, encodeRoot } from '../format/image-node.js';
import type { PieceReference } from '../format/image-pack.js';
import type { Codec } from '../native/codec.js';
import type { ChunkSource, ImageReference } from './contract.js';
import { chunkBytes, chunkCount, type ImageTree, leafOf, packsToEmpty, packUse } from './image-tree.js';
import type { PackWriter } from './pack-writer.js';

/** Chunks read and compressed at once: 4 MiB. */
const sliceMax = 64;

export interface ImagePoint {
  readonly lsn: Lsn;
  readonly generation: GenerationId;
  readonly link: number;
}

export class ImagePublication {
  chunksWritten = 0;
  readonly #before: ImageTree;
  readonly #source: ChunkSource;
  readonly #codec: Codec;
  readonly #packs: PackWriter;
  readonly #emptied: ReadonlySet<string>;
  readonly #chunks: PieceReference[];
  readonly #changedLeaves = new Set<number>();

  constructor(before: ImageTree, source: ChunkSource, codec: Codec, packs: PackWriter) {
    this.#before = before;
    this.#source = source;
    this.#codec = codec;
    this.#packs = packs;
    this.#emptied = packsToEmpty(before.packs);
    this.#chunks = before.chunks.slice(0, chunkCount(source.bytes));
  }

  /** All of the new tree is durable when it resolves. `changed`: null compares every chunk by its hash. */
  async write(changed: readonly number[] | null, point: ImagePoint): Promise<ImageTree> {
    const candidates = this.#candidates(changed);
    for (let at = 0; at < candidates.length; at += sliceMax) await this.#writeChunks(candidates.slice(at, at + sliceMax));
    const leaves = await this.#writeLeaves();
    const packs = packUse([...this.#chunks, ...leaves], (pack) => this.#packs.sizes.get(pack) ?? this.#before.packs.get(pack)?.bytes ?? 0);
    const { reference, raw } = await this.#writeRoot(leaves, packs);
    await this.#packs.finish();
    const image: ImageReference = {
      ...point,
      bytes: this.#source.bytes,
      pack: reference.pack,
      offset: reference.offset,
      length: reference.length,
      hash: reference.hash.toString('hex'),
    };
    assert(raw === reference.rawBytes, 'the root node is whole');
    return { image, chunks: this.#chunks, leaves, packs: packs.has(reference.pack) ? packs : new Map(packs).set(reference.pack, { bytes: reference.length, live: reference.length }) };
  }

  /** Chunks that may differ from the last image, ascending: those named, those that are new or of another length, those that must move. */
  #candidates(changed: readonly number[] | null): readonly number[] {
    const count = chunkCount(this.#source.bytes);
    if (changed === null) return Array.from({ length: count }, (_, chunk) => chunk);
    const chosen = new Set(changed.filter((chunk) => chunk < count));
    for (let chunk = 0; chunk < count; chunk++) {
      const known = this.#chunks[chunk];
      if (known === undefined || known.rawBytes !== chunkBytes(this.#source.bytes, chunk) || this.#emptied.has(known.pack)) chosen.add(chunk);
    }
    return [...chosen].sort((a, b) => a - b);
  }

  async #writeChunks(numbers: readonly number[]): Promise<void> {
    const pieces = await Promise.all(numbers.map((chunk) => this.#readChunk(chunk)));
    const packed = await this.#codec.compress(pieces);
    for (const [i, chunk] of numbers.entries()) {
      const [piece, result, known] = [pieces[i], packed[i], this.#chunks[chunk]];
      assert(piece !== undefined && result !== undefined, 'one result for every chunk');
      if (known?.hash.equals(result.hash) === true && !this.#emptied.has(known.pack)) continue;
      this.#chunks[chunk] = await this.#packs.add('chunk', chunk, piece.length, result);
      this.#changedLeaves.add(leafOf(chunk));
      this.chunksWritten++;
    }
  }

  async #readChunk(chunk: number): Promise<Buffer> {
    const wanted = chunkBytes(this.#source.bytes, chunk);
    const bytes = await this.#source.read(chunk);
    assert(bytes.length >= wanted, `chunk ${chunk} of the database file is whole`);
    return bytes.subarray(0, wanted);
  }

  async #writeLeaves(): Promise<readonly PieceReference[]> {
    const leaves: PieceReference[] = [];
    for (let leaf = 0; leaf * chunksPerLeaf < this.#chunks.length; leaf++) {
      const known = this.#before.leaves[leaf];
      const first = leaf * chunksPerLeaf;
      const sameCount = Math.min(this.#before.chunks.length - first, chunksPerLeaf) === Math.min(this.#chunks.length - first, chunksPerLeaf);
      if (known !== undefined && sameCount && !this.#changedLeaves.has(leaf) && !this.#emptied.has(known.pack)) {
        leaves.push(known);
        continue;
      }
      const raw = encodeLeaf(first, this.#chunks.slice(first, first + chunksPerLeaf));
      const [result] = await this.#codec.compress([raw]);
      assert(result !== undefined, 'one result for the leaf');
      leaves.push(await this.#packs.add('leaf', leaf, raw.length, result));
    }
    return leaves;
  }

  async #writeRoot(leaves: readonly PieceReference[], packs: ImageTree['packs']): Promise<{ readonly reference: PieceReference; readonly raw: number }> {
    const raw = encodeRoot({ bytes: this.#source.bytes, leaves, packs });
    const [result] = await this.#codec.compress([raw]);
    assert(result !== undefined, 'one result for the root node');
    return { reference: await this.#packs.add('root', 0, raw.length, result), raw: raw.length };
  }
}
