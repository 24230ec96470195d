// Makes journal files whole on enough disks. Writes only bytes that verify, only to places where a copy lacks them; a copy
// counts when it was synced here, because what a killed process wrote may sit in the page cache only. The last group of
// the history is written again even where it is whole: its first sync may have failed, and a second one would not say so.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { DiskId, Lsn } from '../base/ids.js';
import { asLsn } from '../base/ids.js';
import { batchAlignBytes } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import { batchBytes } from '../format/batch.js';
import { encodeFileHeader, fileHeaderBytes, type JournalFileHeader } from '../format/batch-file.js';
import { type ChosenGeneration, counts, damaged } from './chosen-files.js';
import { readOrFail } from './copy-reader.js';
import type { JournalDamage } from './contract.js';
import type { FoundBatch, FoundFile, JournalFileCopies } from './file-copies.js';

/** A batch may be larger than what is copied at once. */
const PIECE_BYTES = 4 * 1024 * 1024;

export interface HealOptions {
  /** All present disks, best place for a new copy first. */
  readonly disks: readonly Disk[];
  readonly copies: number;
  /** Batches to write again even where they are whole, by sequence; of the last generation only. */
  readonly rewrite: ReadonlySet<number>;
  readonly logger: Logger;
  /** Given: also every other copy that is there and not whole is made so, and told. The file ends at `lastLsn`. */
  readonly scrub?: { readonly lastLsn: Lsn; readonly damaged: (found: JournalDamage) => void };
}

/** Makes one file whole on `copies` disks; gives those it reached (`null`: it holds nothing that counts). Throws 'corrupt' when a batch above `from` is nowhere whole. */
export async function healFile(chosen: ChosenGeneration, file: JournalFileCopies, from: Lsn, options: HealOptions): Promise<readonly Disk[] | null> {
  const found = await file.scan();
  const needed = found.batches.filter((batch) => batch.holders.length > 0 && counts(chosen, batch));
  requireAll(chosen, file, needed, from);
  const nowhere = options.scrub === undefined ? 0 : missingEverywhere(chosen, found, options.scrub.lastLsn);
  if (nowhere > 0) options.scrub?.damaged({ path: file.path, disk: null, batches: nowhere, healed: false });
  const first = needed[0];
  if (first === undefined) return null;
  const header = found.header ?? headerFrom(file, first, needed);

  const missing = (disk: Disk): number => needed.filter((batch) => !batch.holders.includes(disk)).length;
  const order = [...options.disks].sort((a, b) => Math.sign(missing(a)) - Math.sign(missing(b)));
  const heal = (disk: Disk): Promise<boolean> => healCopy(disk, file, header, found, needed, options);
  const firstChoice = order.slice(0, options.copies);
  const healed = await Promise.all(firstChoice.map(heal));
  const reached = firstChoice.filter((_, index) => healed[index]);
  for (const disk of order.slice(options.copies)) {
    if (reached.length === options.copies) break;
    if (await heal(disk)) reached.push(disk);
  }
  for (const disk of options.scrub === undefined ? [] : found.copies) {
    const batches = missing(disk);
    if (!options.disks.includes(disk) || (batches === 0 && found.headerHolders.includes(disk))) continue;
    options.scrub?.damaged({ path: file.path, disk: disk.id, batches, healed: reached.includes(disk) || (await heal(disk)) });
  }
  return reached;
}

/** Batches of this file that no copy has whole; those at its end that nobody knows any more are counted as one. */
function missingEverywhere(chosen: ChosenGeneration, found: FoundFile, lastLsn: Lsn): number {
  let count = 0;
  let next = found.header?.firstSequence ?? null;
  let end = found.header?.previousEnd ?? null;
  for (const { header, holders } of found.batches.filter((batch) => counts(chosen, batch))) {
    count += header.sequence - (next ?? header.sequence) + (holders.length === 0 ? 1 : 0);
    next = header.sequence + 1;
    end = header.groupLastLsn;
  }
  return end !== null && end < Math.min(lastLsn, chosen.end) ? count + 1 : count;
}

