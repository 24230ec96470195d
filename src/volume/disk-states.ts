// What is said of each disk: the state that status shows, why, and since when. It is found by comparing, so that whatever changes a disk is
// noticed here. `suspect` and `full` are said of disks in service and change nothing about where data goes (docs/decisions/suspect-disks.md).
// What was last said is remembered from mount to mount in STATE_DIR/disks.state: a disk that is still missing is no news, and its time is
// that of its loss.
import { messageOf } from '../base/errors.js';
import type { Timespec } from '../base/clock.js';
import type { DiskId } from '../base/ids.js';
import type { DiskLatency } from '../disk/disk-meter.js';
import type { VolumeCore } from './core.js';
import type { DiskMember } from './disk-set.js';
import type { Notice } from './notices.js';
import { loadStateFile, saveStateFile } from './state-file.js';
import { type SavedSuspicions, type SuspectCause, Suspicions } from './suspicions.js';

export const shownDiskStates = ['healthy', 'suspect', 'full', 'leaving', 'failed', 'missing', 'foreign'] as const;
export type ShownDiskState = (typeof shownDiskStates)[number];

export interface DiskStateNow {
  readonly state: ShownDiskState;
  /** '' when all is well. */
  readonly reason: string;
  readonly since: Timespec;
}

export interface ProtectionNow {
  readonly held: boolean;
  readonly remainingTolerance: number;
  readonly reasons: readonly string[];
}

interface Saved {
  readonly suspicions?: Readonly<Record<string, SavedSuspicions>>;
  readonly disks: Readonly<Record<string, DiskStateNow>>;
  readonly protection: { readonly held: boolean; readonly since: Timespec };
}

const version = 1;
/** Protection that comes back has to stay so long before it is said; its loss is said at once. */
const calmMs = 10_000;

/** Slow for so much of the last five minutes: no spin-up, no single stall up to the limit on operations. */
const slowEnoughMs = 60_000;
/** And so many times as long as the others: where all are slow it is the machine, or the load. */
const slowerThanOthers = 4;
/** Once suspect, it takes less to stay so. */
const stillSlowMs = 10_000;
/** A full disk is full until so large a part of it is free again. */
const fullReturnShare = 100;

export class DiskStates {
  readonly #core: VolumeCore;
  readonly #path: string;
  readonly #disks = new Map<string, DiskStateNow>();
  readonly #suspicions = new Map<string, Suspicions>();
  readonly #changes = new Map<string, number>();
  #protection: Saved['protection'];
  /** Monotonic: since when protection has held again without a break. */
  #heldSinceMs: number | null = null;

