// Looks after the backup beside the heartbeat, never in its way: soon after the mount whether the store can decide a race (rule 9), then
// once an hour, or after a flush, whether some of the objects that it is believed to hold are still there (rule 8). Costs are bounded: a few
// listings a look, whatever the volume's size. One look at a time; what fails is tried again by the next.
import type { Backup } from '../backup/backup.js';
import { HoldfastError } from '../base/errors.js';
import type { VolumeCore } from './core.js';
import type { Ownership } from './ownership.js';
import { folderFrom, missingOf, presentIn, takeBackPresence } from './presence.js';

/** A command that only opens the volume for a moment costs no race. */
const probeAfterMs = 5_000;
const lookIntervalMs = 3_600_000;
/** 4 x 1,024 segments are up to 128 GiB: 3 TiB a day. */
const foldersPerLook = 4;

export class BackupWatch {
  readonly #core: VolumeCore;
  readonly #ownership: Ownership;
  readonly #startedMs: number;
  #looking: Promise<void> | null = null;
  #lookedMs: number | null = null;
  #probedMs: number | null = null;
  /** Next folder; null: begin somewhere, so that short mounts do not always look at the same. */
  #folder: number | null = null;
  #stopped = false;

  constructor(core: VolumeCore, ownership: Ownership) {
    this.#core = core;
    this.#ownership = ownership;
    this.#startedMs = core.ports.clock.monotonicMs();
  }

  /** Starts a look if one is due. */
  look(): void {
    const { backup } = this.#core;
    if (backup === null || this.#stopped || this.#looking !== null || this.#ownership.problem !== null) return;
    const now = this.#core.ports.clock.monotonicMs();
    const probeDue = this.#ownership.fences === null && now - this.#startedMs >= probeAfterMs && (this.#probedMs === null || now - this.#probedMs >= lookIntervalMs);
    if (probeDue) {
      this.#probedMs = now;
      this.#run(() => this.#ownership.probe(backup));
    } else if (now - (this.#lookedMs ?? this.#startedMs) >= lookIntervalMs) {
      this.#run(() => this.#lookAtSome(backup));
    }
  }

  /** The flush has claimed the backup and it answers: a good moment, and the only one of a volume that is never mounted for long. */
  async afterFlush(backup: Backup): Promise<void> {
    await this.idle();
    if (this.#lookedMs !== null && this.#core.ports.clock.monotonicMs() - this.#lookedMs < lookIntervalMs) return;
    this.#run(() => this.#lookAtSome(backup));
    await this.idle();
  }

  /** No further look; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.idle();
  }

  async idle(): Promise<void> {
    await this.#looking;
  }

  #run(action: () => Promise<void>): void {
    this.#looking = this.#safely(action).finally(() => {
      this.#looking = null;
    });
  }

  async #safely(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof HoldfastError)) {
        this.#core.fail(error, 'looking after the backup met what must not be');
        return;
      }
      this.#core.ports.logger.warn({ error: error.message }, 'the backup could not be looked at; it will be tried again');
    }
  }

  async #lookAtSome(backup: Backup): Promise<void> {
    const core = this.#core;
    this.#lookedMs = core.ports.clock.monotonicMs();
    this.#folder ??= this.#somewhere();
    for (let count = 0; count < foldersPerLook && !this.#stopped; count++) {
      const folder = folderFrom(core, this.#folder);
      if (folder === null) {
        this.#folder = 0;
        return;
      }
      const rows = (await presentIn(core, folder)).filter((row) => row.state === 'sealed');
      for (const row of await missingOf(backup, folder, rows)) await takeBackPresence(core, row.segment, 'it is not there any more, or not whole');
      this.#folder = folder + 1;
    }
  }

  #somewhere(): number {
    let highest = 0;
    for (let folder = folderFrom(this.#core, 0); folder !== null; folder = folderFrom(this.#core, 2 * highest + 1)) highest = folder;
    return this.#core.ports.random.below(highest + 1);
  }
}
