// Which root a restore takes, and what its owner should hear about it: nothing that a root lacks is passed over in silence.
import type { RootBody } from '../backup/contract.js';
import { segmentsIn } from '../backup/segment-runs.js';
import { HoldfastError } from '../base/errors.js';
import type { RestoreRequest } from './contract.js';

/**
 * The one that was asked for by number, else the newest one (not after the time): of a flush that ended, where there is one. A partial root
 * may be newer and lack files that an older root has whole, so it is taken only when asked for, or when there is nothing else.
 */
export function chooseRoot(roots: readonly RootBody[], at: RestoreRequest['at'], where: string): RootBody {
  const fits = (root: RootBody): boolean => at === null || ('sequence' in at ? root.sequence === at.sequence : root.time.sec <= at.timeSeconds);
  const fitting = roots.filter((root) => root.image !== null && fits(root));
  const chosen = fitting.filter((root) => root.pending.length === 0).at(-1) ?? fitting.at(-1);
  if (chosen !== undefined) return chosen;
  const known = roots.map((root) => `${root.sequence} (${timeOf(root)})`).join(', ');
  throw new HoldfastError('missing', `no such root in ${where}`, { code: 'no-root', hint: known === '' ? 'Nothing was ever flushed there.' : `Roots there: ${known}.` });
}

/** `damaged`: number of the last entry where nobody can read it. */
export function rootNotes(roots: readonly RootBody[], chosen: RootBody, damaged: number | null): readonly string[] {
  const notes: string[] = [];
  if (damaged !== null) notes.push(`entry ${damaged}, the last one of the backup, is damaged: what it stood for is not restored`);
  const lacks = [...lacking('had no source left when it was made', chosen.lost), ...lacking('were not uploaded yet when it was made', chosen.pending)];
  if (lacks.length > 0) {
    const complete = roots.filter((root) => root.image !== null && root.lost.length === 0 && root.pending.length === 0).at(-1);
    notes.push(`root ${chosen.sequence} lacks ${lacks.join(' and ')}; ${complete === undefined ? 'there is no complete one' : `the newest complete one is root ${complete.sequence} of ${timeOf(complete)} (--at ${complete.sequence})`}`);
  }
  const partial = roots.filter((root) => root.sequence > chosen.sequence && root.pending.length > 0).at(-1);
  if (partial !== undefined) notes.push(`a flush was under way: the partial root ${partial.sequence} of ${timeOf(partial)} is newer and lacks ${segmentsIn(partial.pending)} segments (--at ${partial.sequence})`);
  return notes;
}

function lacking(why: string, runs: RootBody['lost']): readonly string[] {
  return runs.length === 0 ? [] : [`${segmentsIn(runs)} segments that ${why}`];
}

function timeOf(root: RootBody): string {
  return new Date(root.time.sec * 1000).toISOString();
}
