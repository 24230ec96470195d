// Rule 1 without any I/O: which generations make up the true history, from what each present disk knows.
// The highest generation wins; a generation that was begun but never answered is ignored; two that may both have
// answered and do not follow one another are a fork, which only a person can resolve.
import { HoldfastError } from '../base/errors.js';
import type { GenerationId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import { completeFrom, quorum } from './generations.js';

/** What one present disk says. */
export interface DiskKnowledge {
  readonly disk: Pick<Disk, 'id' | 'path'>;
  /** Its list; null when it has none that verifies: then it does not count as a member. */
  readonly list: readonly Generation[] | null;
  readonly problem: string;
  /** Generations named in the headers of its journal files: a witness only above what any list says, for below it files of rejected histories may lie about. */
  readonly seen: readonly Generation[];
}

export interface TrueHistory {
  /** Ascending; empty when no disk knows any. */
  readonly generations: readonly Generation[];
  readonly highestNumber: number;
  /** Disks that hold another history than the preferred one, with the last generation of that. */
  readonly setAside: readonly { readonly disk: DiskKnowledge; readonly generation: Generation }[];
}

/**
 * `prefer`: a generation of the history that a person chose after journal-fork; disks that hold another one are set aside.
 * Errors: 'conflict' (journal-fork), 'unavailable' (journal-members-missing), 'invalid' (journal-generation-unknown).
 */
export function chooseHistory(disks: readonly DiskKnowledge[], prefer: GenerationId | null): TrueHistory {
  const highestNumber = highestOf(disks.flatMap(known));
  const setAside = prefer === null ? [] : disks.flatMap((disk) => otherHistory(disk, disks, prefer));
  const asked = disks.filter((disk) => !setAside.some((other) => other.disk === disk));
  const highestListed = highestOf(asked.flatMap((disk) => disk.list ?? []));
  const generations = choose(asked.map((disk) => ({ ...disk, seen: disk.seen.filter((generation) => generation.number > highestListed) })));
  if (prefer !== null && !generations.some((generation) => generation.id === prefer)) refusePreferred(prefer);
  return { generations, highestNumber, setAside };
}

function choose(disks: readonly DiskKnowledge[]): readonly Generation[] {
  const all = new Map(disks.flatMap((disk) => known(disk).map((generation) => [generation.id, generation] as const)));
  const live = answered([...all.values()], disks);
  const tip = live.reduce<Generation | null>((best, generation) => (best === null || generation.number > best.number ? generation : best), null);
  if (tip === null) return [];
  const ancestors = listWith(tip, disks) ?? live;
  const stranger = strangersTo(ancestors, live)[0];
  if (stranger !== undefined) refuseFork(tip, stranger, disks);
  requireQuorum(tip, disks);
  return ancestors.filter((generation) => generation.number <= tip.number).sort((a, b) => a.number - b.number);
}

/** Those that are none of the ancestors, nor so old that the list was pruned there: long covered by images. */
export function strangersTo(ancestors: readonly Generation[], generations: readonly Generation[]): readonly Generation[] {
  const ids = new Set(ancestors.map((ancestor) => ancestor.id));
  const numbers = new Set(ancestors.map((ancestor) => ancestor.number));
  const from = completeFrom(ancestors);
  return generations.filter((generation) => !ids.has(generation.id) && (numbers.has(generation.number) || generation.number >= from));
}

/** The last generation of this disk that may have answered and is none of the preferred history; [] when it has none. */
function otherHistory(disk: DiskKnowledge, disks: readonly DiskKnowledge[], prefer: GenerationId): TrueHistory['setAside'] {
  const holders = disks.filter((holder) => known(holder).some((generation) => generation.id === prefer));
  if (holders.includes(disk)) return [];
  const lists = holders.map((holder) => holder.list ?? holder.seen);
  const preferred = lists.sort((a, b) => highestOf(b) - highestOf(a) || b.length - a.length)[0] ?? [];
  // A disk without a list tells by its files; those of void histories cannot be told from others then, and it is rather set aside than written to.
  const others = answered(strangersTo(preferred, disk.list ?? disk.seen), disks);
  const generation = [...others].sort((a, b) => b.number - a.number)[0];
  return generation === undefined ? [] : [{ disk, generation }];
}

function highestOf(generations: readonly Generation[]): number {
  return generations.reduce((highest, generation) => Math.max(highest, generation.number), 0);
}

function known(disk: DiskKnowledge): readonly Generation[] {
  return [...(disk.list ?? []), ...disk.seen];
}

/**
 * A generation answers only when at most `tolerance` of its members lack it. More members that are here and lack it: its
 * begin was cut short by a crash, and nothing was ever acknowledged in it.
 */
function answered(generations: readonly Generation[], disks: readonly DiskKnowledge[]): readonly Generation[] {
  const listed = disks.flatMap((disk) => (disk.list === null ? [] : [{ id: disk.disk.id, knows: new Set(known(disk).map((generation) => generation.id)) }]));
  return generations.filter(({ id, members, tolerance }) => listed.filter((disk) => members.includes(disk.id) && !disk.knows.has(id)).length <= tolerance);
}

/** The longest list that ends in or passes the tip: lists of one branch differ only in how much was pruned. */
function listWith(tip: Generation, disks: readonly DiskKnowledge[]): readonly Generation[] | null {
  const lists = disks.flatMap((disk) => (disk.list?.some((generation) => generation.id === tip.id) ? [disk.list] : []));
  return lists.reduce<readonly Generation[] | null>((best, list) => (best === null || list.length > best.length ? list : best), null);
}

function requireQuorum(tip: Generation, disks: readonly DiskKnowledge[]): void {
  const present = disks.filter((disk) => disk.list !== null && tip.members.includes(disk.disk.id));
  if (present.length >= quorum(tip)) return;
  const missing = tip.members.filter((id) => !present.some((disk) => disk.disk.id === id));
  const unreadable = disks.filter((disk) => disk.list === null && tip.members.includes(disk.disk.id)).map((disk) => `${disk.disk.path}: ${disk.problem}`);
  const note = unreadable.length > 0 ? ` (${unreadable.join('; ')})` : '';
  throw new HoldfastError('unavailable', `only ${present.length} of the ${tip.members.length} disks that took part last are usable, ${quorum(tip)} are needed to know the newest history${note}`, {
    code: 'journal-members-missing',
    hint: 'Attach the missing disks, or restore from the backup.',
    context: { missing: missing.join(' '), generation: tip.number },
  });
}

function refuseFork(tip: Generation, other: Generation, disks: readonly DiskKnowledge[]): never {
  throw new HoldfastError('conflict', `the disks hold two histories: ${branchOf(tip, disks)}, and ${branchOf(other, disks)}`, {
    code: 'journal-fork',
    hint: forkHint(tip.id, other.id),
    context: { newest: tip.id, other: other.id },
  });
}

function branchOf(generation: Generation, disks: readonly DiskKnowledge[]): string {
  const paths = disks.filter((disk) => known(disk).some((candidate) => candidate.id === generation.id)).map((disk) => disk.disk.path);
  return `generation ${generation.number} (${generation.id}) on ${paths.join(', ')}`;
}

export function forkHint(newest: GenerationId, other: GenerationId): string {
  return (
    'The volume was changed on two sets of its disks separately. `holdfast mount NAME MOUNTPOINT --prefer-history ID` goes on with one of them ' +
    `(${newest} or ${other}) on its own disks and leaves the disks of the other untouched, so that each can be looked at. Then empty the disks of the one that is to go, and give them back with \`holdfast rebuild NAME --replace DISK=DISK\`.`
  );
}

function refusePreferred(prefer: GenerationId): never {
  throw new HoldfastError('invalid', `the history of no present disk has a generation ${prefer}`, {
    code: 'journal-generation-unknown',
    hint: 'Mount without --prefer-history: where a choice is needed, the error names the histories.',
  });
}
