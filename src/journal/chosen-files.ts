// The journal files of the chosen history in order, and walking their batches with the chain checked link by link.
// A gap above the position asked for is an error that names files and LSNs; below it, it is what release() left.
import { HoldfastError } from '../base/errors.js';
import type { DiskId, Lsn, VolumeId } from '../base/ids.js';
import { asLsn } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import { parseJournalFileName } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import type { JournalFileHeader } from '../format/batch-file.js';
import { type FoundBatch, JournalFileCopies } from './file-copies.js';
import { historyEnds } from './generations.js';

/** One generation of the chosen history and its files on the present disks. */
export interface ChosenGeneration {
  readonly generation: Generation;
  /** Batches count up to here; Infinity for the last one until its end is known. */
  readonly end: number;
  /** Ascending by number; numbers may be missing. */
  readonly files: readonly JournalFileCopies[];
}

/** The copies of one journal file that were seen. */
export interface ListedFile {
  readonly disks: readonly Disk[];
  /** Header blocks that verify. */
  readonly headers: ReadonlyMap<DiskId, JournalFileHeader>;
}

/** Which journal files lie on which disks, by generation number and file number. */
export type FileListing = ReadonlyMap<number, ReadonlyMap<number, ListedFile>>;

/** One journal file as one disk has it. */
export interface SeenFile {
  readonly disk: Disk;
  readonly name: string;
  readonly header: JournalFileHeader | null;
}

export function listFiles(seen: readonly SeenFile[]): FileListing {
  const listing = new Map<number, Map<number, { disks: Disk[]; headers: Map<DiskId, JournalFileHeader> }>>();
  for (const { disk, name, header } of seen) {
    const numbers = parseJournalFileName(name);
    if (numbers === null) continue;
    const files = listing.get(numbers.generationNumber) ?? new Map<number, { disks: Disk[]; headers: Map<DiskId, JournalFileHeader> }>();
    listing.set(numbers.generationNumber, files);
    const file = files.get(numbers.fileNumber) ?? { disks: [], headers: new Map<DiskId, JournalFileHeader>() };
    files.set(numbers.fileNumber, file);
    file.disks.push(disk);
    if (header?.fileNumber === numbers.fileNumber) file.headers.set(disk.id, header);
  }
  return listing;
}

export function chooseFiles(volume: VolumeId, generations: readonly Generation[], listing: FileListing): readonly ChosenGeneration[] {
  const ends = historyEnds(generations);
  return generations.map((generation, index) => {
    const byNumber = [...(listing.get(generation.number) ?? [])].sort(([a], [b]) => a - b);
    const files = byNumber.map(([fileNumber, { disks, headers }]) => new JournalFileCopies(volume, generation, fileNumber, disks, headers));
    return { generation, end: ends[index] ?? Number.POSITIVE_INFINITY, files };
  });
}

/** Does the batch count in the chosen history? */
export function counts(chosen: ChosenGeneration, batch: FoundBatch): boolean {
  return batch.header.groupLastLsn <= chosen.end;
}

export interface WalkedBatch {
  readonly chosen: ChosenGeneration;
  readonly file: JournalFileCopies;
  readonly batch: FoundBatch;
}

/** Files of the generation that may hold batches of groups that end above `from`. */
export async function filesAbove(chosen: ChosenGeneration, from: Lsn): Promise<readonly JournalFileCopies[]> {
  // A file's header says where the one before it ends, so look from the last one down; an unreadable header costs a scan, no more.
  for (let index = chosen.files.length - 1; index > 0; index--) {
    const header = await chosen.files[index]?.header();
    if (header != null && header.previousEnd <= from) return chosen.files.slice(index);
  }
  return chosen.files;
}

/** Batches of groups that end in (from, end], in order. Throws 'corrupt' (journal-damaged) at the first gap. */
export async function* walk(history: readonly ChosenGeneration[], from: Lsn): AsyncIterable<WalkedBatch> {
  let reached: Lsn = from;
  for (const chosen of history) {
    if (chosen.end <= from || chosen.end <= chosen.generation.parentLsn) continue;
    if (chosen.generation.parentLsn > reached) throw damaged('between generations', asLsn(reached + 1), chosen.generation.parentLsn, chosen);
    let previous: FoundBatch | null = null;
    for (const file of await filesAbove(chosen, from)) {
      for (const batch of (await file.scan()).batches) {
        if (batch.header.groupLastLsn <= from) continue;
        if (!counts(chosen, batch)) break;
        if (!isNext(batch, previous, reached, chosen)) throw damaged(file.path, asLsn(reached + 1), asLsn(batch.header.groupFirstLsn - 1), chosen);
        if (batch.holders.length === 0) throw damaged(file.path, batch.header.firstLsn, batch.header.lastLsn, chosen);
        yield { chosen, file, batch };
        previous = batch;
        if (batch.header.partIndex === batch.header.partCount - 1) reached = batch.header.groupLastLsn;
      }
    }
    if (reached < chosen.end) throw damaged(`after ${previous?.header.lastLsn ?? 'the start'}`, asLsn(reached + 1), asLsn(chosen.end), chosen);
  }
  const tip = history.at(-1);
  if (tip !== undefined && reached < tip.end) throw damaged('before the last generation', asLsn(reached + 1), asLsn(tip.end), tip);
}

export function damaged(where: string, first: Lsn, last: Lsn, chosen: ChosenGeneration): HoldfastError {
  return new HoldfastError('corrupt', `the journal is damaged: no present disk has the records ${first} to ${Math.max(first, last)} whole (generation ${chosen.generation.number}, ${where})`, {
    code: 'journal-damaged',
    hint: 'Attach the missing disks of this generation, or restore from the backup.',
    context: { first, last: Math.max(first, last), generation: chosen.generation.number, where, disks: chosen.generation.journalDisks.join(' ') },
  });
}

function isNext(batch: FoundBatch, previous: FoundBatch | null, reached: Lsn, chosen: ChosenGeneration): boolean {
  const { header } = batch;
  if (previous !== null) return header.sequence === previous.header.sequence + 1 && header.previousLink === previous.header.link;
  if (header.partIndex !== 0) return false;
  // The first one that is wanted: right behind `from`, around it, or at the generation's very start.
  if (reached === chosen.generation.parentLsn) return header.sequence === 0 && header.previousLink === 0 && header.groupFirstLsn === reached + 1;
  return header.groupFirstLsn <= reached + 1;
}
