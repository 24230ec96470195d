// The chain of skeleton images in one store. Always holds: packs are never changed, an image is named (by a root in the backup, by an
// announcement on a disk) only after all of its pieces are durable, and what the newest image needs is never collected.
// One writer; calls are carried out one after another.
import { assert } from '../base/assert.js';
import { isErrorOf, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { VolumeId } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import { isUnknownVersion } from '../format/version.js';
import type { Codec } from '../native/codec.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import type { ChunkSource, ImageChain, ImageReference, PublishResult } from './contract.js';
import { type DeletionGuard, deleteInBatches } from './deletion.js';
import { type ImagePoint, ImagePublication } from './image-publication.js';
import { ImageReader } from './image-reader.js';
import { decodeAnnouncement, encodeAnnouncement, sameImage } from './image-reference.js';
import { emptyTree, type ImageTree } from './image-tree.js';
import { announcementKey, announcementPrefix, packPrefix } from './keys.js';
import { PackWriter } from './pack-writer.js';

export interface ImageChainParts {
  readonly store: ObjectStore;
  readonly volume: VolumeId;
  readonly codec: Codec;
  readonly random: Random;
  readonly logger: Logger;
  /** Where open() without an argument finds the newest image; default: the announcements in the store. */
  readonly newest?: () => Promise<readonly ImageReference[]>;
  /** Asked before each batch of deletes; default: nothing. */
  readonly guard?: DeletionGuard;
}

export function createImageChain(parts: ImageChainParts): StoredImageChain {
  return new StoredImageChain(parts);
}

export class StoredImageChain implements ImageChain {
  readonly #parts: ImageChainParts;
  readonly #reader: ImageReader;
  /** null until open(). */
  #tree: ImageTree | null = null;
  /** `changed` is relative to the last publication of this object: the first one after open() compares everything. */
  #published = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ImageChainParts) {
    this.#parts = parts;
    this.#reader = new ImageReader(parts.store, parts.codec);
  }

  open(newest?: ImageReference): Promise<ImageReference | null> {
    return this.#inTurn(() => this.#open(newest));
  }

  /** Images that are announced in this store, newest LSN first; torn announcements are left out. */
  async announced(): Promise<readonly ImageReference[]> {
    const { store, logger } = this.#parts;
    const found: ImageReference[] = [];
    for await (const { key } of store.list(announcementPrefix)) {
      try {
        found.push(decodeAnnouncement(await store.get(key), key));
      } catch (error) {
        // Of a newer version: the disk's `generations` file decides whether we may be here at all.
        if (!isErrorOf(error, 'corrupt', 'missing') && !isUnknownVersion(error)) throw error;
        logger.warn({ store: store.description, key, reason: messageOf(error) }, 'an announced image cannot be used');
      }
    }
    return found.sort((a, b) => b.lsn - a.lsn);
  }

  publish(source: ChunkSource, changed: readonly number[] | null, point: ImagePoint, announce: boolean): Promise<PublishResult> {
    return this.#inTurn(async () => {
      const { store, volume, codec, random } = this.#parts;
      if (this.#tree === null) await this.#open(undefined);
      const before = this.#tree ?? emptyTree;
      if (before.image !== null && samePoint(before.image, point) && before.image.bytes === source.bytes) {
        return { image: announce ? await this.#announce(before.image) : before.image, chunksWritten: 0, bytesWritten: 0 };
      }
      const packs = new PackWriter(store, { volume, ...point }, random);
      const publication = new ImagePublication(before, source, codec, packs);
      const tree = await publication.write(this.#published ? changed : null, point);
      // Durable from here: every piece of the image. Nothing names it yet.
      failpoint('image-before-announcement');
      assert(tree.image !== null, 'a publication gives an image');
      this.#tree = tree;
      this.#published = true;
      const image = announce ? await this.#announce(tree.image) : tree.image;
      return { image, chunksWritten: publication.chunksWritten, bytesWritten: packs.bytesWritten };
    });
  }

  async *chunks(image: ImageReference): AsyncIterable<Buffer> {
    const known = this.#tree;
    const tree = known?.image !== null && known?.image !== undefined && sameImage(known.image, image) ? known : await this.#reader.tree(image);
    yield* this.#reader.chunks(tree);
  }

  startAnew(): Promise<void> {
    return this.#inTurn(() => {
      this.#tree = emptyTree;
      this.#published = false;
      return Promise.resolve();
    });
  }

  collect(kept: readonly ImageReference[]): Promise<void> {
    return this.#inTurn(() => this.#collect(kept));
  }

  async #open(newest: ImageReference | undefined): Promise<ImageReference | null> {
    const { store, logger } = this.#parts;
    const candidates = newest === undefined ? await (this.#parts.newest?.() ?? this.announced()) : [newest];
    this.#published = false;
    for (const image of candidates) {
      try {
        this.#tree = await this.#reader.tree(image);
        return image;
      } catch (error) {
        if (!isErrorOf(error, 'corrupt', 'missing')) throw error;
        logger.warn({ store: store.description, lsn: image.lsn, pack: image.pack, reason: messageOf(error) }, 'a skeleton image cannot be used, trying the one before it');
      }
    }
    this.#tree = emptyTree;
    return null;
  }

  /** Names the image. One that was announced at this very point before and still verifies is as good and stays. */
  async #announce(image: ImageReference): Promise<ImageReference> {
    const { store } = this.#parts;
    const key = announcementKey(image.lsn, image.generation);
    const bytes = encodeAnnouncement(image);
    try {
      await store.put(key, [bytes], { ifAbsent: true });
    } catch (error) {
      if (!isErrorOf(error, 'conflict')) throw error;
      const earlier = await this.#adopt(key);
      if (earlier !== null) return earlier;
      await store.put(key, [bytes], { ifAbsent: false });
    }
    // Durable from here: the image is found by the next start.
    failpoint('image-after-announcement');
    return image;
  }

  async #adopt(key: string): Promise<ImageReference | null> {
    try {
      const earlier = decodeAnnouncement(await this.#parts.store.get(key), key);
      const known = this.#tree?.image;
      if (known !== null && known !== undefined && sameImage(known, earlier)) return earlier;
      this.#tree = await this.#reader.tree(earlier);
      this.#published = false;
      return earlier;
    } catch (error) {
      if (isErrorOf(error, 'corrupt', 'missing') || isUnknownVersion(error)) return null;
      throw error;
    }
  }

  async #collect(kept: readonly ImageReference[]): Promise<void> {
    const { store, guard = () => Promise.resolve() } = this.#parts;
    const newest = this.#tree?.image ?? null;
    const images = newest === null ? kept : [...kept, newest];
    const packs = new Set<string>(this.#tree?.packs.keys() ?? []);
    for (const image of images) {
      packs.add(image.pack);
      if (newest !== null && sameImage(image, newest)) continue;
      const needed = await this.#packsOf(image);
      // What it needs is not known: nothing goes until it is kept no more.
      if (needed === null) return;
      for (const name of needed) packs.add(name);
    }
    const announcements = new Set(images.map((image) => announcementKey(image.lsn, image.generation)));
    await deleteInBatches(store, await this.#keys(announcementPrefix, (key) => !announcements.has(key)), guard);
    failpoint('image-between-announcements-and-packs');
    await deleteInBatches(store, await this.#keys(packPrefix, (key) => !packs.has(key.slice(packPrefix.length))), guard);
  }

  /** null: the image cannot be read any more. A removal that a power loss undid can leave its name without its pieces. */
  async #packsOf(image: ImageReference): Promise<Iterable<string> | null> {
    try {
      return (await this.#reader.rootNode(image)).packs.keys();
    } catch (error) {
      if (!isErrorOf(error, 'corrupt', 'missing')) throw error;
      const { store, logger } = this.#parts;
      logger.warn({ store: store.description, lsn: image.lsn, pack: image.pack, reason: messageOf(error) }, 'an older skeleton image cannot be read any more');
      return null;
    }
  }

  async #keys(prefix: string, wanted: (key: string) => boolean): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const { key } of this.#parts.store.list(prefix)) if (wanted(key)) keys.push(key);
    return keys;
  }

  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(action, action);
    this.#last = result.catch(() => undefined); // whoever called has the error
    return result;
  }
}

function samePoint(image: ImageReference, point: ImagePoint): boolean {
  return image.lsn === point.lsn && image.generation === point.generation && image.link === point.link;
}
