// Rule 1: what anybody wrote down as durable must be in the history that is chosen. A mark that lies beyond it says that the end of
// the journal was lost on every disk that is here, by more than disks may lose: disks that lied, that were put back in time, or
// that are not the whole volume. Batches and file headers are looked at where the end is found; here are the marks kept elsewhere.
import { HoldfastError } from '../base/errors.js';
import type { GenerationId, Lsn } from '../base/ids.js';
import type { ChosenGeneration } from './chosen-files.js';
import { completeFrom } from './generations.js';

export interface DurableMark {
  /** The term in which it was written, by what is known of it; null: any of this history. */
  readonly generation: { readonly id?: GenerationId; readonly number?: number } | null;
  readonly lsn: Lsn;
  /** For the message: `the label of /disks/a`. */
  readonly source: string;
}

/** A mark beyond the history, with where its term ends there; null: its term is no part of it. */
export interface LostMark {
  readonly mark: DurableMark;
  readonly end: Lsn | null;
}

/** Those that the history does not cover, the highest first. */
export function lostMarks(history: readonly ChosenGeneration[], marks: readonly DurableMark[]): readonly LostMark[] {
  return marks.flatMap((mark) => lost(history, mark)).sort((a, b) => b.mark.lsn - a.mark.lsn);
}

function lost(history: readonly ChosenGeneration[], mark: DurableMark): readonly LostMark[] {
  const name = mark.generation;
  const named = ({ generation }: ChosenGeneration): boolean => (name?.id === undefined ? generation.number === name?.number : generation.id === name.id);
  const chosen = name === null ? history.at(-1) : history.find(named);
  if (chosen === undefined) return isForgotten(history, mark) ? [] : [{ mark, end: null }];
  // A restore gave that term up on purpose: it remembers it without any journal disk.
  if (chosen.generation.journalDisks.length === 0 || mark.lsn <= chosen.end) return [];
  return [{ mark, end: chosen.end as Lsn }]; // the end of the last one is known by now: a finite LSN
}

/** Of a term so old that the list was pruned there, or not to be told from such a one. */
function isForgotten(history: readonly ChosenGeneration[], { generation }: DurableMark): boolean {
  return generation?.number === undefined || generation.number < completeFrom(history.map((chosen) => chosen.generation));
}

export function beyondEnd({ mark, end }: LostMark, history: readonly ChosenGeneration[]): HoldfastError {
  const tip = history.at(-1)?.generation;
  const reached = end === null ? 'that record is of a term of the journal that the disks that are here do not know' : `the journal on the disks that are here ends at record ${end}`;
  return new HoldfastError('corrupt', `the journal is damaged: ${mark.source} knows record ${mark.lsn} as durable, but ${reached}`, {
    code: 'journal-damaged',
    hint:
      'Bring back a missing disk and mount again; if it is gone for good, restore the last root with `holdfast restore --from URL`. ' +
      `To go on with what is here, without what came after it: \`holdfast mount NAME MOUNTPOINT --prefer-history ${tip?.id ?? 'ID'}\`.`,
    context: { durable: mark.lsn, end: end ?? 'unknown', source: mark.source, generation: tip?.number ?? 0, disks: tip?.journalDisks.join(' ') ?? '' },
  });
}
