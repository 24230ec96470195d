// The file `generations` on every disk: reading it, writing it to all of them, and making the next generation.
// A generation may answer only when it is durable on so many disks that every set of disks with which its predecessor, or
// itself, could be mounted contains one that knows it.
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import type { DiskId, Lsn, VolumeId } from '../base/ids.js';
import { asGenerationId } from '../base/ids.js';
import type { Random } from '../base/random.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import { decodeGenerations, encodeGenerations, generationsBytesMax, generationsPath } from '../format/generation-codec.js';
import { isUnknownVersion } from '../format/version.js';
import type { RecoveredJournal } from './contract.js';
import type { DiskFailure } from './generation-files.js';

/**
 * Generations that no longer matter to the journal are kept up to this many (150 bytes each with four disks). The newest entry in
 * the backup names one of ours; a machine that mounts daily without reaching its backup must still know that one by its id, or it
 * would take its own old epoch for another owner's.
 */
const KEPT_FOR_HISTORY = 1_000;

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

/** Drops generations of which no record above `floor` (where the oldest kept image stands) can be needed. */
export function pruneGenerations(generations: readonly Generation[], floor: Lsn): readonly Generation[] {
  const firstKept = generations.findIndex((_, index) => index >= generations.length - KEPT_FOR_HISTORY || historyEnd(generations, index) > floor);
  return generations.slice(Math.max(0, firstKept));
}

/** Highest LSN of a generation that counts: what it has above the parent LSN of a later one is void. */
export function historyEnd(generations: readonly Generation[], index: number): number {
  let end = Number.POSITIVE_INFINITY;
  for (const later of generations.slice(index + 1)) end = Math.min(end, later.parentLsn);
  return end;
}
