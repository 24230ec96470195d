// Content of a file on a MemoryDisk, kept the way a kernel and a disk keep it: pages that are synced, pages that were
// only written, and the writes since the last sync, so that a power loss can leave any combination of them.
import type { Random } from '../base/random.js';

const pageBytes = 4096;
/** What a disk writes whole or not at all. */
const sectorBytes = 512;

interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

type Pages = Map<number, Buffer>;

export class MemoryFile {
  #size: number;
  #syncedSize: number;
  /** Absent pages are zeros. */
  readonly #synced: Pages;
  /** Pages that differ from their synced state; reads see these. */
  readonly #written: Pages = new Map();
  #unsynced: Write[] = [];
  /** Writes whose sync failed: readable, never durable again by a sync, perhaps on the disk all the same. */
  #doomed: Write[] = [];

  private constructor(size: number, synced: Pages) {
    this.#size = size;
    this.#syncedSize = size;
    this.#synced = synced;
  }

  /** All zeros, durable. */
  static zeros(size: number): MemoryFile {
    return new MemoryFile(size, new Map());
  }

  /** These bytes, durable. Takes over `bytes`. */
  static of(bytes: Buffer): MemoryFile {
    const file = MemoryFile.zeros(bytes.length);
    for (let at = 0; at < bytes.length; at += pageBytes) {
      const page = bytes.subarray(at, at + pageBytes);
      file.#synced.set(at / pageBytes, page.length === pageBytes ? page : Buffer.concat([page], pageBytes));
    }
    return file;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes up to the end of the file; gives how many. */
  read(offset: number, into: Buffer): number {
    const length = Math.max(0, Math.min(into.length, this.#size - offset));
    for (let done = 0; done < length; ) {
      const start = (offset + done) % pageBytes;
      const page = this.#page(Math.floor((offset + done) / pageBytes));
      const take = Math.min(pageBytes - start, length - done);
      if (page === undefined) into.fill(0, done, done + take);
      else page.copy(into, done, start, start + take);
      done += take;
    }
    return length;
  }

  /** The first place at or above `from` in a page that was ever written; null when there is none. */
  nextData(from: number): number | null {
    const first = Math.floor(from / pageBytes);
    const pages = [...this.#written.keys(), ...this.#synced.keys()].filter((page) => page >= first && page * pageBytes < this.#size);
    return pages.length === 0 || from >= this.#size ? null : Math.max(from, pages.reduce((a, b) => Math.min(a, b)) * pageBytes);
  }

  readAll(): Buffer {
    const bytes = Buffer.alloc(this.#size);
    this.read(0, bytes);
    return bytes;
  }

  /** Visible at once, durable after `sync`. Takes over `bytes`. */
  write(offset: number, bytes: Buffer): void {
    this.#apply(offset, bytes);
    this.#unsynced.push({ offset, bytes });
  }

  grow(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  sync(): void {
    this.#syncedSize = this.#size;
    if (this.#doomed.length > 0) {
      this.#syncAroundDoomed();
      return;
    }
    for (const [number, page] of this.#written) this.#synced.set(number, page);
    this.#written.clear();
    this.#unsynced = [];
  }

  /** A sync that failed: the kernel calls the pages clean, so no later sync will write them. */
  failSync(): void {
    this.#doomed.push(...this.#unsynced);
    this.#unsynced = [];
  }

  /** What a power loss leaves; `also` were on their way. Any un-synced sector may be there or not. */
  afterPowerLoss(random: Random, also: readonly Write[]): MemoryFile {
    const left = this.#syncedCopy();
    for (const { offset, bytes } of [...this.#doomed, ...this.#unsynced, ...also]) keepSome(left, offset, bytes, random);
    left.sync();
    return left;
  }

  /** What a killed process leaves: everything written, and any part of what was on its way. */
  afterKill(random: Random, also: readonly Write[]): MemoryFile {
    const left = this.#syncedCopy();
    left.grow(this.#size);
    left.#doomed = [...this.#doomed];
    for (const [number, page] of this.#written) left.#written.set(number, Buffer.from(page));
    left.#unsynced = [...this.#unsynced];
    for (const { offset, bytes } of also) keepSome(left, offset, bytes, random);
    return left;
  }

  #syncedCopy(): MemoryFile {
    // Pages are replaced, never changed in place, once they are synced.
    return new MemoryFile(this.#syncedSize, new Map(this.#synced));
  }

  #page(number: number): Buffer | undefined {
    return this.#written.get(number) ?? this.#synced.get(number);
  }

  #apply(offset: number, bytes: Buffer): void {
    this.grow(offset + bytes.length);
    for (let done = 0; done < bytes.length; ) {
      const start = (offset + done) % pageBytes;
      const number = Math.floor((offset + done) / pageBytes);
      const take = Math.min(pageBytes - start, bytes.length - done);
      let page = this.#written.get(number);
      if (page === undefined) {
        page = Buffer.alloc(pageBytes);
        this.#synced.get(number)?.copy(page);
        this.#written.set(number, page);
      }
      bytes.copy(page, start, done, done + take);
      done += take;
    }
  }

  #syncAroundDoomed(): void {
    const good = this.#syncedCopy();
    for (const { offset, bytes } of this.#unsynced) good.#apply(offset, bytes);
    for (const [number, page] of good.#written) this.#synced.set(number, page);
    this.#unsynced = [];
  }
}

/** Writes all, none, the beginning, or any sectors of `bytes`. */
function keepSome(file: MemoryFile, offset: number, bytes: Buffer, random: Random): void {
  const fate = random.below(4);
  if (fate === 0) return;
  const sectors = Math.ceil((offset + bytes.length) / sectorBytes) - Math.floor(offset / sectorBytes);
  const untilSector = fate === 1 ? sectors : random.below(sectors + 1);
  let at = 0;
  for (let sector = 0; at < bytes.length; sector++) {
    const end = Math.min(bytes.length, (Math.floor((offset + at) / sectorBytes) + 1) * sectorBytes - offset);
    const kept = fate === 3 ? random.below(2) === 1 : sector < untilSector;
    if (kept) file.write(offset + at, bytes.subarray(at, end));
    at = end;
  }
}
