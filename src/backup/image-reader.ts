// Reads images out of a store: tree nodes and chunks, each verified by its SHA-256. Chunks that lie side by side in a pack are
// fetched together, a few fetches ahead.
import { createHash } from 'node:crypto';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { chunksPerLeaf, decodeLeaf, decodeRoot, type RootNode } from '../format/image-node.js';
import { badPiece, type PieceKind, type PieceReference, splitPiece } from '../format/image-pack.js';
import type { Codec } from '../native/codec.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import type { ImageReference } from './contract.js';
import { chunkBytes, chunkCount, type ImageTree } from './image-tree.js';
import { packPrefix } from './keys.js';

/** Bytes of one fetch and fetches under way: 4 x 4 MiB in memory while an image is read. */
const runBytesMax = 4 * 1024 * 1024;
const runsAhead = 4;
const leavesAhead = 8;

interface Run {
  readonly firstChunk: number;
  readonly pieces: readonly PieceReference[];
}

export class ImageReader {
  readonly #store: ObjectStore;
  readonly #codec: Codec;

  constructor(store: ObjectStore, codec: Codec) {
    this.#store = store;
    this.#codec = codec;
  }

  /** 'corrupt' or 'missing' when it is not there as it should be. */
  async rootNode(image: ImageReference): Promise<RootNode> {
    const bytes = await this.#fetch(image.pack, image.offset, image.length);
    const node = decodeRoot(await this.#unpack(bytes, 'root', 0, Buffer.from(image.hash, 'hex')));
    if (node.bytes !== image.bytes) throw badPiece(`its root node is of ${node.bytes} bytes, not ${image.bytes}`);
    return node;
  }

  /** Root and leaves; chunks are not read. */
  async tree(image: ImageReference): Promise<ImageTree> {
    const root = await this.rootNode(image);
    const chunks: PieceReference[] = [];
    for (let first = 0; first < root.leaves.length; first += leavesAhead) {
      const leaves = root.leaves.slice(first, first + leavesAhead).map((leaf, i) => this.#leaf(leaf, first + i));
      for (const leaf of await Promise.all(leaves)) chunks.push(...leaf);
    }
    if (chunks.length !== chunkCount(image.bytes) || chunks.some((chunk, i) => chunk.rawBytes !== chunkBytes(image.bytes, i))) throw badPiece(`its leaves do not add up to ${image.bytes} bytes`);
    return { image, chunks, leaves: root.leaves, packs: root.packs };
  }

  /** All chunks in order. 'corrupt' (image-chunk) names pack and chunk. */
  async *chunks(tree: ImageTree): AsyncIterable<Buffer> {
    const runs = runsOf(tree.chunks);
    const ahead: Promise<readonly Buffer[]>[] = [];
    for (let next = 0; next < runs.length || ahead.length > 0; ) {
      for (let run = runs[next]; run !== undefined && ahead.length < runsAhead; run = runs[++next]) {
        const fetched = this.#run(run);
        // A reader that stops early never looks at the rest; whoever awaits it still gets the error.
        fetched.catch(() => undefined);
        ahead.push(fetched);
      }
      yield* (await ahead.shift()) ?? [];
    }
  }

  async #leaf(reference: PieceReference, index: number): Promise<readonly PieceReference[]> {
    const bytes = await this.#fetch(reference.pack, reference.offset, reference.length);
    return decodeLeaf(await this.#unpack(bytes, 'leaf', index, reference.hash), index * chunksPerLeaf);
  }

  async #run(run: Run): Promise<readonly Buffer[]> {
    const [first] = run.pieces;
    const last = run.pieces.at(-1);
    if (first === undefined || last === undefined) return [];
    let chunk = run.firstChunk;
    try {
      const bytes = await this.#fetch(first.pack, first.offset, last.offset + last.length - first.offset);
      const chunks: Buffer[] = [];
      for (const piece of run.pieces) {
        const at = piece.offset - first.offset;
        chunks.push(await this.#unpack(bytes.subarray(at, at + piece.length), 'chunk', chunk, piece.hash));
        chunk++;
      }
      return chunks;
    } catch (error) {
      if (!isErrorOf(error, 'corrupt', 'missing')) throw error;
      throw new HoldfastError('corrupt', `chunk ${chunk} of a skeleton image in ${packPrefix}${first.pack} of ${this.#store.description} cannot be used: ${error.message}`, {
        code: 'image-chunk',
        hint: 'Use an older root or another copy of the image.',
        context: { pack: first.pack, chunk },
        cause: error,
      });
    }
  }

  async #fetch(pack: string, offset: number, length: number): Promise<Buffer> {
    const bytes = await this.#store.get(packPrefix + pack, { offset, length });
    if (bytes.length !== length) throw badPiece(`${packPrefix}${pack} ends too early`);
    return bytes;
  }

  async #unpack(bytes: Buffer, kind: PieceKind, index: number, hash: Buffer): Promise<Buffer> {
    const { header, frame } = splitPiece(bytes, kind, index);
    if (!header.hash.equals(hash)) throw badPiece(`${kind} ${index} is another one than was asked for`);
    const raw = await this.#codec.decompress(frame, header.rawBytes);
    if (!createHash('sha256').update(raw).digest().equals(hash)) throw badPiece(`the SHA-256 of ${kind} ${index} does not match`);
    return raw;
  }
}

function runsOf(chunks: readonly PieceReference[]): readonly Run[] {
  const runs: { firstChunk: number; pieces: PieceReference[] }[] = [];
  let bytes = 0;
  chunks.forEach((chunk, index) => {
    const run = runs.at(-1);
    const last = run?.pieces.at(-1);
    if (run !== undefined && last !== undefined && last.pack === chunk.pack && last.offset + last.length === chunk.offset && bytes + chunk.length <= runBytesMax) {
      run.pieces.push(chunk);
      bytes += chunk.length;
    } else {
      runs.push({ firstChunk: index, pieces: [chunk] });
      bytes = chunk.length;
    }
  });
  return runs;
}
