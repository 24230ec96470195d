// One journal file as its copies on several disks show it: their batches merged, with who has each of them whole.
// Anything that does not verify is as good as absent; nothing here changes a disk.
import type { DiskId, VolumeId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import type { BatchHeader, PayloadPlace } from '../format/batch.js';
import { fileHeaderBytes, type JournalFileHeader, journalFilePath } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import { CopyReader, readOrFail } from './copy-reader.js';
import { type CopyScan, type KnownHeaders, ownHeader, scanCopy } from './copy-scan.js';

export interface FoundBatch {
  readonly header: BatchHeader;
  /** Copies that have it whole. */
  readonly holders: readonly Disk[];
  /** Where its payload belongs, as long as anybody holds it. */
  readonly payload: readonly PayloadPlace[];
}

export interface FoundFile {
  /** From the first copy whose header block verifies. */
  readonly header: JournalFileHeader | null;
  readonly headerHolders: readonly Disk[];
  /** Disks that have the file, whole or not. */
  readonly copies: readonly Disk[];
  /** Ascending by sequence; also those that no copy has whole. */
  readonly batches: readonly FoundBatch[];
}

export class JournalFileCopies {
  readonly volume: VolumeId;
  readonly generation: Generation;
  readonly fileNumber: number;
  readonly disks: readonly Disk[];
  /** What was read of header blocks already. */
  readonly #headers: ReadonlyMap<DiskId, JournalFileHeader>;
  #scan: Promise<FoundFile> | null = null;

  constructor(volume: VolumeId, generation: Generation, fileNumber: number, disks: readonly Disk[], headers: ReadonlyMap<DiskId, JournalFileHeader> = new Map()) {
    this.volume = volume;
    this.generation = generation;
    this.fileNumber = fileNumber;
    this.disks = disks;
    this.#headers = headers;
  }

  get path(): string {
    return journalFilePath(this.generation.number, this.fileNumber);
  }

  /** Was it read already? */
  get scanned(): boolean {
    return this.#scan !== null;
  }

  /** Reads all copies side by side, each once and wholly; what came out is kept until forget(). */
  scan(): Promise<FoundFile> {
    this.#scan ??= this.#readAll();
    return this.#scan;
  }

  forget(): void {
    this.#scan = null;
  }

  /** The header of the first copy whose header verifies. */
  async header(): Promise<JournalFileHeader | null> {
    for (const disk of this.disks) {
      const known = this.#headers.get(disk.id);
      if (known?.generation.id === this.generation.id) return known;
    }
    const block = Buffer.alloc(fileHeaderBytes);
    for (const disk of this.disks) {
      const header = (await readOrFail(disk, this.path, 0, block)) ? ownHeader(this, block) : null;
      if (header !== null) return header;
    }
    return null;
  }

  async #readAll(): Promise<FoundFile> {
    const known: KnownHeaders = new Map();
    const scans = await Promise.all(
      this.disks.map(async (disk) => {
        const reader = await CopyReader.open(disk, this.path);
        return { disk, scan: reader === null ? null : await scanCopy(this, reader, known) };
      }),
    );
    return merged(scans.flatMap(({ disk, scan }) => (scan === null ? [] : [{ disk, scan }])));
  }
}

function merged(copies: readonly { readonly disk: Disk; readonly scan: CopyScan }[]): FoundFile {
  const found = new Map<number, { header: BatchHeader; holders: Disk[]; payload: readonly PayloadPlace[] }>();
  for (const { disk, scan } of copies) {
    for (const { header, payload } of scan.batches) {
      const same = found.get(header.sequence);
      const unheard = same === undefined || (same.holders.length === 0 && payload !== null);
      if (unheard) found.set(header.sequence, { header, holders: payload === null ? [] : [disk], payload: payload ?? [] });
      else if (same.header.link === header.link && payload !== null) {
        same.holders.push(disk);
      }
    }
  }
  const withHeader = copies.filter(({ scan }) => scan.header !== null);
  return {
    header: withHeader[0]?.scan.header ?? null,
    headerHolders: withHeader.map(({ disk }) => disk),
    copies: copies.map(({ disk }) => disk),
    batches: [...found.values()].sort((a, b) => a.header.sequence - b.header.sequence),
  };
}
