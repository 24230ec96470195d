// One journal file as its copies on several disks show it: batch headers of each copy, merged, and bodies read from
// whichever copy verifies. Anything that does not verify is as good as absent; nothing here changes a disk.
import { isErrorOf } from '../base/errors.js';
import type { VolumeId } from '../base/ids.js';
import { batchAlignBytes } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import { type BatchHeader, batchBytes, batchHeaderBytes, decodeBatchHeader, payloadEntryBytes } from '../format/batch.js';
import { decodeFileHeader, fileHeaderBytes, type JournalFileHeader, journalFilePath } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import { crc32c } from '../native/checksum.js';

/** Read at once while scanning: large enough for sequential disks, small enough to forget. */
const WINDOW_BYTES = 1024 * 1024;
const zeros = Buffer.alloc(WINDOW_BYTES);
/** So many reads failing one after another: the disk is gone, not a sector. */
const FAILED_READS_MAX = 16;

export interface FoundBatch {
  readonly header: BatchHeader;
  /** Copies that have it. */
  readonly holders: readonly Disk[];
}

export interface FoundFile {
  /** From the first copy whose header block verifies. */
  readonly header: JournalFileHeader | null;
  readonly headerHolders: readonly Disk[];
  /** Ascending by sequence. */
  readonly batches: readonly FoundBatch[];
}

export class JournalFileCopies {
  readonly volume: VolumeId;
  readonly generation: Generation;
  readonly fileNumber: number;
  readonly disks: readonly Disk[];

  constructor(volume: VolumeId, generation: Generation, fileNumber: number, disks: readonly Disk[]) {
    this.volume = volume;
    this.generation = generation;
    this.fileNumber = fileNumber;
    this.disks = disks;
  }

  get path(): string {
    return journalFilePath(this.generation.number, this.fileNumber);
  }

  /** Scans all copies. With `verify` a batch counts only if its body verifies too; without, reading it may still fail. */
  async scan(verify: boolean): Promise<FoundFile> {
    let header: JournalFileHeader | null = null;
    const headerHolders: Disk[] = [];
    const found = new Map<number, { header: BatchHeader; holders: Disk[] }>();
    for (const disk of this.disks) {
      const reader = await CopyReader.open(disk, this.path);
      if (reader === null) continue;
      const own = await this.#readFileHeader(reader);
      if (own !== null) {
        header ??= own;
        headerHolders.push(disk);
      }
      for await (const batch of this.#batches(reader, verify)) {
        const known = found.get(batch.sequence);
        if (known === undefined) found.set(batch.sequence, { header: batch, holders: [disk] });
        else if (known.header.link === batch.link) known.holders.push(disk);
      }
    }
    const batches = [...found.values()].sort((a, b) => a.header.sequence - b.header.sequence);
    return { header, headerHolders, batches };
  }

  /** The header of the first copy whose header verifies. */
  async header(): Promise<JournalFileHeader | null> {
    for (const disk of this.disks) {
      const reader = await CopyReader.open(disk, this.path);
      const header = reader === null ? null : await this.#readFileHeader(reader);
      if (header !== null) return header;
    }
    return null;
  }

  /** Everything after the batch header, without padding, from a copy that verifies; null when none does. */
  async readBody(batch: FoundBatch): Promise<Buffer | null> {
    const { header } = batch;
    return this.#readVerified(batch, frontBytes(header) + header.payloadBytes, header.bodyCrc);
  }

  /** Records section and payload index only. */
  async readFront(batch: FoundBatch): Promise<Buffer | null> {
    return this.#readVerified(batch, frontBytes(batch.header), batch.header.indexCrc);
  }

