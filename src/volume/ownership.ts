// One owner of the backup at a time (rule 9): claims an epoch at mount when the store answers, else before the first flush,
// and refuses when somebody else has owned the volume since our last generation, or when nobody can tell (the last entry is damaged).
import type { Backup } from '../backup/backup.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { GenerationId, Lsn } from '../base/ids.js';
import type { VolumeCore } from './core.js';
import { rootSettings } from './root-publication.js';

export class Ownership {
  readonly #core: VolumeCore;
  #claimed = false;
  /** Why the backup is not ours (yet); null once the epoch is claimed. For status. */
  problem: string | null = 'not claimed yet';
  /** Can the store decide a race? null: not probed yet. */
  fences: boolean | null = null;
  /** How that was seen, or why not. */
  fencing = '';
  /** The user has said that no other machine owns the volume: a damaged last entry is passed over. */
  passDamaged = false;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  /** Claims the epoch once. 'conflict' (backup-fenced) when another owner came after us. */
  async ensure(backup: Backup): Promise<void> {
    if (this.#claimed) return;
    try {
      await backup.checkMarker();
      const { newest, damaged } = await backup.roots.tip();
      if (damaged !== null) this.#judgeDamaged(backup, damaged);
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
      // Of a flush that did not end: it goes with the next root.
      if ((newest?.pending.length ?? 0) > 0) this.#core.partialRoots = true;
      this.problem = null;
    } catch (error) {
      this.problem = messageOf(error);
      throw error;
    }
  }

  /** Small race on throw-away keys. What comes out is told by status; a store that cannot fence is told of once in the log as well. */
  async probe(backup: Backup): Promise<void> {
    const { fences, detail } = await backup.roots.probe();
    this.fences = fences;
    this.fencing = detail;
    if (!fences) this.#core.ports.logger.warn({ backup: backup.description, detail }, 'the backup cannot fence a second owner: never mount this volume on two machines');
  }

  /** Of an entry that cannot be read only its number is known. One that we know as our own root is passed over: the next root stands for more. */
  #judgeDamaged(backup: Backup, sequence: number): void {
    const ours = this.#core.skeleton.lastRoot()?.sequence === sequence;
    if (!ours && !this.passDamaged) {
      throw new HoldfastError('corrupt', `the last entry of roots/ in ${backup.description}, number ${sequence}, is damaged: it may be another owner's, and nothing is written behind it`, {
        code: 'backup-root-damaged',
        hint: `If no other machine has mounted or restored this volume, run \`holdfast flush ${this.#core.settings.name} --past-damaged-root\`.`,
        context: { sequence },
      });
    }
    this.#core.ports.logger.error({ backup: backup.description, sequence }, ours ? 'the newest root in the backup is damaged; a flush is due that writes a new one' : 'a damaged entry in the backup is passed over, as the user said');
    this.#core.presenceLost = true;
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
