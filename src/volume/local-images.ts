// Skeleton images on the local disks: tolerance + 1 of them carry the newest one, so that replay after a power loss is short
// and journal files can go. An image counts only when all copies are durable; a disk that fails gives its copy to another.
import type { ImageChain, ImageReference } from '../backup/contract.js';
import { createImageChain, type StoredImageChain } from '../backup/image-chain.js';
import { sameImage } from '../backup/image-reference.js';
import { announcementPrefix, packPrefix } from '../backup/keys.js';
import { isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asLsn, NO_LSN, type DiskId, type Lsn, type VolumeId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import type { JournalMark } from '../journal/contract.js';
import type { ImageSource } from '../skeleton/contract.js';
import { DiskObjectStore } from './disk-object-store.js';
import type { DiskSet } from './disk-set.js';
import type { VolumePorts } from './ports.js';

const folder = 'image';
/** Images kept on each disk: the newest, and the one before it in case the newest turns out damaged. */
const keptImages = 2;

interface Chain {
  readonly chain: ImageChain;
  kept: ImageReference[];
}

export interface LocalImage {
  readonly chain: ImageChain;
  readonly image: ImageReference;
  /** Path of its disk. */
  readonly on: string;
}

export interface VerifiedImage {
  readonly disk: Disk;
  readonly image: ImageReference;
  /** null: it is whole. */
  readonly problem: string | null;
}

export class LocalImages {
  readonly #volume: VolumeId;
  readonly #ports: VolumePorts;
  readonly #disks: DiskSet;
  readonly #copies: number;
  readonly #chains = new Map<DiskId, Chain>();
  /** Disks of the last publication: they go on with `changed`; others compare every chunk. */
  #current = new Set<DiskId>();
  /** Every kept image on the current disks is at least this new: journal and shards of the dead below it may go. */
  horizon: Lsn = NO_LSN;
  /** Point of the last publication. */
  newest: Lsn = NO_LSN;
  /** Size of the newest image, as a database. */
  newestBytes = 0;

  constructor(volume: VolumeId, ports: VolumePorts, disks: DiskSet, copies: number) {
    this.#volume = volume;
    this.#ports = ports;
    this.#disks = disks;
    this.#copies = copies;
  }

  /** What is there after a start: newest verified image of each present disk, best first. */
  async find(): Promise<readonly LocalImage[]> {
    const found: LocalImage[] = [];
    for (const disk of this.#disks.present()) {
      try {
        const { chain, kept } = await this.#chain(disk);
        for (const image of kept) found.push({ chain, image, on: disk.path });
      } catch (error) {
        // A disk whose images cannot be read is no source; another one is. It stays out of images until it works.
        this.#disks.fail(disk.id, error);
      }
    }
    found.sort((a, b) => b.image.lsn - a.image.lsn);
    this.newestBytes = found[0]?.image.bytes ?? 0;
    return found;
  }

  /** Writes the captured image to tolerance + 1 disks (fewer when fewer are left). True when all copies are durable. */
  async publish(source: ImageSource, mark: JournalMark): Promise<boolean> {
    this.newestBytes = source.bytes;
    const done = new Set<DiskId>();
    const changed = source.changed('disks');
    const wanted = Math.min(this.#copies, this.#disks.journalCandidates().length);
    for (const disk of this.#preferred()) {
      if (done.size === wanted) break;
      try {
        const entry = await this.#chain(disk);
        const known = this.#current.has(disk.id) ? changed : null;
        const { image } = await entry.chain.publish(source, known, mark, true);
        failpoint('between-local-images');
        entry.kept = [image, ...entry.kept.filter((old) => old.lsn !== image.lsn)].slice(0, keptImages);
        await entry.chain.collect(entry.kept);
        done.add(disk.id);
      } catch (error) {
        // A full disk is no failed one: another takes this copy, and what was written of it goes, or it would fill the disk for good.
        if (isErrorOf(error, 'full')) await this.#takeBack(disk);
        else this.#disks.fail(disk.id, error);
        this.#chains.delete(disk.id);
      }
    }
    if (done.size === 0 || done.size < wanted) return false;
    // Durable from here: tolerance + 1 disks can give the skeleton at mark.lsn.
    source.published('disks');
    this.#current = done;
    const oldest = [...done].flatMap((id) => this.#chains.get(id)?.kept.map((image) => image.lsn) ?? []);
    this.horizon = asLsn(Math.min(...oldest));
    this.newest = mark.lsn;
    return true;
  }

  /**
   * Reads every image that is kept, as the media have it; under the image lock. One that is not whole is kept no more, and the next publication
   * writes all of it anew to that disk.
   */
  async *verify(): AsyncIterable<VerifiedImage> {
    for (const disk of this.#disks.journalCandidates()) {
      try {
        yield* this.#verifyOn(disk);
      } catch (error) {
        if (!isErrorOf(error, 'unavailable')) throw error;
        // As in find(): it is no place for images any more.
        this.#disks.fail(disk.id, error);
      }
    }
  }

  /** Removes what is left of images that are kept no more; under the image lock, after a publication. */
  async tidy(disk: Disk): Promise<void> {
    const entry = await this.#chain(disk);
    await entry.chain.collect(entry.kept);
  }

  /** Disks in service that can give the skeleton. */
  copies(): number {
    const holders = this.#current.size > 0 ? [...this.#current] : [...this.#chains].filter(([, { kept }]) => kept.length > 0).map(([id]) => id);
    return holders.filter((id) => this.#disks.serves(id)).length;
  }

  async #takeBack(disk: Disk): Promise<void> {
    const entry = this.#chains.get(disk.id);
    try {
      await entry?.chain.collect(entry.kept);
    } catch (error) {
      if (!isErrorOf(error, 'unavailable', 'full', 'missing', 'corrupt')) throw error;
      this.#ports.logger.warn({ disk: disk.path, error: error.message }, 'pieces of an image that found no room stay until the next one');
    }
  }

  /** Those that had the last one first: they need only what changed. */
  #preferred(): readonly Disk[] {
    const all = this.#disks.journalCandidates();
    return [...all.filter((d) => this.#current.has(d.id)), ...all.filter((d) => !this.#current.has(d.id))];
  }

  async #chain(disk: Disk): Promise<Chain> {
    const known = this.#chains.get(disk.id);
    if (known !== undefined) return known;
    const { chain } = this.#opened(disk);
    const usable = await chain.open();
    // Newest first; those before the one that could be opened are names without their pieces.
    const announced = await chain.announced();
    const first = usable === null ? -1 : announced.findIndex((image) => sameImage(image, usable));
    const entry: Chain = { chain, kept: first === -1 ? [] : announced.slice(first, first + keptImages) };
    this.#chains.set(disk.id, entry);
    return entry;
  }

  async *#verifyOn(disk: Disk): AsyncIterable<VerifiedImage> {
    const entry = await this.#chain(disk);
    const { store, chain } = this.#opened(disk);
    for (const prefix of [announcementPrefix, packPrefix]) for await (const { key } of store.list(prefix)) await disk.uncache(`${folder}/${key}`);
    const announced = await chain.announced();
    for (const image of entry.kept) {
      const problem = announced.some((one) => sameImage(one, image)) ? await problemOf(chain, image) : 'its announcement is damaged, or gone';
      if (problem !== null) {
        entry.kept = entry.kept.filter((one) => one !== image);
        await entry.chain.startAnew();
      }
      yield { disk, image, problem };
    }
  }

  /** A chain that knows nothing yet: what it says is what the disk has. */
  #opened(disk: Disk): { readonly store: DiskObjectStore; readonly chain: StoredImageChain } {
    const { codec, random, logger } = this.#ports;
    const store = new DiskObjectStore(disk, folder);
    return { store, chain: createImageChain({ store, volume: this.#volume, codec, random, logger }) };
  }
}

async function problemOf(chain: ImageChain, image: ImageReference): Promise<string | null> {
  try {
    for await (const chunk of chain.chunks(image)) void chunk; // each is verified as it comes
    return null;
  } catch (error) {
    if (!isErrorOf(error, 'missing', 'corrupt')) throw error;
    return error.message;
  }
}
