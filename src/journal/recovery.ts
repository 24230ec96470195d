// The reading side of the journal: finds the true history among what the present disks hold (rule 1), and gives its
// batches, its payload and its end. Reading changes nothing on any disk; only heal() writes. Order for whoever mounts:
// recoverJournal, heal, storeGenerations with the next generation, startJournal; nothing is served before.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { DiskId, GenerationId, Lsn, SegmentNumber, VolumeId } from '../base/ids.js';
import { asLsn, NO_LSN } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import { decodeRecords } from '../format/batch.js';
import type { Generation } from '../format/generation.js';
import type { PayloadRange } from '../format/payload.js';
import { type ChosenGeneration, chooseFiles, damaged, filesAbove, listFiles, walk } from './chosen-files.js';
import { BodyReader } from './body-reader.js';
import type { JournalMark, LabelMark, RecoveredBatch, RecoveredJournal, RetainedFile, SetAsideDisk } from './contract.js';
import { type DiskLook, lookAt } from './disk-look.js';
import { beyondEnd, type DurableMark, lostMarks } from './durable-marks.js';
import type { FoundBatch } from './file-copies.js';
import { describedFork } from './fork-report.js';
import { healFile, healOrder } from './heal.js';
import { findEnd, type HistoryEnd, NO_GENERATION } from './history-end.js';
import { PayloadIndex } from './payload-index.js';
import { KeptFile, retainedFiles } from './retained-files.js';
import { chooseHistory, type TrueHistory } from './true-history.js';

export interface RecoveryOptions {
  readonly volume: VolumeId;
  /** All present disks of the volume, labels checked. */
  readonly disks: readonly Disk[];
  /** Where copies should be, by configuration: preferred by heal(). */
  readonly journalDisks: readonly DiskId[];
  /** What the labels of these disks say. */
  readonly labels?: ReadonlyMap<DiskId, LabelMark>;
  /** A generation of the history that a person chose after 'conflict' (journal-fork) or 'corrupt' (journal-damaged): its end is taken as it is found. */
  readonly prefer?: GenerationId;
  readonly logger: Logger;
}

/**
 * Errors: 'unavailable' (journal-members-missing) names the missing disks; 'conflict' (journal-fork) the two histories;
 * 'corrupt' (journal-damaged) when the end of the history is below a durable mark. Repeatable; changes nothing.
 */
export async function recoverJournal(options: RecoveryOptions): Promise<RecoveredJournal> {
  const all = await Promise.all(options.disks.map((disk) => lookAt(disk, options.volume)));
  const { generations, highestNumber, setAside } = await chooseOrDescribe(options, all);
  const looks = all.filter(({ knowledge }) => !setAside.some(({ disk }) => disk === knowledge));
  const listing = listFiles(looks.flatMap(({ files }) => files));
  if (generations.length === 0 && listing.size > 0) {
    throw new HoldfastError('corrupt', 'there are journal files, but no disk knows any generation of the journal', {
      code: 'journal-damaged',
      hint: 'Attach more disks of the volume, or restore from the backup.',
    });
  }
  const open = chooseFiles(options.volume, generations, listing);
  const tip = open.at(-1);
  const end: HistoryEnd = tip === undefined ? { mark: { generation: NO_GENERATION, lsn: NO_LSN, link: 0 }, lastGroup: [], durable: NO_LSN } : await findEnd(tip);
  const history = open.map((chosen) => (chosen === tip ? { ...chosen, end: end.mark.lsn } : chosen));
  const retained = await retainedFiles(history, listing, end.mark.lsn);
  const highest = Math.max(highestNumber, ...listing.keys());
  const journal = new ChosenJournal({ ...options, disks: looks.map(({ disk }) => disk) }, history, end, retained, highest, setAside.map(asideOf));
  journal.requireDurable([...ownMarks(tip, end), ...labelMarks(looks, options.labels ?? new Map<DiskId, LabelMark>())]);
  return journal;
}

async function chooseOrDescribe(options: RecoveryOptions, looks: readonly DiskLook[]): Promise<TrueHistory> {
  try {
    return chooseHistory(looks.map(({ knowledge }) => knowledge), options.prefer ?? null);
  } catch (error) {
    throw isErrorOf(error, 'conflict') ? await describedFork(error, options.volume, looks) : error;
  }
}

function asideOf({ disk, generation }: TrueHistory['setAside'][number]): SetAsideDisk {
  return { disk: disk.disk.id, reason: `holds another history of this volume, generation ${generation.number} (${generation.id}): set aside by --prefer-history and not touched` };
}

/** Headers of batches and files say how far everything was durable when they were written. */
function ownMarks(tip: ChosenGeneration | undefined, end: HistoryEnd): readonly DurableMark[] {
  return tip === undefined ? [] : [{ generation: { id: tip.generation.id }, lsn: end.durable, source: 'the journal itself' }];
}

function labelMarks(looks: readonly DiskLook[], labels: ReadonlyMap<DiskId, LabelMark>): readonly DurableMark[] {
  return looks.flatMap(({ disk, knowledge }) => {
    const label = labels.get(disk.id);
    if (label === undefined || label.generation === 0) return [];
    // Two histories may have terms of one number: the list beside the label says which is meant.
    const id = knowledge.list?.find((generation) => generation.number === label.generation)?.id;
    return [{ generation: { number: label.generation, ...(id === undefined ? {} : { id }) }, lsn: label.durableLsn, source: `the label of ${disk.path}` }];
  });
}

class ChosenJournal implements RecoveredJournal {
  readonly generations: readonly Generation[];
  readonly end: JournalMark;
  readonly retained: readonly RetainedFile[];
  readonly highestNumber: number;
  readonly setAside: readonly SetAsideDisk[];
  readonly #options: RecoveryOptions;
  readonly #history: readonly ChosenGeneration[];
  readonly #end: HistoryEnd;
  readonly #payload: PayloadIndex;

  constructor(options: RecoveryOptions, history: readonly ChosenGeneration[], end: HistoryEnd, retained: readonly RetainedFile[], highestNumber: number, setAside: readonly SetAsideDisk[]) {
    this.#options = options;
    this.#history = history;
    this.#end = end;
    this.#payload = new PayloadIndex(history);
    this.generations = history.map((chosen) => chosen.generation);
    this.end = end.mark;
    this.retained = retained;
    this.highestNumber = highestNumber;
    this.setAside = setAside;
  }

  requireDurable(marks: readonly DurableMark[]): void {
    const lost = lostMarks(this.#history, marks);
    const [worst] = lost;
    if (worst === undefined) return;
    if (this.#options.prefer === undefined) throw beyondEnd(worst, this.#history);
    for (const { mark, end } of lost) this.#options.logger.error({ source: mark.source, durable: mark.lsn, end }, 'records that were durable are given up: the history that was chosen ends before them');
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
        reached = Math.min(reached, (await healFile(chosen, file, from, options))?.length ?? wanted);
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
