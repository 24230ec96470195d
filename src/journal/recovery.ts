// The reading side of the journal: finds the true history among what the present disks hold (rule 1), and gives its
// batches, its payload and its end. Reading changes nothing on any disk; only heal() writes. Order for whoever mounts:
// recoverJournal, heal, storeGenerations with the next generation, startJournal; nothing is served before.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { DiskId, GenerationId, Lsn, SegmentNumber, VolumeId } from '../base/ids.js';
import { asLsn, NO_LSN } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import { decodeRecords } from '../format/batch.js';
import { decodeFileHeader, fileHeaderBytes, journalFilePath, journalFolder, parseJournalFileName } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import type { PayloadRange } from '../format/payload.js';
import { type ChosenGeneration, chooseFiles, damaged, filesAbove, listFiles, type SeenFile, walk } from './chosen-files.js';
import type { JournalMark, RecoveredBatch, RecoveredJournal, RetainedFile } from './contract.js';
import { BodyReader } from './body-reader.js';
import { readOrFail } from './copy-reader.js';
import type { FoundBatch } from './file-copies.js';
import { loadGenerations } from './generations.js';
import { healFile, healOrder } from './heal.js';
import { type DurableMark, findEnd, type HistoryEnd, NO_GENERATION, requireMarks } from './history-end.js';
import { PayloadIndex } from './payload-index.js';
import { KeptFile, retainedFiles } from './retained-files.js';
import { chooseHistory, type DiskKnowledge } from './true-history.js';

export interface RecoveryOptions {
  readonly volume: VolumeId;
  /** All present disks of the volume, labels checked. */
  readonly disks: readonly Disk[];
  /** Where copies should be, by configuration: preferred by heal(). */
  readonly journalDisks: readonly DiskId[];
  /** Numbers known as durable from labels, shard headers and images. */
  readonly marks?: readonly DurableMark[];
  /** The last generation of the branch a person chose after 'conflict' (journal-fork). */
  readonly prefer?: GenerationId;
  readonly logger: Logger;
}

/**
 * Errors: 'unavailable' (journal-members-missing) names the missing disks; 'conflict' (journal-fork) the two histories;
 * 'corrupt' (journal-damaged) when the end of the history is below a durable mark. Repeatable; changes nothing.
 */
export async function recoverJournal(options: RecoveryOptions): Promise<RecoveredJournal> {
  const looks = await Promise.all(options.disks.map((disk) => lookAt(disk, options.volume)));
  const { generations, highestNumber } = chooseHistory(looks.map(({ knowledge }) => knowledge), options.prefer ?? null);
  const listing = listFiles(looks.flatMap(({ files }) => files));
  if (generations.length === 0 && listing.size > 0) {
    throw new HoldfastError('corrupt', 'there are journal files, but no disk knows any generation of the journal', {
      code: 'journal-damaged',
      hint: 'Attach more disks of the volume, or restore from the backup.',
    });
  }
  const open = chooseFiles(options.volume, generations, listing);
  const tip = open.at(-1);
  const end: HistoryEnd = tip === undefined ? { mark: { generation: NO_GENERATION, lsn: NO_LSN, link: 0 }, lastGroup: [] } : await findEnd(tip);
  requireMarks(end.mark, options.marks ?? [], tip?.generation.journalDisks ?? []);
  const history = open.map((chosen) => (chosen === tip ? { ...chosen, end: end.mark.lsn } : chosen));
  const retained = await retainedFiles(history, listing, end.mark.lsn);
  const highest = Math.max(highestNumber, ...listing.keys());
  return new ChosenJournal(options, history, end, retained, highest);
}

class ChosenJournal implements RecoveredJournal {
  readonly generations: readonly Generation[];
  readonly end: JournalMark;
  readonly retained: readonly RetainedFile[];
  readonly highestNumber: number;
  readonly #options: RecoveryOptions;
  readonly #history: readonly ChosenGeneration[];
  readonly #end: HistoryEnd;
  readonly #payload: PayloadIndex;

  constructor(options: RecoveryOptions, history: readonly ChosenGeneration[], end: HistoryEnd, retained: readonly RetainedFile[], highestNumber: number) {
    this.#options = options;
    this.#history = history;
    this.#end = end;
    this.#payload = new PayloadIndex(history);
    this.generations = history.map((chosen) => chosen.generation);
    this.end = end.mark;
    this.retained = retained;
    this.highestNumber = highestNumber;
  }

