// Cuts consistency points: an LSN at which journal, skeleton and pool agree.
// Holds always: COMMIT happens only when the batch that ends at applied_lsn is written on tolerance + 1 disks and nothing
// past it is applied. It need not be synced: a power loss discards the live database anyway (rule 6).
import { assert } from '../base/assert.js';
import { failpoint } from '../base/failpoint.js';
import { Mutex } from '../base/mutex.js';
import type { JournalMark } from '../journal/contract.js';
import type { Admission } from './admission.js';
import type { VolumeCore } from './core.js';

export interface PointOptions {
  /** Runs when changes are held up, before the batch is closed: may append records. */
  readonly inside?: () => void;
  /** Runs between COMMIT and BEGIN: captures an image. */
  readonly between?: () => Promise<void>;
}

/** Seals that finish while the batch is written append records of their own; each adds at most one round. */
const roundsMax = 1_000;

export class ConsistencyPoints {
  readonly #core: VolumeCore;
  readonly #admission: Admission;
  readonly #lock = new Mutex();

  constructor(core: VolumeCore, admission: Admission) {
    this.#core = core;
    this.#admission = admission;
  }

  /** Resolves to the mark of the point once it is committed. One at a time. */
  cut(options: PointOptions = {}): Promise<JournalMark> {
    return this.#lock.run(async () => {
      const open = this.#admission.freeze();
      try {
        return await this.#cutFrozen(options);
      } finally {
        open();
      }
    });
  }

  async #cutFrozen(options: PointOptions): Promise<JournalMark> {
    const { journal, skeleton, ports } = this.#core;
    options.inside?.();
    let mark = await journal.writeOut();
    for (let round = 0; mark.lsn !== skeleton.appliedLsn; round++) {
      assert(round < roundsMax, 'only seals append during a consistency point');
      mark = await journal.writeOut();
    }
    failpoint('after-journal-before-commit');
    await this.#core.deferring(() =>
      skeleton.commit({ appliedLsn: mark.lsn, generation: mark.generation, link: mark.link, bootId: ports.bootId }, options.between),
    );
    failpoint('after-commit');
    return mark;
  }
}
