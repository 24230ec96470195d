// Small parts that the backup's tests share: a codec, a database file in memory, ids.

import { type Backup, openBackup } from '../../../src/backup/backup.js';
import type { ChunkSource, RootBody } from '../../../src/backup/contract.js';
import { asGenerationId, asLsn, asSegmentNumber, asVolumeId, type Lsn, type SegmentId } from '../../../src/base/ids.js';
import { imageChunkBytes } from '../../../src/base/limits.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { Generation } from '../../../src/format/generation.js';
import { InlineCodec } from '../../../src/native/inline-codec.js';
import type { ObjectStore } from '../../../src/objectstore/object-store.js';
import { QuickClock } from '../../support/quick-clock.js';

export const codec = new InlineCodec();
export const volume = asVolumeId('11111111-2222-4333-8444-555555555555');
export const otherVolume = asVolumeId('99999999-2222-4333-8444-555555555555');

export function generation(number: number, parentLsn = 0): Generation {
  return { number, id: asGenerationId(number.toString(16).padStart(16, 'a')), parentLsn: asLsn(parentLsn), members: [], journalDisks: [], tolerance: 2 };
}

export function segmentId(number: number, term = 1): SegmentId {
  return { generation: generation(term).id, number: asSegmentNumber(number) };
}

export function backupOn(store: ObjectStore, seed = 1, of = volume): Backup {
  return openBackup({ store, volume: of, codec, clock: new QuickClock(), random: new SeededRandom(seed), logger: silentLogger });
}

export function claimBody(term = 1): Parameters<Backup['roots']['claim']>[0] {
  return { volume, time: { sec: 1_700_000_000 + term, nsec: 5 }, generation: generation(term), settings: { parity: 1, tolerance: 2, '7': [1, null, 'x'] } };
}

export function rootOf(lsn: number, image: RootBody['image'] = null, term = 1, parentLsn = 0): Parameters<Backup['roots']['publish']>[0] {
  return { ...claimBody(term), generation: generation(term, parentLsn), image, lost: [], pending: [], cut: asLsn(lsn), deltas: 3, files: 2, bytes: 4096 };
}

export const point = (lsn: number, term = 1): { lsn: Lsn; generation: Generation['id']; link: number } => ({ lsn: asLsn(lsn), generation: generation(term).id, link: lsn * 7 });

/** A file in memory that knows which chunks changed since it was last asked to forget. */
export class TestDatabase implements ChunkSource {
  data: Buffer;
  readonly dirty = new Set<number>();
  readonly #random: SeededRandom;

  constructor(bytes: number, random: SeededRandom) {
    this.#random = random;
    this.data = random.bytes(bytes);
  }

  get bytes(): number {
    return this.data.length;
  }

  async read(chunk: number): Promise<Buffer> {
    return this.data.subarray(chunk * imageChunkBytes, (chunk + 1) * imageChunkBytes);
  }

  change(chunk: number): void {
    const at = chunk * imageChunkBytes;
    if (at >= this.data.length) return;
    this.data = Buffer.from(this.data);
    this.#random.bytes(64).copy(this.data, at + this.#random.below(Math.min(4000, this.data.length - at)));
    this.dirty.add(chunk);
  }

  resize(bytes: number): void {
    const old = this.data.length;
    this.data = bytes <= old ? this.data.subarray(0, bytes) : Buffer.concat([this.data, this.#random.bytes(bytes - old)]);
    for (let chunk = Math.floor(Math.min(old, bytes) / imageChunkBytes); chunk * imageChunkBytes < bytes; chunk++) this.dirty.add(chunk);
  }

  takeDirty(): number[] {
    const list = [...this.dirty].sort((a, b) => a - b);
    this.dirty.clear();
    return list;
  }
}

export async function readAll(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Rejects never: gives the error instead, or null. */
export async function failureOf(action: Promise<unknown>): Promise<unknown> {
  try {
    await action;
    return null;
  } catch (error) {
    return error;
  }
}