  async contains(mark: JournalMark): Promise<boolean> {
    if (mark.generation === this.end.generation && mark.lsn === this.end.lsn) return mark.link === this.end.link;
    const own = this.#history.find((chosen) => chosen.generation.id === mark.generation);
    if (own === undefined || mark.lsn > this.end.lsn) return false;
    if (mark.link === 0 && mark.lsn === own.generation.parentLsn) return true;
    // Above the end of its own generation it may have been rewritten in a later one.
    for (const chosen of this.#history) {
      if (chosen.generation.number < own.generation.number || mark.lsn <= chosen.generation.parentLsn || mark.lsn > chosen.end) continue;
      for (const file of await filesAbove(chosen, asLsn(mark.lsn - 1))) {
        // Behind the end of the last group before this file, or in no file that is left.
        const header = await file.header();
        if (header !== null && header.previousEnd > mark.lsn) break;
        for (const { header } of (await file.scan()).batches) {
          if (header.groupLastLsn !== mark.lsn || header.partIndex !== header.partCount - 1) continue;
          const name = chosen === own ? { generation: header.generation, link: header.link } : header.origin;
          return name?.generation === mark.generation && name.link === mark.link;
        }
      }
    }
    return false;
  }

  async *batches(from: Lsn): AsyncIterable<RecoveredBatch> {
    const reader = new BodyReader();
    for await (const { chosen, file, batch } of walk(this.#history, from)) {
      const front = await reader.front(file, batch);
      if (front === null) throw damaged(file.path, batch.header.firstLsn, batch.header.lastLsn, chosen);
      const { generation, firstLsn, lastLsn, link } = batch.header;
      yield { generation, firstLsn, lastLsn, link, records: decodeRecords(batch.header, front) };
    }
  }

  async *payloadOf(segment: SegmentNumber): AsyncIterable<PayloadRange> {
    const batches = await this.#payload.batchesOf(segment);
    const reader = new BodyReader();
    // One piece of memory for all of it: a segment comes in hundreds of small ranges.
    let memory = Buffer.allocUnsafeSlow(batches.reduce((sum, { batch }) => sum + bytesOf(segment, batch), 0));
    for (const { file, batch } of batches) {
      const ranges = await reader.ranges(file, batch, segment, memory);
      memory = memory.subarray(bytesOf(segment, batch));
      if (ranges !== null) yield* ranges;
    }
  }

  async settle(): Promise<void> {
    for (const file of this.retained) if (file instanceof KeptFile) await file.settle();
    for (const chosen of this.#history) for (const file of chosen.files) file.forget();
  }

  async heal(from: Lsn, copies: number): Promise<number> {
    const wanted = Math.min(copies, this.#options.disks.length);
    const lastFiles = new Set(this.#end.lastGroup.map(({ file }) => file));
    const rewrite = new Set(this.#end.lastGroup.map(({ batch }) => batch.header.sequence));
    // A gap that no copy fills must be known before anything is written.
    for await (const _ of walk(this.#history, from));
    let reached = wanted;
    for (const chosen of this.#history) {
      // The group that ends at `from` as well: it proves the mark of the image that recovery begins with.
      const above = chosen.end >= from ? await filesAbove(chosen, asLsn(Math.max(0, from - 1))) : [];
      const isTip = chosen === this.#history.at(-1);
      const files = isTip ? chosen.files.filter((file) => above.includes(file) || lastFiles.has(file)) : above;
      const disks = healOrder(this.#options.disks, [...this.#options.journalDisks, ...chosen.generation.journalDisks]);
      for (const file of files) {
        const options = { disks, copies: wanted, rewrite: isTip ? rewrite : new Set<number>(), logger: this.#options.logger };
        reached = Math.min(reached, await healFile(chosen, file, from, options));
      }
    }
    if (reached === 0) {
      throw new HoldfastError('unavailable', 'no disk takes the end of the journal', { code: 'journal-heal', hint: 'Check the disks: space, read-only state, errors.' });
    }
    return reached;
  }
}

function bytesOf(segment: SegmentNumber, batch: FoundBatch): number {
  return batch.payload.reduce((sum, place) => (place.segment === segment ? sum + place.length : sum), 0);
}

interface DiskLook {
  readonly knowledge: DiskKnowledge;
  readonly files: readonly SeenFile[];
}

/** Its list of generations, and the header block of every journal file: a disk whose list is damaged still bears witness by those. */
async function lookAt(disk: Disk, volume: VolumeId): Promise<DiskLook> {
  const loaded = await loadGenerations(disk, volume);
  const seen = new Map<GenerationId, Generation>();
  const files: SeenFile[] = [];
  const block = Buffer.alloc(fileHeaderBytes);
  for (const name of await listNames(disk)) {
    const numbers = parseJournalFileName(name);
    if (numbers === null) continue;
    const read = await readOrFail(disk, journalFilePath(numbers.generationNumber, numbers.fileNumber), 0, block);
    const header = read ? decodeFileHeader(block) : null;
    const own = header?.volume === volume && header.generation.number === numbers.generationNumber ? header : null;
    files.push({ disk, name, header: own });
    if (own !== null) seen.set(own.generation.id, own.generation);
  }
  return { knowledge: { disk, ...loaded, seen: [...seen.values()] }, files };
}

async function listNames(disk: Disk): Promise<readonly string[]> {
  try {
    return await disk.list(journalFolder);
  } catch (error) {
    if (isErrorOf(error, 'unavailable')) return [];
    throw error;
  }
}
