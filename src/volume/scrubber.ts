// When a scrub looks at what. By itself, once in `scrub.period` and spread over it in portions, never faster than `scrub.rate`,
// not while others need the disks; or by hand, at once and as fast as it goes. One at a time; its place survives unmounting and kill -9.
import { secondsOf } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asSegmentNumber } from '../base/ids.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';
import type { Repairs } from './repairs.js';
import type { Rescue } from './rescue.js';
import { SegmentScrub } from './scrub.js';
import { added, beginReport, type ScrubProgress, type ScrubReport, type ScrubStatus, summaryOf } from './scrub-report.js';
import { loadScrubState, saveScrubState, type ScrubPosition, type ScrubState } from './scrub-state.js';
import { StoresScrub } from './scrub-stores.js';

/** The period is divided into so many parts, each with its part of the work at its beginning: in between disks that nobody uses may sleep. */
const portions = 30;
/** More than this a second, read or written by others: the disks are in use. */
const busyBytesPerSecond = 1024 ** 2;
/** A scrub that is late goes on beside others all the same, at this part of its rate: a disk that is always in use rots as well. */
const lateBusyShare = 1 / 8;
/** What was not read in time is not made up for in one go. */
const creditMsMax = 1_000;
/** After a failure; what failed costs as much again. */
const restMs = 60_000;
/** So much work may have to be done again after a kill; less where there is something to tell. */
const saveIntervalMs = 10_000;
const saveIntervalFoundMs = 1_000;

export interface ScrubberParts {
  readonly core: VolumeCore;
  readonly points: ConsistencyPoints;
  readonly repairs: Repairs;
  readonly rescue: Rescue;
  readonly flushing: () => boolean;
}

export class Scrubber {
  readonly #core: VolumeCore;
  readonly #segments: SegmentScrub;
  readonly #stores: StoresScrub;
  readonly #flushing: () => boolean;
  /** Beside the live database. */
  readonly #path: string;
  #state: ScrubState;
  #savedMs: number;
  /** The piece of work of a beat; never rejects. */
  #working: Promise<void> | null = null;
  /** A scrub by hand; never rejects. */
  #byHand: Promise<unknown> | null = null;
  #stopped = false;
  #waitsFor: string | null = null;
  #creditBytes = 0;
  #notBeforeMs = 0;
  #beatMs: number;
  /** What had passed through the disks at the end of the last beat. */
  #passedBytes: number;

  constructor({ core, points, repairs, rescue, flushing }: ScrubberParts) {
    this.#core = core;
    this.#segments = new SegmentScrub(core, repairs, rescue);
    this.#stores = new StoresScrub(core, points);
    this.#flushing = flushing;
    this.#path = `${core.settings.stateDir}/scrub.state`;
    this.#state = loadScrubState(this.#path, core.volume);
    this.#beatMs = core.ports.clock.monotonicMs();
    this.#savedMs = this.#beatMs;
    this.#passedBytes = this.#passed();
  }

