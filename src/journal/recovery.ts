// The reading side of the journal: finds the true history among what the present disks hold (rule 1), and gives its
// batches, its payload and its end. Reading changes nothing on any disk; only heal() writes. Order for whoever mounts:
// recoverJournal, heal, storeGenerations with the next generation, startJournal; nothing is served before.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { DiskId, GenerationId, Lsn, SegmentNumber, VolumeId } from '../base/ids.js';
import { asLsn, NO_LSN } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import { decodeBatchBody, decodePayloadIndex } from '../format/batch.js';
import { decodeFileHeader, fileHeaderBytes, journalFilePath, journalFolder, parseJournalFileName } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import type { PayloadRange } from '../format/payload.js';
import { type ChosenGeneration, chooseFiles, counts, damaged, filesAbove, listFiles, walk } from './chosen-files.js';
import type { JournalMark, RecoveredBatch, RecoveredJournal, RetainedFile } from './contract.js';
import { type FoundBatch, type JournalFileCopies, readOrFail } from './file-copies.js';
import { loadGenerations } from './generations.js';
import { healFile, healOrder } from './heal.js';
import { type DurableMark, findEnd, type HistoryEnd, NO_GENERATION, requireMarks } from './history-end.js';
import { retainedFiles } from './retained-files.js';
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
  const names = new Map<DiskId, readonly string[]>();
  const knowledge: DiskKnowledge[] = [];
  for (const disk of options.disks) {
    const own = await listNames(disk);
    names.set(disk.id, own);
    knowledge.push({ disk, ...(await loadGenerations(disk, options.volume)), seen: await seenGenerations(disk, options.volume, own) });
  }
  const { generations, highestNumber } = chooseHistory(knowledge, options.prefer ?? null);
  const listing = listFiles(names, options.disks);
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

interface PayloadBatch {
  readonly file: JournalFileCopies;
  readonly batch: FoundBatch;
}

class ChosenJournal implements RecoveredJournal {
  readonly generations: readonly Generation[];
  readonly end: JournalMark;
  readonly retained: readonly RetainedFile[];
  readonly highestNumber: number;
  readonly #options: RecoveryOptions;
  readonly #history: readonly ChosenGeneration[];
  readonly #end: HistoryEnd;
  #payload: Promise<ReadonlyMap<SegmentNumber, readonly PayloadBatch[]>> | null = null;

  constructor(options: RecoveryOptions, history: readonly ChosenGeneration[], end: HistoryEnd, retained: readonly RetainedFile[], highestNumber: number) {
    this.#options = options;
    this.#history = history;
    this.#end = end;
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
        for (const { header } of (await file.scan(false)).batches) {
          if (header.groupLastLsn !== mark.lsn || header.partIndex !== header.partCount - 1) continue;
          const name = chosen === own ? { generation: header.generation, link: header.link } : header.origin;
          return name?.generation === mark.generation && name.link === mark.link;
        }
      }
    }
    return false;
  }

  async *batches(from: Lsn): AsyncIterable<RecoveredBatch> {
    for await (const { chosen, file, batch } of walk(this.#history, from)) {
      const body = await file.readBody(batch);
      if (body === null) throw damaged(file.path, batch.header.firstLsn, batch.header.lastLsn, chosen);
      const { generation, firstLsn, lastLsn, link } = batch.header;
      yield { generation, firstLsn, lastLsn, link, ...decodeBatchBody(batch.header, body) };
    }
  }

  async *payloadOf(segment: SegmentNumber): AsyncIterable<PayloadRange> {
    this.#payload ??= this.#findPayload();
    for (const { file, batch } of (await this.#payload).get(segment) ?? []) {
      const body = await file.readBody(batch);
      if (body === null) continue;
      yield* decodeBatchBody(batch.header, body).payload.filter((range) => range.segment === segment);
    }
  }

  /** One pass over the journal for all segments: a rebuild asks for many of them. */
  async #findPayload(): Promise<ReadonlyMap<SegmentNumber, readonly PayloadBatch[]>> {
    const found = new Map<SegmentNumber, PayloadBatch[]>();
    for (const chosen of this.#history) {
      for (const file of chosen.files) {
        for (const batch of (await file.scan(false)).batches) {
          if (batch.header.payloadCount === 0 || !counts(chosen, batch)) continue;
          const front = await file.readFront(batch);
          const index = front === null ? [] : decodePayloadIndex(batch.header, front.subarray(batch.header.recordsBytes));
          for (const segment of new Set(index.map((place) => place.segment))) {
            const batches = found.get(segment);
            if (batches === undefined) found.set(segment, [{ file, batch }]);
            else batches.push({ file, batch });
          }
        }
      }
    }
    return found;
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

async function listNames(disk: Disk): Promise<readonly string[]> {
  try {
    return await disk.list(journalFolder);
  } catch (error) {
    if (isErrorOf(error, 'unavailable')) return [];
    throw error;
  }
}

/** What the headers of its files say: a disk whose list is damaged still bears witness. */
async function seenGenerations(disk: Disk, volume: VolumeId, names: readonly string[]): Promise<readonly Generation[]> {
  const seen = new Map<GenerationId, Generation>();
  const block = Buffer.alloc(fileHeaderBytes);
  for (const name of names) {
    const numbers = parseJournalFileName(name);
    if (numbers === null || !(await readOrFail(disk, journalFilePath(numbers.generationNumber, numbers.fileNumber), 0, block))) continue;
    const header = decodeFileHeader(block);
    if (header?.volume === volume && header.generation.number === numbers.generationNumber) seen.set(header.generation.id, header.generation);
  }
  return [...seen.values()];
}
