// One owner of the backup at a time (rule 9): claims an epoch at mount when the store answers, else before the first flush,
// and refuses when somebody else has owned the volume since our last generation.
import type { Backup } from '../backup/backup.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { GenerationId, Lsn } from '../base/ids.js';
import { rootSettings } from './flusher.js';
import type { VolumeCore } from './core.js';

export class Ownership {
  readonly #core: VolumeCore;
  #claimed = false;
  /** Why the backup is not ours (yet); null once the epoch is claimed. For status. */
  problem: string | null = 'not claimed yet';
  /** Can the store decide a race? null: not probed. */
  fences: boolean | null = null;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  /** Claims the epoch once. 'conflict' (backup-fenced) when another owner came after us. */
  async ensure(backup: Backup): Promise<void> {
    if (this.#claimed) return;
    try {
      await backup.checkMarker();
      const newest = await backup.roots.newest();
      if (newest !== null && !this.#core.generations.some((g) => g.id === newest.generation.id)) {
        throw new HoldfastError('conflict', `another server has owned this volume's backup since ${new Date(newest.time.sec * 1000).toISOString()} (epoch ${newest.epoch})`, {
          code: 'backup-fenced',
          hint: 'If that one is gone for good, restore from the backup here; never run both.',
        });
      }
      if (newest?.image != null) this.#assertNotAhead(newest.generation.id, newest.image.lsn);
      await backup.roots.claim({
        volume: this.#core.volume,
        time: this.#core.ports.clock.now(),
        generation: this.#core.generation,
        settings: rootSettings(this.#core),
      }, newest?.sequence);
      this.#claimed = true;
      this.problem = null;
    } catch (error) {
      this.problem = messageOf(error);
      throw error;
    }
  }

  /** A root stands for durable records only: disks whose history of that generation ends before it are not the whole truth. */
  #assertNotAhead(generation: GenerationId, lsn: Lsn): void {
    const { generations } = this.#core;
    const index = generations.findIndex((g) => g.id === generation);
    // A restore gave that history up on purpose: it remembers the term without any journal disk.
    if (generations[index]?.journalDisks.length === 0) return;
    const end = generations[index + 1]?.parentLsn ?? this.#core.journal.appendedLsn;
    if (lsn <= end) return;
    throw new HoldfastError('conflict', `the backup holds a root up to LSN ${lsn}, the disks that are here only know LSN ${end} of that history`, {
      code: 'backup-ahead',
      hint: 'Bring back the missing disks and mount again; if they are gone for good, restore from the backup.',
    });
  }
}
