// Inodes without a name: kept while the kernel or a handle holds them, then reaped in slices. Trims (the tails of large
// truncated files) go the same way. One slice a turn, so nobody waits for the deletion of a million extents (rule 11).
import { HoldfastError } from '../base/errors.js';
import { asIno, type Ino } from '../base/ids.js';
import { fileBytesMax, rowsPerTurnMax } from '../base/limits.js';
import type { Admission } from './admission.js';
import type { VolumeCore } from './core.js';

export class Orphans {
  readonly #core: VolumeCore;
  readonly #admission: Admission;
  readonly #holds = new Map<Ino, number>();
  /** Without a name, but held. */
  readonly #nameless = new Set<Ino>();
  readonly #reapable = new Set<Ino>();
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(core: VolumeCore, admission: Admission) {
    this.#core = core;
    this.#admission = admission;
  }

  hold(ino: Ino): void {
    this.#holds.set(ino, (this.#holds.get(ino) ?? 0) + 1);
  }

  unhold(ino: Ino, count: number): void {
    const left = (this.#holds.get(ino) ?? 0) - count;
    if (left > 0) {
      this.#holds.set(ino, left);
      return;
    }
    this.#holds.delete(ino);
    if (this.#nameless.delete(ino)) this.#reap(ino);
  }

  /** The inode lost a name: when that was the last one it goes as soon as nobody holds it. */
  lostName(ino: Ino): void {
    const inode = this.#core.skeleton.inode(ino);
    if (inode === null || inode.nlink > 0) return;
    if (this.#holds.has(ino)) this.#nameless.add(ino);
    else this.#reap(ino);
  }

  #reap(ino: Ino): void {
    this.#reapable.add(ino);
    if (this.#core.failure === null) this.#start();
  }

  /** After a mount nobody holds anything: all orphans of the last life go, and trims are taken up again. */
  resume(): void {
    for (let after = asIno(0); ; ) {
      const some = this.#core.skeleton.orphans(after, rowsPerTurnMax);
      for (const ino of some) this.#reapable.add(ino);
      const last = some.at(-1);
      if (last === undefined || some.length < rowsPerTurnMax) break;
      after = last;
    }
    this.#start();
  }

  /** A truncate left rows for later slices. */
  startTrims(): void {
    this.#start();
  }

  /** The removal that is under way. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** Resolves when the slices that are queued now are done. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#running !== null) await this.#running;
  }

  #start(): void {
    if (this.#running !== null || this.#stopped) return;
    this.#running = this.#run()
      .catch((error: unknown) => {
        if (!(error instanceof HoldfastError && error === this.#core.failure)) this.#core.fail(error, 'an unlinked file could not be removed');
      })
      .finally(() => {
        this.#running = null;
        if (!this.#stopped && this.#core.failure === null && this.#reapable.size > 0) this.#start();
      });
  }

  async #run(): Promise<void> {
    // The change that left the rows has had its own thousand in this turn.
    await this.#core.ports.clock.turn();
    while (!this.#stopped) {
      // Looked at again after every wait: the inode may have been reaped, the trim ended.
      const admitted = this.#admission.admitOwn(0);
      if (admitted !== null) {
        await admitted;
        continue;
      }
      if (!this.#slice()) return;
      await this.#core.ports.clock.turn();
    }
  }

  /** One slice of work; false when there is none. */
  #slice(): boolean {
    const { skeleton } = this.#core;
    const trim = skeleton.trims(1)[0];
    if (trim !== undefined) {
      this.#core.record({ type: 'trim', content: trim.content, limit: rowsPerTurnMax });
      return true;
    }
    for (let budget = rowsPerTurnMax; budget > 0; ) {
      const ino = this.#reapable.values().next().value;
      if (ino === undefined) return budget < rowsPerTurnMax;
      const inode = skeleton.inode(ino);
      if (inode === null || inode.nlink > 0 || this.#holds.has(ino)) {
        this.#reapable.delete(ino);
        continue;
      }
      const rows = skeleton.extentCount(inode.content, 0, fileBytesMax, budget);
      this.#core.record({ type: 'reap', ino, limit: budget });
      budget -= rows + 1;
      if (skeleton.inode(ino) === null) this.#reapable.delete(ino);
      else return true;
    }
    return true;
  }
}