  /** Its parts have to be there when it is asked, and `disks` now. */
  constructor(core: VolumeCore) {
    this.#core = core;
    this.#path = `${core.settings.stateDir}/disks.state`;
    const { clock } = core.ports;
    const saved = loadStateFile(this.#path, core.volume, version) as Saved | null; // saved below
    for (const { path } of core.disks.members) {
      const known = saved?.disks[path];
      if (known !== undefined) this.#disks.set(path, known);
      this.#suspicions.set(path, new Suspicions(clock, saved?.suspicions?.[path]));
    }
    this.#protection = saved?.protection ?? { held: true, since: clock.now() };
  }

  /** Since when the protection is as it was said last. */
  get protectionSince(): Timespec {
    return this.#protection.since;
  }

  /** As of now, whether it was told already or not. */
  of(member: DiskMember): DiskStateNow {
    const { state, reason } = this.#judge(member);
    const known = this.#disks.get(member.path);
    return { state, reason, since: known?.state === state ? known.since : this.#core.ports.clock.now() };
  }

  /** null: nothing is known of its operations. */
  latencyOf({ disk }: DiskMember): DiskLatency | null {
    return disk === null ? null : (this.#core.ports.disks.meterOf(disk)?.latency() ?? null);
  }

  /** A shard or a file on a disk in service did not verify; `what` names it. */
  damaged(disk: DiskId, what: string): void {
    const member = this.#core.disks.members.find((one) => one.disk?.id === disk);
    if (member !== undefined) this.#suspicionsOf(member).damaged(what);
  }

  /** Something that others watch speaks against the disk at this place; said again as long as it does. */
  suspect(path: string, cause: SuspectCause, reason: string): void {
    const member = this.#core.disks.members.find((one) => one.path === path);
    if (member !== undefined) this.#suspicionsOf(member).raise(cause, reason);
  }

  /** Since the mount. */
  changesOf(path: string): number {
    return this.#changes.get(path) ?? 0;
  }

  /** Compares every disk with what was said of it last. A few steps: the heartbeat does it, and whoever knows of a change. */
  look(): void {
    let changed = false;
    this.#lookForSlow();
    for (const member of this.#core.disks.members) {
      const known = this.#disks.get(member.path);
      const now = this.of(member);
      if (known?.state !== now.state) this.#change(member, known?.state ?? 'healthy', now);
      changed ||= known?.state !== now.state;
      this.#disks.set(member.path, now);
    }
    if (changed) this.remember();
  }

  lookAtProtection({ held, remainingTolerance, reasons }: ProtectionNow): void {
    const { notices } = this.#core;
    const { clock, logger } = this.#core.ports;
    if (!held) this.#heldSinceMs = null;
    else this.#heldSinceMs ??= clock.monotonicMs();
    if (held === this.#protection.held) return;
    if (this.#heldSinceMs !== null && clock.monotonicMs() - this.#heldSinceMs < calmMs) return;
    const time = clock.now();
    this.#protection = { held, since: time };
    if (held) logger.info({ remainingTolerance }, 'the configured protection holds again');
    else logger.error({ remainingTolerance, reasons: reasons.join('; ') }, 'the configured protection does not hold');
    notices.tell({ event: 'protection', time, held, remainingTolerance, reasons });
    this.remember();
  }

  /** From now on what is said is heard, and so is what was said before. */
  listen(listener: (notice: Notice) => void): void {
    this.#core.notices.listen(listener);
    this.remember();
  }

  /** Only what somebody was told of is old news after the next mount. */
  remember(): void {
    if (!this.#core.notices.heard) return;
    try {
      const paths = new Set(this.#core.disks.members.map(({ path }) => path));
      const known = <T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] => [...map].filter(([path]) => paths.has(path));
      const state: Saved = {
        disks: Object.fromEntries(known(this.#disks)),
        suspicions: Object.fromEntries(known(this.#suspicions).map(([path, suspicions]) => [path, suspicions.saved])),
        protection: this.#protection,
      };
      saveStateFile(this.#path, this.#core.volume, version, state);
    } catch (error) {
      this.#core.ports.logger.warn({ file: this.#path, error: messageOf(error) }, 'the states of the disks could not be remembered');
    }
  }

  #change(member: DiskMember, from: ShownDiskState, { state: to, reason, since: time }: DiskStateNow): void {
    if (from === to) return;
    const { path, disk } = member;
    this.#changes.set(path, this.changesOf(path) + 1);
    const say = to === 'healthy' ? 'info' : to === 'failed' || to === 'missing' || to === 'foreign' ? 'error' : 'warn';
    this.#core.ports.logger[say]({ disk: path, from, to, reason }, `disk ${path} is ${to}`);
    this.#core.notices.tell({ event: 'disk', time, disk: disk?.id ?? '', path, from, to, reason });
  }

  #judge(member: DiskMember): Pick<DiskStateNow, 'state' | 'reason'> {
    if (member.disk === null || member.state !== 'healthy') return { state: member.state, reason: member.reason };
    const suspicion = this.#suspicionsOf(member).reason();
    if (member.leaving !== undefined) return { state: 'leaving', reason: suspicion ?? member.reason };
    const full = this.#isFull(member, member.disk.id) ? 'it has no room for new data' : null;
    if (suspicion !== null) return { state: 'suspect', reason: full === null ? suspicion : `${suspicion}; ${full}` };
    return full === null ? { state: 'healthy', reason: member.reason } : { state: 'full', reason: full };
  }

  #isFull({ path, role }: DiskMember, disk: DiskId): boolean {
    const { totalBytes, dataBytes, shardBytesMax } = this.#core.pool.roomOn(disk);
    if (role !== 'pool' || totalBytes === 0) return false;
    const enough = this.#disks.get(path)?.state === 'full' ? Math.max(2 * shardBytesMax, totalBytes / fullReturnShare) : shardBytesMax;
    return dataBytes < enough;
  }

  #lookForSlow(): void {
    const { disks, ports } = this.#core;
    const slow = disks.members.map((member) => ({ member, ms: member.disk === null ? 0 : (ports.disks.meterOf(member.disk)?.slowMs() ?? 0) }));
    for (const { member, ms } of slow) {
      if (ms < stillSlowMs) continue;
      const suspicions = this.#suspicionsOf(member);
      const others = slow.filter((one) => one.member !== member).map((one) => one.ms).sort((a, b) => a - b);
      const usual = others[Math.floor(others.length / 2)] ?? 0;
      if (suspicions.has('slow') || (ms >= slowEnoughMs && ms >= slowerThanOthers * usual)) {
        suspicions.raise('slow', `it is slow: ${Math.round(ms / 1_000)} s of the last five minutes passed in operations of two seconds and more`);
      }
    }
  }

  #suspicionsOf({ path }: DiskMember): Suspicions {
    let suspicions = this.#suspicions.get(path);
    if (suspicions === undefined) this.#suspicions.set(path, (suspicions = new Suspicions(this.#core.ports.clock)));
    return suspicions;
  }
}
