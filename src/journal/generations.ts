// The file `generations` on every disk: reading it, writing it to all of them, and making the next generation.
// A generation may answer only when it is durable on so many disks that every set of disks with which its predecessor, or
// itself, could be mounted contains one that knows it.
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import type { DiskId, Lsn, VolumeId } from '../base/ids.js';
import { asGenerationId } from '../base/ids.js';
import { disksMax } from '../base/limits.js';
import type { Random } from '../base/random.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import { decodeGenerations, encodeGenerations, generationsBytesMax, generationsMax, generationsPath } from '../format/generation-codec.js';
import { isUnknownVersion } from '../format/version.js';
import type { RecoveredJournal } from './contract.js';
import type { DiskFailure } from './generation-files.js';

/** Generations that no longer matter to the journal are kept up to this many (150 bytes each with four disks): a disk that was away for long, or was mounted apart, is told from one of ours by them. */
const KEPT_FOR_HISTORY = 1_000;
/** What the file may hold after a mount; a life adds one for every disk that fails. */
const KEPT_MAX = generationsMax - disksMax;

/** Smallest number of a generation's members with which it may be mounted. */
export function quorum(generation: Generation): number {
  return Math.max(1, generation.members.length - generation.tolerance);
}

export interface StoredGenerations {
  /** Disks that have the list durably. */
  readonly durable: readonly DiskId[];
  readonly failures: readonly DiskFailure[];
  /** The last generation may answer: enough members of it and of the one before it have it. */
  readonly enough: boolean;
}

/** Replaces the list on all disks in parallel. Repeatable. The caller refuses to go on when it is not `enough`. */
export async function storeGenerations(disks: readonly Disk[], volume: VolumeId, generations: readonly Generation[]): Promise<StoredGenerations> {
  const bytes = encodeGenerations(volume, generations);
  const results = await Promise.allSettled(disks.map((disk) => disk.replace(generationsPath, [bytes])));
  const durable: DiskId[] = [];
  const failures: DiskFailure[] = [];
  for (const [index, result] of results.entries()) {
    const disk = disks[index];
    if (disk === undefined) continue;
    if (result.status === 'fulfilled') durable.push(disk.id);
    else if (result.reason instanceof HoldfastError) failures.push({ disk, error: result.reason });
    else throw result.reason;
  }
  const enough = generations.slice(-2).every((generation) => generation.members.filter((id) => durable.includes(id)).length >= quorum(generation));
  return { durable, failures, enough };
}

export interface LoadedGenerations {
  /** null: the file is missing or does not verify. */
  readonly list: readonly Generation[] | null;
  /** Why, in words; empty when there is a list. */
  readonly problem: string;
}

/** Throws 'invalid' (format-version) when a newer program wrote it: what that one did here is not known. */
export async function loadGenerations(disk: Disk, volume: VolumeId): Promise<LoadedGenerations> {
  try {
    const file = decodeGenerations(await disk.readAll(generationsPath, generationsBytesMax));
    return file.volume === volume ? { list: file.generations, problem: '' } : { list: null, problem: `belongs to volume ${file.volume}` };
  } catch (error) {
    if (isUnknownVersion(error) || !isErrorOf(error, 'missing', 'corrupt', 'unavailable', 'invalid')) throw error;
    return { list: null, problem: messageOf(error) };
  }
}

/** The generation that a mount begins after recover() and heal(). */
export function nextGeneration(recovered: Pick<RecoveredJournal, 'end' | 'highestNumber'>, shape: Pick<Generation, 'members' | 'journalDisks' | 'tolerance'>, random: Random): Generation {
  return {
    number: recovered.highestNumber + 1,
    id: asGenerationId(random.bytes(8).toString('hex')),
    parentLsn: recovered.end.lsn,
    members: shape.members,
    journalDisks: shape.journalDisks,
    tolerance: shape.tolerance,
  };
}

/**
 * Drops generations of which no record above `floor` (where the oldest kept image stands) can be needed, one more to come. The newest
 * entry in the backup names one of ours by its id, and must be known by it, or the machine would take its own epoch for another
 * owner's. That is the one in which the last known root was made (at LSN `lastRoot`; null: no backup, nothing to know), or a later
 * one: from there on all are kept, as far as the file holds them, and that one for good.
 */
export function pruneGenerations(generations: readonly Generation[], floor: Lsn, lastRoot: Lsn | null): readonly Generation[] {
  const ofRoot = lastRoot === null ? generations.length : Math.max(0, generations.findLastIndex((generation) => generation.parentLsn <= lastRoot));
  const needed = historyEnds(generations).findIndex((end, index) => index >= generations.length - KEPT_FOR_HISTORY || end > floor);
  const kept = generations.slice(Math.max(0, Math.min(needed, ofRoot)));
  const tooMany = kept.length + 1 - KEPT_MAX;
  return tooMany <= 0 ? kept : [...kept.slice(0, 1), ...kept.slice(1 + tooMany)];
}

/** From this number on a list tells all: it was pruned below, and behind its first entry when it is full. */
export function completeFrom(generations: readonly Generation[]): number {
  const [first, second] = [...generations].sort((a, b) => a.number - b.number);
  return (generations.length >= KEPT_MAX ? second : first)?.number ?? 0;
}

/** Of each generation the highest LSN that counts: what it has above the parent LSN of a later one is void. */
export function historyEnds(generations: readonly Generation[]): readonly number[] {
  const ends: number[] = [];
  let end = Number.POSITIVE_INFINITY;
  for (let index = generations.length - 1; index >= 0; index--) {
    ends[index] = end;
    end = Math.min(end, generations[index]?.parentLsn ?? end);
  }
  return ends;
}
