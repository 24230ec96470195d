// Terms of the journal as the volume makes them: durable on every present disk before their first answer (rule 1).
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import type { VolumeId } from '../base/ids.js';
import type { Random } from '../base/random.js';
import type { Generation } from '../format/generation.js';
import type { RecoveredJournal } from '../journal/contract.js';
import { nextGeneration, storeGenerations } from '../journal/generations.js';
import type { DiskSet } from './disk-set.js';

/** The term after a recovered history, on the disks that are here now. */
export function generationAfter(recovered: Pick<RecoveredJournal, 'end' | 'highestNumber'>, disks: DiskSet, tolerance: number, random: Random): Generation {
  return nextGeneration(recovered, generationShape(disks, tolerance), random);
}

export function generationShape(disks: DiskSet, tolerance: number): Pick<Generation, 'members' | 'journalDisks' | 'tolerance'> {
  return {
    members: disks.present().map((disk) => disk.id),
    journalDisks: disks
      .journalCandidates()
      .slice(0, tolerance + 1)
      .map((disk) => disk.id),
    tolerance,
  };
}

/** Durable when it resolves. 'unavailable' (generation-not-durable) when too few disks took it. */
export async function makeDurable(disks: DiskSet, volume: VolumeId, generations: readonly Generation[]): Promise<void> {
  const stored = await storeGenerations(disks.healthy(), volume, generations);
  // A full disk is no failed one. It knows an older list, which is true as far as it goes.
  for (const { disk, error } of stored.failures) if (!isErrorOf(error, 'full')) disks.fail(disk.id, error);
  if (stored.enough) return;
  const full = stored.failures.some(({ error }) => isErrorOf(error, 'full'));
  throw new HoldfastError(full ? 'full' : 'unavailable', `too few disks took the new generation: ${stored.failures.map((f) => messageOf(f.error)).join('; ')}`, {
    code: 'generation-not-durable',
    hint: full ? 'Free space on the disks; nothing was answered in the new generation.' : 'Look at the disks; nothing was answered in the new generation.',
  });
}