  async #readVerified(batch: FoundBatch, bytes: number, crc: number): Promise<Buffer | null> {
    for (const disk of batch.holders) {
      const into = Buffer.allocUnsafe(bytes);
      if ((await readOrFail(disk, this.path, batch.header.fileOffset + batchHeaderBytes, into)) && crc32c(into) === crc) return into;
    }
    return null;
  }

  async #readFileHeader(reader: CopyReader): Promise<JournalFileHeader | null> {
    const block = await reader.read(0, fileHeaderBytes);
    const header = block === null ? null : decodeFileHeader(block);
    const ours = header?.volume === this.volume && header.generation.id === this.generation.id && header.fileNumber === this.fileNumber;
    return ours ? header : null;
  }

  async *#batches(reader: CopyReader, verify: boolean): AsyncIterable<BatchHeader> {
    let offset = fileHeaderBytes;
    while (offset + batchAlignBytes <= reader.bytes && !reader.gone) {
      const block = await reader.read(offset, batchHeaderBytes);
      const header = block === null ? null : decodeBatchHeader(block);
      if (header === null || !this.#belongs(header, offset) || offset + batchBytes(header) > reader.bytes) {
        // Behind a batch that does not verify there may be valid ones: recovery has to know. Most of a file was never written.
        offset += Math.max(batchAlignBytes, reader.zerosFrom(offset));
        continue;
      }
      if (!verify || (await bodyVerifies(reader, header))) yield header;
      offset += batchBytes(header);
    }
  }

  /** User data may contain copies of journal files: a batch counts only where it was written. */
  #belongs(header: BatchHeader, offset: number): boolean {
    return header.volume === this.volume && header.generation === this.generation.id && header.fileNumber === this.fileNumber && header.fileOffset === offset;
  }
}

export function frontBytes(header: BatchHeader): number {
  return header.recordsBytes + header.payloadCount * payloadEntryBytes;
}

/** False: the disk cannot give these bytes now (or the file is too short). */
export async function readOrFail(disk: Disk, path: string, offset: number, into: Buffer): Promise<boolean> {
  try {
    await disk.read(path, offset, into);
    return true;
  } catch (error) {
    if (isErrorOf(error, 'unavailable', 'corrupt', 'missing')) return false;
    throw error;
  }
}

async function bodyVerifies(reader: CopyReader, header: BatchHeader): Promise<boolean> {
  const end = header.fileOffset + batchHeaderBytes + frontBytes(header) + header.payloadBytes;
  let crc = 0;
  for (let at = header.fileOffset + batchHeaderBytes; at < end; ) {
    const length = Math.min(end - at, WINDOW_BYTES);
    const piece = await reader.read(at, length);
    if (piece === null) return false;
    crc = crc32c(piece, crc);
    at += length;
  }
  return crc === header.bodyCrc;
}

/** Reads one copy forward through a window. */
class CopyReader {
  readonly bytes: number;
  readonly #disk: Disk;
  readonly #path: string;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  #failures = 0;

  private constructor(disk: Disk, path: string, bytes: number) {
    this.#disk = disk;
    this.#path = path;
    this.bytes = bytes;
  }

  /** null when there is no such file, or the disk does not answer. */
  static async open(disk: Disk, path: string): Promise<CopyReader | null> {
    try {
      const bytes = await disk.size(path);
      return bytes === null ? null : new CopyReader(disk, path, bytes);
    } catch (error) {
      if (isErrorOf(error, 'unavailable')) return null;
      throw error;
    }
  }

  /** Nothing more can be read from it. */
  get gone(): boolean {
    return this.#failures >= FAILED_READS_MAX;
  }

  /** A view that holds until the next call; null when these bytes cannot be read. At most WINDOW_BYTES. */
  async read(offset: number, length: number): Promise<Buffer | null> {
    if (offset + length > this.bytes || this.gone) return null;
    if (offset < this.#windowAt || offset + length > this.#windowAt + this.#window.length) {
      const window = (await this.#fill(offset, Math.min(WINDOW_BYTES, this.bytes - offset))) ?? (await this.#fill(offset, length));
      this.#failures = window === null ? this.#failures + 1 : 0;
      if (window === null) return null;
      this.#window = window;
      this.#windowAt = offset;
    }
    return this.#window.subarray(offset - this.#windowAt, offset - this.#windowAt + length);
  }

  /** How far zeros go from `offset`, in whole alignments: all that was read ahead, or 0. */
  zerosFrom(offset: number): number {
    const rest = this.#window.subarray(Math.max(0, offset - this.#windowAt));
    const bytes = Math.floor(rest.length / batchAlignBytes) * batchAlignBytes;
    return offset >= this.#windowAt && rest.subarray(0, bytes).equals(zeros.subarray(0, bytes)) ? bytes : 0;
  }

  async #fill(offset: number, length: number): Promise<Buffer | null> {
    const into = Buffer.allocUnsafe(length);
    return (await readOrFail(this.#disk, this.#path, offset, into)) ? into : null;
  }
}
