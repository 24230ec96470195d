// What is said of each disk: the state that status shows, why, and since when. It is found by comparing, so that whatever changes a disk is
// noticed here; decides nothing about where data goes. What was last said is remembered from mount to mount in STATE_DIR/disks.state:
// a disk that is still missing is no news, and its time is that of its loss.
import { messageOf } from '../base/errors.js';
import type { Clock, Timespec } from '../base/clock.js';
import type { VolumeId } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { DiskMember, DiskSet } from './disk-set.js';
import type { Notices } from './notices.js';
import { loadStateFile, saveStateFile } from './state-file.js';

export const shownDiskStates = ['healthy', 'leaving', 'failed', 'missing', 'foreign'] as const;
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

export interface DiskStatesParts {
  readonly volume: VolumeId;
  readonly stateDir: string;
  readonly disks: DiskSet;
  readonly notices: Notices;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Saved {
  readonly disks: Readonly<Record<string, DiskStateNow>>;
  readonly protection: { readonly held: boolean; readonly since: Timespec };
}

const version = 1;
/** Protection that comes back has to stay so long before it is said; its loss is said at once. */
const calmMs = 10_000;

export class DiskStates {
  readonly #parts: DiskStatesParts;
  readonly #path: string;
  readonly #disks = new Map<string, DiskStateNow>();
  readonly #changes = new Map<string, number>();
  #protection: Saved['protection'];
  /** Monotonic: since when protection has held again without a break. */
  #heldSinceMs: number | null = null;

  constructor(parts: DiskStatesParts) {
    this.#parts = parts;
    this.#path = `${parts.stateDir}/disks.state`;
    const saved = loadStateFile(this.#path, parts.volume, version) as Saved | null; // saved below
    const paths = new Set(parts.disks.members.map(({ path }) => path));
    for (const [path, known] of Object.entries(saved?.disks ?? {})) if (paths.has(path)) this.#disks.set(path, known);
    this.#protection = saved?.protection ?? { held: true, since: parts.clock.now() };
  }

  /** Since when the protection is as it was said last. */
  get protectionSince(): Timespec {
    return this.#protection.since;
  }

  /** As of now, whether it was told already or not. */
  of(member: DiskMember): DiskStateNow {
    const { state, reason } = judge(member);
    const known = this.#disks.get(member.path);
    return { state, reason, since: known?.state === state ? known.since : this.#parts.clock.now() };
  }

  /** Since the mount. */
  changesOf(path: string): number {
    return this.#changes.get(path) ?? 0;
  }

  /** Compares every disk with what was said of it last. A few steps: the heartbeat does it, and whoever knows of a change. */
  look(): void {
    let changed = false;
    for (const member of this.#parts.disks.members) {
      const known = this.#disks.get(member.path);
      const now = this.of(member);
      if (known?.state !== now.state) this.#change(member, known?.state ?? 'healthy', now);
      changed ||= known?.state !== now.state;
      this.#disks.set(member.path, now);
    }
    if (changed) this.remember();
  }

  lookAtProtection({ held, remainingTolerance, reasons }: ProtectionNow): void {
    const { clock, logger, notices } = this.#parts;
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

  /** Only what somebody was told of is old news after the next mount. */
  remember(): void {
    if (!this.#parts.notices.heard) return;
    try {
      const paths = new Set(this.#parts.disks.members.map(({ path }) => path));
      const state: Saved = { disks: Object.fromEntries([...this.#disks].filter(([path]) => paths.has(path))), protection: this.#protection };
      saveStateFile(this.#path, this.#parts.volume, version, state);
    } catch (error) {
      this.#parts.logger.warn({ file: this.#path, error: messageOf(error) }, 'the states of the disks could not be remembered');
    }
  }

  #change(member: DiskMember, from: ShownDiskState, { state: to, reason, since: time }: DiskStateNow): void {
    if (from === to) return;
    const { path, disk } = member;
    this.#changes.set(path, this.changesOf(path) + 1);
    const say = to === 'healthy' ? 'info' : to === 'failed' || to === 'missing' || to === 'foreign' ? 'error' : 'warn';
    this.#parts.logger[say]({ disk: path, from, to, reason }, `disk ${path} is ${to}`);
    this.#parts.notices.tell({ event: 'disk', time, disk: disk?.id ?? '', path, from, to, reason });
  }
}

function judge({ state, reason, leaving }: DiskMember): Pick<DiskStateNow, 'state' | 'reason'> {
  return { state: state === 'healthy' && leaving !== undefined ? 'leaving' : state, reason };
}
