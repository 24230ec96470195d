// Where the chosen history ends: the last group of its last generation that is whole on any present disk. A group is written
// only after all earlier ones are durable, so whatever is bad before a whole group is damage (found when it is walked),
// and only what is bad behind the last whole one is a torn tail; unless a durable mark says otherwise.
import { HoldfastError } from '../base/errors.js';
import type { GenerationId, Lsn } from '../base/ids.js';
import { asLsn, NO_LSN } from '../base/ids.js';
import type { ChosenGeneration } from './chosen-files.js';
import { damaged } from './chosen-files.js';
import type { JournalMark } from './contract.js';
import type { FoundBatch, JournalFileCopies } from './file-copies.js';

/** A number that somebody else wrote down as durable: a label, a shard header, an image. */
export interface DurableMark {
  readonly lsn: Lsn;
  /** For the message: `label of /disks/a`. */
  readonly source: string;
}

export interface HistoryEnd {
  readonly mark: JournalMark;
  /** The batches of the last group of the last generation, with their files; empty when it has none. */
  readonly lastGroup: readonly { readonly file: JournalFileCopies; readonly batch: FoundBatch }[];
}

/** `tip` is the last generation. Throws 'corrupt' (journal-damaged) when a durable mark lies above what is there. */
export async function findEnd(tip: ChosenGeneration): Promise<HistoryEnd> {
  const { generation } = tip;
  let above: { file: JournalFileCopies; batch: FoundBatch }[] = [];
  let durable: Lsn = NO_LSN;
  for (const file of [...tip.files].reverse()) {
    const found = await file.scan();
    if (found.header !== null && found.header.durableLsn > durable) durable = found.header.durableLsn;
    for (const batch of found.batches) if (batch.header.durableLsn > durable) durable = batch.header.durableLsn;
    above = [...found.batches.filter((batch) => batch.holders.length > 0).map((batch) => ({ file, batch })), ...above];
    const lastGroup = lastWholeGroup(above);
    if (lastGroup.length === 0) continue;
    const last = lastGroup[lastGroup.length - 1]?.batch.header;
    const mark = { generation: generation.id, lsn: last?.groupLastLsn ?? NO_LSN, link: last?.link ?? 0 };
    if (durable > mark.lsn) throw damaged(file.path, asLsn(mark.lsn + 1), durable, tip);
    return { mark, lastGroup };
  }
  if (durable > generation.parentLsn) throw damaged('start of the generation', asLsn(generation.parentLsn + 1), durable, tip);
  return { mark: { generation: generation.id, lsn: generation.parentLsn, link: 0 }, lastGroup: [] };
}

/** Refuses an end below anything that was known to be durable. */
export function requireMarks(end: JournalMark, marks: readonly DurableMark[], journalDisks: readonly string[]): void {
  const beyond = marks.filter((mark) => mark.lsn > end.lsn).sort((a, b) => b.lsn - a.lsn)[0];
  if (beyond === undefined) return;
  throw new HoldfastError('corrupt', `the journal ends at record ${end.lsn}, but ${beyond.source} knows record ${beyond.lsn} as durable: the end of the journal is missing or damaged`, {
    code: 'journal-damaged',
    hint: 'Attach the missing disks of the journal, or restore from the backup.',
    context: { end: end.lsn, durable: beyond.lsn, source: beyond.source, disks: journalDisks.join(' ') },
  });
}

/** The id of a history without any generation. */
export const NO_GENERATION = '0000000000000000' as GenerationId; // no random id: the first mount has a real one

function lastWholeGroup<T extends { readonly batch: FoundBatch }>(batches: readonly T[]): readonly T[] {
  for (let index = batches.length - 1; index >= 0; index--) {
    const last = batches[index]?.batch.header;
    if (last === undefined || last.partIndex !== last.partCount - 1) continue;
    const group = batches.slice(Math.max(0, index - last.partIndex), index + 1);
    const whole =
      group.length === last.partCount &&
      group.every(({ batch }, part) => {
        const before = group[part - 1]?.batch.header;
        return batch.header.partIndex === part && batch.header.sequence === last.sequence - last.partIndex + part && (before === undefined || batch.header.previousLink === before.link);
      });
    if (whole) return group;
  }
  return [];
}
