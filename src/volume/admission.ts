// Who may change the volume right now. Closed while a consistency point is cut; slowed in proportion past the soft mark
// of the delta budget, parked at the hard mark; bounded by segment buffers, by records not yet durable, and by the room that the
// journal has (journal-room.ts) and the deleted leave (dead-room.ts). Waiting is the only answer, but where the disks are full and nothing can
// give room back.
import { unjournaledRecordsMax } from '../base/limits.js';
import { sleep } from '../base/clock.js';
import type { VolumeCore } from './core.js';
import type { ChangeKind } from './journal-room.js';

/** Writers at the soft mark may go this fast; at the hard mark the rate has come down to the second figure. */
const softBytesPerSecond = 400 * 1024 ** 2;
const hardBytesPerSecond = 4 * 1024 ** 2;

export class Admission {
  readonly #core: VolumeCore;
  #gate: Promise<void> | null = null;
  #budgetWaiters: (() => void)[] = [];
  #nextAllowedMs = 0;
  /** The last one: what it was to release stays. */
  #flushFailed = false;

  constructor(core: VolumeCore) {
    this.#core = core;
  }

  /** Nobody is admitted from now until the returned function is called. */
  freeze(): () => void {
    let open = (): void => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = null;
      open();
    };
  }

  /** null: go ahead until the next await. Otherwise wait and ask again. Throws 'full' (journal-room, state-room) for what takes room and cannot have it. */
  admit(bytes: number, kind: ChangeKind): Promise<void> | null {
    const core = this.#core;
    if (core.failure !== null) throw core.failure;
    if (this.#gate !== null) return this.#gate;
    const refusal = kind === 'grows' ? core.stateRoom.refusal : null;
    if (refusal !== null) throw refusal;
    const held = core.room.admit(bytes, kind) ?? (bytes > 0 && kind === 'grows' ? core.deadRoom.admit(bytes) : null);
    return held ?? this.admitOwn(bytes, bytes > 0 ? this.#budget(bytes) : null);
  }

  /** For work of the volume itself, which goes on whatever the journal's room and the budget say. */
  admitOwn(bytes: number, slowed: Promise<void> | null = null): Promise<void> | null {
    const core = this.#core;
    if (core.failure !== null) throw core.failure;
    if (this.#gate !== null) return this.#gate;
    if (core.journal.appendedLsn - core.journal.durableLsn > unjournaledRecordsMax) return core.catchUp();
    if (slowed !== null) return slowed;
    if (bytes === 0) return null;
    const held = core.pool.heldBack();
    if (held !== null) return held;
    if (core.pool.room() < bytes) return this.#waitForRoom(bytes);
    return null;
  }

  /** Deltas were released or the budget was changed: parked writers look again. */
  budgetChanged(): void {
    const waiters = this.#budgetWaiters;
    this.#budgetWaiters = [];
    for (const wake of waiters) wake();
  }

  /** Who is parked on a full volume does not wait for a flush that cannot help: the disks' ENOSPC is the answer. */
  flushEnded(succeeded: boolean): void {
    this.#flushFailed = !succeeded;
    this.budgetChanged();
  }

  /** Bytes that may gather un-backed-up. */
  budgetBytes(): number {
    return this.#core.thresholds.budget.bytes ?? Math.max(this.#core.pool.totalBytes() / 10, 1);
  }

  /** Share of the budget in use, 0 when there is no backup to wait for. */
  fill(): number {
    return this.#core.backup === null ? 0 : this.#core.skeleton.backlog().bytes / this.budgetBytes();
  }

  #waitForRoom(bytes: number): Promise<void> {
    const room = this.#core.pool.waitForRoom(bytes);
    if (this.#core.settings.scheme !== 'copy') return room;
    // Buffers come back only when the journal has their bytes: do not wait for the commit interval.
    return Promise.all([room, this.#core.catchUp()]).then(() => undefined);
  }

  #budget(bytes: number): Promise<void> | null {
    if (this.#core.backup === null) return null;
    const { softShare, hardShare, whenFull } = this.#core.thresholds.budget;
    const fill = this.fill();
    if (fill < softShare || whenFull === 'parity-only') return null;
    if (this.#flushFailed && bytes > this.#core.pool.freeBytes()) return null;
    if (fill >= hardShare) return new Promise((resolve) => this.#budgetWaiters.push(resolve));
    const now = this.#core.ports.clock.monotonicMs();
    if (now < this.#nextAllowedMs) return sleep(this.#core.ports.clock, this.#nextAllowedMs - now);
    const share = (fill - softShare) / (hardShare - softShare);
    const rate = hardBytesPerSecond + (softBytesPerSecond - hardBytesPerSecond) * (1 - share) ** 2;
    this.#nextAllowedMs = now + (bytes / rate) * 1000;
    return null;
  }
}
