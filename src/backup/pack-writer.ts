// Collects pieces and puts them into a store as packs of bounded size. A pack is one put-if-absent of a name that was never used before;
// one whose reply was lost is read back and compared.

import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { GenerationId, Lsn, VolumeId } from '../base/ids.js';
import type { Random } from '../base/random.js';
import { encodePackHeader, encodePieceHeader, type PieceKind, type PieceReference, packHeaderBytes } from '../format/image-pack.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import { packPrefix, pointName } from './keys.js';

/** Few objects for the store, little memory for us, little lost when a transfer breaks off. */
export const packBytesMax = 16 * 1024 * 1024;

export interface PackPoint {
  readonly volume: VolumeId;
  readonly lsn: Lsn;
  readonly generation: GenerationId;
}

export class PackWriter {
  /** Sizes of the packs that were begun, in bytes of pieces. */
  readonly sizes = new Map<string, number>();
  bytesWritten = 0;
  readonly #store: ObjectStore;
  readonly #point: PackPoint;
  /** Random: a publication that died and is repeated at the same LSN takes new names. */
  readonly #nonce: string;
  #buffers: Buffer[] = [];
  #bytes = 0;
  #count = 0;

  constructor(store: ObjectStore, point: PackPoint, random: Random) {
    this.#store = store;
    this.#point = point;
    this.#nonce = random.bytes(8).toString('hex');
  }

  async add(kind: PieceKind, index: number, rawBytes: number, piece: { readonly hash: Buffer; readonly packed: Buffer }): Promise<PieceReference> {
    const header = encodePieceHeader({ kind, index, packedBytes: piece.packed.length, rawBytes, hash: piece.hash });
    const length = header.length + piece.packed.length;
    if (this.#bytes > 0 && this.#bytes + length > packBytesMax) await this.finish();
    if (this.#bytes === 0) {
      this.#buffers = [encodePackHeader(this.#point.volume, this.#point.generation, this.#point.lsn)];
      this.#bytes = packHeaderBytes;
    }
    const pack = this.#name();
    const reference = { pack, offset: this.#bytes, length, rawBytes, hash: piece.hash };
    this.#buffers.push(header, piece.packed);
    this.#bytes += length;
    this.sizes.set(pack, this.#bytes - packHeaderBytes);
    return reference;
  }

  /** Puts the pack that was begun. Durable when it resolves. */
  async finish(): Promise<void> {
    if (this.#bytes === 0) return;
    const [buffers, key] = [this.#buffers, packPrefix + this.#name()];
    failpoint('image-before-pack');
    try {
      await this.#store.put(key, buffers, { ifAbsent: true });
    } catch (error) {
      if (!isErrorOf(error, 'conflict')) throw error;
      await this.#compare(key, buffers);
    }
    failpoint('image-after-pack');
    this.bytesWritten += this.#bytes;
    this.#count++;
    this.#buffers = [];
    this.#bytes = 0;
  }

  /** The name is random: an object there is ours, put by an attempt whose reply was lost, or torn. */
  async #compare(key: string, buffers: readonly Buffer[]): Promise<void> {
    if ((await this.#store.get(key)).equals(Buffer.concat(buffers))) return;
    throw new HoldfastError('conflict', `${key} in ${this.#store.description} holds other bytes than were written`, {
      code: 'image-pack-exists',
      hint: 'Publish again: another name is used.',
    });
  }

  #name(): string {
    return `${pointName(this.#point.lsn, this.#point.generation)}-${this.#nonce}-${this.#count}`;
  }
}
