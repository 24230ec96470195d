// Room for the live database: the file system of state_dir is somebody else's as well, and SQLite that meets its end could only fail the
// volume. So its free space is looked at with every beat, and what takes room is refused in good time (ENOSPC); deleting goes on.
import { HoldfastError, messageOf } from '../base/errors.js';
import { stateReserveBytesMax, stateReserveShare } from '../base/limits.js';
import type { Logger } from '../base/logger.js';

export interface StateSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export class StateRoom {
  readonly #folder: string;
  readonly #look: () => Promise<StateSpace>;
  readonly #logger: Logger;
  #space: StateSpace | null = null;
  #short = false;

  constructor(folder: string, look: () => Promise<StateSpace>, logger: Logger) {
    this.#folder = folder;
    this.#look = look;
    this.#logger = logger;
  }

  /** 'full' (state-room) where what takes room has to be refused; null: there is enough. */
  get refusal(): HoldfastError | null {
    if (!this.#short || this.#space === null) return null;
    return new HoldfastError('full', `no room for further changes: the file system of state_dir ${this.#folder} has ${this.#space.freeBytes} bytes left, and ${reserveOf(this.#space)} are kept for deleting`, {
      code: 'state-room',
      hint: `Make room beside ${this.#folder} (df ${this.#folder}), or unmount and move it to a larger file system (state_dir in the configuration). Deleting and reading work meanwhile.`,
    });
  }

  /** A look that fails changes nothing: the database finds out by itself. */
  async measure(): Promise<void> {
    try {
      this.#space = await this.#look();
    } catch (error) {
      this.#logger.debug({ folder: this.#folder, error: messageOf(error) }, 'the free space of state_dir could not be asked for');
      return;
    }
    const short = this.#space.freeBytes < reserveOf(this.#space);
    if (short === this.#short) return;
    this.#short = short;
    if (short) this.#logger.error({ folder: this.#folder, freeBytes: this.#space.freeBytes }, 'state_dir is nearly full: changes that take room are refused');
    else this.#logger.info({ folder: this.#folder, freeBytes: this.#space.freeBytes }, 'state_dir has room again');
  }
}

function reserveOf({ totalBytes }: StateSpace): number {
  return Math.min(stateReserveBytesMax, Math.floor(totalBytes / stateReserveShare));
}
