// Rule 1 without any I/O: which generations make up the true history, from what each present disk knows.
// The highest generation wins; a generation that was begun but never answered is ignored; two that may both have
// answered and do not follow one another are a fork, which only a person can resolve.
import { HoldfastError } from '../base/errors.js';
import type { GenerationId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import { quorum } from './generations.js';

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
}

/** `prefer`: the last generation of the branch that a person chose after journal-fork; disks that do not know it are not asked. */
export function chooseHistory(disks: readonly DiskKnowledge[], prefer: GenerationId | null): TrueHistory {
  const highestNumber = Math.max(0, ...disks.flatMap((disk) => [...(disk.list ?? []), ...disk.seen].map((generation) => generation.number)));
  const highestListed = Math.max(0, ...disks.flatMap((disk) => (disk.list ?? []).map((generation) => generation.number)));
  return choose(
    disks.map((disk) => ({ ...disk, seen: disk.seen.filter((generation) => generation.number > highestListed) })),
    prefer,
    highestNumber,
  );
}

function choose(disks: readonly DiskKnowledge[], prefer: GenerationId | null, highestNumber: number): TrueHistory {
  const asked = prefer === null ? disks : disks.filter((disk) => known(disk).some((generation) => generation.id === prefer));
  const all = new Map(asked.flatMap((disk) => known(disk).map((generation) => [generation.id, generation] as const)));
  const live = [...all.values()].filter((generation) => mayHaveAnswered(generation, asked));
  if (live.length === 0) return { generations: [], highestNumber };

  const tipNumber = prefer === null ? Math.max(...live.map((generation) => generation.number)) : (all.get(prefer)?.number ?? 0);
  const tip = live.find((generation) => generation.number === tipNumber);
  if (tip === undefined) return refusePreferred(prefer);
  const ancestors = listWith(tip, asked) ?? live;
  const oldest = Math.min(...ancestors.map((generation) => generation.number));
  for (const generation of live) {
    const follows = ancestors.some((ancestor) => ancestor.id === generation.id);
    const rival = ancestors.some((ancestor) => ancestor.number === generation.number && ancestor.id !== generation.id);
    // Below the oldest entry the list was pruned: long covered by images.
    if (rival || (!follows && generation.number >= oldest)) refuseFork(tip, generation, asked);
  }
  requireQuorum(tip, asked);
  const generations = ancestors.filter((generation) => generation.number <= tip.number).sort((a, b) => a.number - b.number);
  return { generations, highestNumber };
}

function known(disk: DiskKnowledge): readonly Generation[] {
  return [...(disk.list ?? []), ...disk.seen];
}

/**
 * A generation answers only when at most `tolerance` of its members lack it. More members that are here and lack it: its
 * begin was cut short by a crash, and nothing was ever acknowledged in it.
 */
function mayHaveAnswered(generation: Generation, disks: readonly DiskKnowledge[]): boolean {
  const lacking = disks.filter((disk) => disk.list !== null && generation.members.includes(disk.disk.id) && !known(disk).some((other) => other.id === generation.id));
  return lacking.length <= generation.tolerance;
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
  const where = (generation: Generation): string =>
    disks
      .filter((disk) => known(disk).some((candidate) => candidate.id === generation.id))
      .map((disk) => disk.disk.path)
      .join(', ');
  throw new HoldfastError('conflict', `the disks hold two histories: generation ${tip.number} (${tip.id}) on ${where(tip)}, and generation ${other.number} (${other.id}) on ${where(other)}`, {
    code: 'journal-fork',
    hint: 'The volume was changed on two sets of its disks separately. Mount with only the disks of the history to keep, or compare with the backup.',
    context: { newest: tip.id, other: other.id },
  });
}

function refusePreferred(prefer: GenerationId | null): never {
  throw new HoldfastError('invalid', `no present disk knows generation ${prefer}`, { code: 'journal-generation-unknown' });
}