  /** Does what is due by now, beside everything else; the heartbeat calls it. */
  beat(): void {
    const core = this.#core;
    if (this.#working !== null || this.#byHand !== null || this.#stopped || core.failure !== null) return;
    if (core.ports.clock.monotonicMs() < this.#notBeforeMs) return;
    this.#working = this.#work()
      .catch((error: unknown) => {
        this.#notBeforeMs = core.ports.clock.monotonicMs() + restMs;
        if (error instanceof HoldfastError) core.ports.logger.warn({ error: error.message }, 'the scrub was interrupted and goes on later');
        else core.fail(error, 'the scrub met what must not be');
      })
      .finally(() => {
        this.#passedBytes = this.#passed();
        this.#working = null;
      });
  }

  /** Everything, from the beginning. 'conflict' (scrub-busy) while one runs by hand; 'closed' (volume-closed) when the volume is closed before its end: it goes on after the next mount. */
  run(progress: ScrubProgress): Promise<ScrubReport> {
    if (this.#byHand !== null) return Promise.reject(new HoldfastError('conflict', 'a scrub is running already', { code: 'scrub-busy', hint: 'Wait for it, or look at `holdfast status`.' }));
    const run = this.#run(progress);
    this.#byHand = run
      .catch(() => undefined) // its failure is the caller's
      .finally(() => {
        this.#byHand = null;
      });
    return run;
  }

  status(): ScrubStatus {
    const { running, last } = this.#state;
    const totalBytes = this.#core.skeleton.use().liveBytes;
    const byHand = this.#byHand !== null;
    return {
      periodSeconds: this.#core.thresholds.scrub.periodSeconds,
      running:
        running === null
          ? null
          : { ...summaryOf(running.report), byHand, waitsFor: byHand ? null : this.#waitsFor, doneBytes: Math.min(running.doneBytes, totalBytes), totalBytes },
      last: last === null ? null : summaryOf(last),
    };
  }

  /** Ends at the next segment, and remembers where. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
    await this.#byHand;
    if (this.#state.running !== null) this.#save();
  }

  async #work(): Promise<void> {
    const { clock } = this.#core.ports;
    const nowMs = clock.monotonicMs();
    const elapsedMs = Math.max(1, nowMs - this.#beatMs);
    this.#beatMs = nowMs;
    const others = ((this.#passed() - this.#passedBytes) * 1_000) / elapsedMs;
    const { periodSeconds, bytesPerSecond } = this.#core.thresholds.scrub;
    const share = periodSeconds === null ? null : this.#share(periodSeconds);
    if (share === null) return;
    const busy = others > busyBytesPerSecond;
    this.#waitsFor = this.#obstacle() ?? (busy && share < 1 ? 'others use the disks' : null);
    if (this.#waitsFor !== null) return;
    const rate = busy ? bytesPerSecond * lateBusyShare : bytesPerSecond;
    this.#creditBytes = Math.min(this.#creditBytes + (rate * Math.min(elapsedMs, creditMsMax)) / 1_000, rate);
    const dueBytes = share >= 1 ? Number.POSITIVE_INFINITY : (Math.floor(share * portions) / portions) * this.#core.skeleton.use().liveBytes;
    while (this.#creditBytes > 0 && !this.#stopped) {
      const position = this.#running();
      const row = this.#next(position);
      if (row === null && share >= 1) await this.#finish();
      if (row === null || position.doneBytes + costOf(row) > dueBytes) return;
      this.#creditBytes -= await this.#step(position, row);
    }
  }

  async #run(progress: ScrubProgress): Promise<ScrubReport> {
    await this.#working;
    this.#state = { running: this.#beginning(), last: this.#state.last };
    const total = this.#core.skeleton.use().liveBytes;
    for (;;) {
      if (this.#stopped) throw new HoldfastError('closed', 'the volume is being closed: the scrub goes on when it is mounted again', { code: 'volume-closed' });
      const position = this.#running();
      progress('segments', Math.min(position.doneBytes, total), total);
      const row = this.#next(position);
      if (row === null) break;
      await this.#step(position, row);
    }
    progress('stores', 0, 1);
    return this.#finish();
  }

  /** How much of the period has passed since the one under way began; null: none is, and none is due. */
  #share(periodSeconds: number): number | null {
    const { running, last } = this.#state;
    const now = this.#now();
    // A clock that was set back would put it off for long.
    const passed = (since: number): number => (now < since ? 1 : (now - since) / periodSeconds);
    if (running !== null) return passed(running.report.startedAt);
    if (last !== null && passed(last.startedAt) < 1) return null;
    this.#state = { running: this.#beginning(), last };
    this.#save();
    return 0;
  }

  /** Why nothing may be done now, whoever is waiting. */
  #obstacle(): string | null {
    const lost = this.#core.disks.members.find(({ state }) => state !== 'healthy');
    if (lost !== undefined) return `disk ${lost.path} is ${lost.state}`;
    if (this.#core.rebuilds > 0) return 'a rebuild is under way';
    return this.#flushing() ? 'a flush is under way' : null;
  }

  #next({ after }: ScrubPosition): SegmentRow | null {
    return this.#core.skeleton.segments(after, 1, 'all')[0] ?? null;
  }

  /** Gives what it cost: the bytes that were read, or fetched. */
  async #step({ doneBytes, report }: ScrubPosition, row: SegmentRow): Promise<number> {
    const seen = await this.#segments.look(row.segment);
    failpoint('scrub-seen-before-saved');
    this.#state = { last: this.#state.last, running: { after: row.segment, doneBytes: doneBytes + costOf(row), report: added(report, seen) } };
    const unsavedMs = this.#core.ports.clock.monotonicMs() - this.#savedMs;
    if (unsavedMs >= (seen.findings.length > 0 ? saveIntervalFoundMs : saveIntervalMs)) this.#save();
    // Many rows have nothing to look at.
    await this.#core.ports.clock.turn();
    return Math.max(seen.bytes, costOf(row));
  }

  async #finish(): Promise<ScrubReport> {
    const { report } = this.#running();
    const seen = await this.#stores.look();
    const { disks, states } = this.#core;
    for (const finding of seen.findings) for (const { disk } of disks.members.filter(({ path }) => path === finding.disk)) if (disk !== null) states.damaged(disk.id, finding.file);
    const ended = { ...added(report, seen), endedAt: this.#now() };
    failpoint('scrub-ended-before-saved');
    this.#state = { running: null, last: ended };
    this.#save();
    const { segments, shards, bytes, found, healed, lostRanges } = ended;
    this.#core.ports.logger.info({ segments, shards, bytes, found, healed, lostRanges }, 'a scrub has come to its end');
    return ended;
  }

  #running(): ScrubPosition {
    return this.#state.running ?? this.#beginning();
  }

  #beginning(): ScrubPosition {
    return { after: asSegmentNumber(0), doneBytes: 0, report: beginReport(this.#now()) };
  }

  #now(): number {
    return secondsOf(this.#core.ports.clock.now());
  }

  /** Through all disks, since they were opened. */
  #passed(): number {
    return this.#core.disks.present().reduce((sum, disk) => {
      const { bytesRead, bytesWritten } = disk.counters();
      return sum + bytesRead + bytesWritten;
    }, 0);
  }

  /** What cannot be remembered is done again. */
  #save(): void {
    this.#savedMs = this.#core.ports.clock.monotonicMs();
    try {
      saveScrubState(this.#path, this.#core.volume, this.#state);
    } catch (error) {
      this.#core.ports.logger.warn({ file: this.#path, error: messageOf(error) }, 'where the scrub has come to could not be remembered');
    }
  }
}

/** What is dead, or not sealed yet, is passed over. */
function costOf(row: SegmentRow): number {
  return row.live > 0 && row.state === 'sealed' ? row.length : 0;
}
