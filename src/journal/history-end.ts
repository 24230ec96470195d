// Where the chosen history ends: the last group of its last generation that is whole on any present disk. A group is written
// only after all earlier ones are durable, so whatever is bad before a whole group is damage (found when it is walked),
// and only what is bad behind the last whole one is a torn tail; unless a durable mark says otherwise.
import type { GenerationId, Lsn } from '../base/ids.js';
import { NO_LSN } from '../base/ids.js';
import type { ChosenGeneration } from './chosen-files.js';
import type { JournalMark } from './contract.js';
import type { FoundBatch, JournalFileCopies } from './file-copies.js';

export interface HistoryEnd {
  readonly mark: JournalMark;
  /** The batches of the last group of the last generation, with their files; empty when it has none. */
  /** The highest LSN that headers of the last generation call durable. */
  readonly durable: Lsn;
  readonly lastGroup: readonly { readonly file: JournalFileCopies; readonly batch: FoundBatch }[];
}

/** `tip` is the last generation. */
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
    return { mark, lastGroup, durable };
  }
  return { mark: { generation: generation.id, lsn: generation.parentLsn, link: 0 }, lastGroup: [], durable };
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