/** Batches of one file that count must follow one another, as far as they are above `from`. */
function requireAll(chosen: ChosenGeneration, file: JournalFileCopies, needed: readonly FoundBatch[], from: Lsn): void {
  let previous: FoundBatch | undefined;
  for (const batch of needed) {
    if (previous !== undefined && batch.header.sequence !== previous.header.sequence + 1 && batch.header.groupLastLsn > from + 1) {
      throw damaged(file.path, asLsn(previous.header.lastLsn + 1), asLsn(batch.header.firstLsn - 1), chosen);
    }
    previous = batch;
  }
}

async function healCopy(disk: Disk, file: JournalFileCopies, header: JournalFileHeader, found: FoundFile, needed: readonly FoundBatch[], options: HealOptions): Promise<boolean> {
  const absent = needed.filter((batch) => !batch.holders.includes(disk));
  const again = needed.filter((batch) => batch.holders.includes(disk) && options.rewrite.has(batch.header.sequence));
  try {
    const log = await disk.openLog(file.path, header.fileBytes);
    try {
      if (absent.length > 0 || again.length > 0 || !found.headerHolders.includes(disk)) await log.write(0, [encodeFileHeader(header)]);
      for (const batch of [...absent, ...again]) {
        for await (const piece of pieces(file, batch)) await log.write(piece.offset, [piece.bytes]);
        failpoint('journal-heal-between-batches');
      }
      await log.sync();
      // Durable from here: this copy, whole.
    } finally {
      await log.close();
    }
    if (absent.length > 0) options.logger.warn({ disk: disk.path, file: file.path, batches: absent.length }, 'a copy of a journal file was made whole');
    return true;
  } catch (error) {
    if (!isErrorOf(error, 'unavailable', 'full')) throw error;
    options.logger.warn({ disk: disk.path, file: file.path, error: error.message }, 'a disk does not take a copy of a journal file; trying the next');
    return false;
  }
}

/** The batch as it lies in its file, padding included, in aligned pieces from a copy that verified. */
async function* pieces(file: JournalFileCopies, batch: FoundBatch): AsyncIterable<{ readonly offset: number; readonly bytes: Buffer }> {
  const end = batch.header.fileOffset + batchBytes(batch.header);
  for (let offset = batch.header.fileOffset; offset < end; ) {
    const bytes = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - offset));
    let read = false;
    for (const holder of batch.holders) {
      read = await readOrFail(holder, file.path, offset, bytes);
      if (read) break;
    }
    if (!read) throw new HoldfastError('unavailable', `${file.path} cannot be read any more from any disk`, { code: 'journal-heal-source' });
    yield { offset, bytes };
    offset += bytes.length;
  }
}

/** For a file whose header block is bad on every disk: everything in it stands in its batches as well. */
function headerFrom(file: JournalFileCopies, first: FoundBatch, needed: readonly FoundBatch[]): JournalFileHeader {
  const last = needed[needed.length - 1] ?? first;
  const used = Math.ceil((last.header.fileOffset + batchBytes(last.header)) / batchAlignBytes) * batchAlignBytes;
  return {
    volume: file.volume,
    generation: file.generation,
    fileNumber: file.fileNumber,
    // Not what it was made with: the room of a larger file may not be there, and nothing more is written to this one.
    fileBytes: Math.max(fileHeaderBytes, used),
    firstSequence: first.header.sequence,
    firstLsn: first.header.firstLsn,
    previousLink: first.header.previousLink,
    previousEnd: asLsn(first.header.partIndex > 0 ? first.header.groupLastLsn : first.header.firstLsn - 1),
    durableLsn: first.header.durableLsn,
  };
}

/** Disks in the order in which they should carry copies: the journal's own first. */
export function healOrder(disks: readonly Disk[], journalDisks: readonly DiskId[]): readonly Disk[] {
  return [...disks.filter((disk) => journalDisks.includes(disk.id)), ...disks.filter((disk) => !journalDisks.includes(disk.id))];
}
