// Files that are not written any more, as release() and protect() need them: how far each goes, what payload it holds,
// having it on enough disks, and removing it.
import type { DiskId, Lsn, SegmentNumber } from '../base/ids.js';
import { asLsn } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import { journalFilePath } from '../format/batch-file.js';
import { type ChosenGeneration, counts, type FileListing } from './chosen-files.js';
import type { JournalDamage, RetainedFile } from './contract.js';
import { JournalFileCopies } from './file-copies.js';
import { healFile } from './heal.js';

/** A file of the chosen history; `segments` null: not known without reading it. */
export class KeptFile implements RetainedFile {
  readonly lastLsn: Lsn;
  readonly bytes: number;
  readonly holders: Set<DiskId>;
  readonly #chosen: ChosenGeneration;
  #file: JournalFileCopies;
  #segments: readonly SegmentNumber[] | null;

  constructor(chosen: ChosenGeneration, file: JournalFileCopies, lastLsn: Lsn, bytes: number, segments: readonly SegmentNumber[] | null, holders: readonly Disk[]) {
    this.holders = new Set(holders.map((disk) => disk.id));
    this.#chosen = chosen;
    this.#file = file;
    this.lastLsn = lastLsn;
    this.bytes = bytes;
    this.#segments = segments;
  }

  get path(): string {
    return this.#file.path;
  }

  async segments(): Promise<readonly SegmentNumber[]> {
    this.#segments ??= await this.#readSegments();
    this.#file.forget();
    return this.#segments;
  }

  forgetDisk(disk: DiskId): void {
    const file = this.#file;
    this.holders.delete(disk);
    this.#file = new JournalFileCopies(file.volume, file.generation, file.fileNumber, file.disks.filter(({ id }) => id !== disk));
  }

  async spread(disks: readonly Disk[], copies: number, logger: Logger, damaged?: (found: JournalDamage) => void): Promise<number> {
    const file = this.#file;
    this.#file = new JournalFileCopies(file.volume, file.generation, file.fileNumber, [...new Set([...file.disks, ...disks])]);
    // What is nowhere whole is no reason not to copy the rest.
    const from = asLsn(Number.MAX_SAFE_INTEGER);
    // Who looks for damage wants to see what the media have.
    if (damaged !== undefined) await Promise.allSettled(disks.map((disk) => disk.uncache(this.path)));
    const reached = await healFile(this.#chosen, this.#file, from, { disks, copies, rewrite: new Set(), logger, ...(damaged === undefined ? {} : { scrub: { lastLsn: this.lastLsn, damaged } }) });
    this.#file.forget();
    for (const disk of reached ?? []) this.holders.add(disk.id);
    return reached?.length ?? copies;
  }

  /** Keeps what a scan found out, lets go of the scan. */
  async settle(): Promise<void> {
    if (this.#file.scanned) this.#segments ??= await this.#readSegments();
    this.#file.forget();
  }

  async remove(): Promise<void> {
    await removeFrom(this.#file.disks, this.path);
  }

  async #readSegments(): Promise<readonly SegmentNumber[]> {
    const segments = new Set<SegmentNumber>();
    for (const batch of (await this.#file.scan()).batches) {
      if (counts(this.#chosen, batch)) for (const place of batch.payload) segments.add(place.segment);
    }
    return [...segments];
  }
}

/** All files on the present disks, oldest first. Those of void histories hold nothing and end where the chosen history does. */
export async function retainedFiles(history: readonly ChosenGeneration[], listing: FileListing, end: Lsn): Promise<readonly RetainedFile[]> {
  const retained: RetainedFile[] = [];
  for (const number of [...listing.keys()].sort((a, b) => a - b)) {
    const chosen = history.find((candidate) => candidate.generation.number === number);
    if (chosen === undefined) {
      for (const [fileNumber, { disks }] of listing.get(number) ?? []) retained.push(voidFile(journalFilePath(number, fileNumber), disks, end));
      continue;
    }
    const last = Math.min(chosen.end, end);
    for (const [index, file] of chosen.files.entries()) {
      const header = await file.header();
      const next = (await chosen.files[index + 1]?.header()) ?? null;
      const lastLsn = asLsn(next === null ? last : Math.min(last, next.previousEnd));
      retained.push(new KeptFile(chosen, file, lastLsn, header?.fileBytes ?? 0, null, file.disks));
    }
  }
  return retained;
}

function voidFile(path: string, disks: readonly Disk[], lastLsn: Lsn): RetainedFile {
  let here = disks;
  return {
    path,
    lastLsn,
    bytes: 0,
    holders: new Set(disks.map((disk) => disk.id)),
    segments: () => Promise.resolve([]),
    forgetDisk: (disk) => {
      here = here.filter(({ id }) => id !== disk);
    },
    spread: (_, copies) => Promise.resolve(copies),
    remove: () => removeFrom(here, path),
  };
}

/** A disk that fails here keeps its copy: the next mount lists it again. */
async function removeFrom(disks: readonly Disk[], path: string): Promise<void> {
  await Promise.allSettled(disks.map((disk) => disk.remove(path)));
}
