// Starts flushes when a condition holds: looks once a second (a handful of counters), one flush at a time, and waits longer after
// each failure. The volume says which conditions hold; the calendar is this file's. Stopped by stop(), which waits for a flush under way.
import type { Clock, Timer } from '../base/clock.js';
import { isErrorOf, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { FlushSettings } from '../config/settings.js';
import type { FlushOptions, FlushProgress, FlushReport, Volume } from '../volume/contract.js';
import { ScheduleTrigger } from './schedule-trigger.js';

export const lookIntervalMs = 1_000;
const retryFirstMs = 10_000;
/** A dead bucket is asked again at least this often. */
const retryMaxMs = 10 * 60_000;
/** While writers wait for it: what was wrong may be over. */
const retryAwaitedMs = 30_000;

export type TriggeredVolume = Pick<Volume, 'clock' | 'due' | 'writersWait' | 'backlog' | 'flush'> & { readonly view: Pick<Volume['view'], 'lastRoot'> };

export interface LastFlush {
  /** Why it ran: conditions in words, or `by hand`. */
  readonly reason: string;
  readonly ok: boolean;
  readonly error: string | null;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** Seconds since 1970 at its end. */
  readonly endedAt: number;
}

export class Triggers {
  readonly #volume: TriggeredVolume;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #flushSettings: () => FlushSettings;
  readonly #schedule: ScheduleTrigger;
  #timer: Timer | null = null;
  #stopped = false;
  #running: Promise<unknown> | null = null;
  #failures = 0;
  #failedAtMs = 0;
  #retryMs = 0;
  #last: LastFlush | null = null;

  constructor(volume: TriggeredVolume, flushSettings: () => FlushSettings, logger: Logger) {
    this.#volume = volume;
    this.#clock = volume.clock;
    this.#logger = logger;
    this.#flushSettings = flushSettings;
    const lastRoot = volume.view.lastRoot();
    this.#schedule = new ScheduleTrigger(volume.clock, lastRoot === null ? null : lastRoot.time.sec);
  }

  get last(): LastFlush | null {
    return this.#last;
  }

  get flushing(): boolean {
    return this.#running !== null;
  }

  start(): void {
    this.#arm();
  }

  /** Conditions that hold now, in words; empty: nothing is due. */
  due(): readonly string[] {
    const scheduled = this.#schedule.reason(this.#flushSettings().schedule, this.#volume.backlog().deltas > 0);
    return [...this.#volume.due(), ...(scheduled === null ? [] : [scheduled])];
  }

  /** A flush for the given reason, remembered for status. 'conflict' (flush-busy) while one runs. */
  flush(reason: string, progress?: FlushProgress, options?: FlushOptions): Promise<FlushReport> {
    const flush = this.#flush(reason, progress, options);
    // Kept so that stop() can wait; who called handles the failure.
    const running: Promise<unknown> = flush.catch(() => undefined).finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running ??= running;
    return flush;
  }

  /** No further flush starts; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(lookIntervalMs, () => {
      // #look handles every failure of a flush by itself; anything else is a bug and ends the process.
      void this.#look().finally(() => this.#arm());
    });
  }

  async #look(): Promise<void> {
    const retryMs = this.#volume.writersWait ? Math.min(this.#retryMs, retryAwaitedMs) : this.#retryMs;
    if (this.#running !== null || this.#clock.monotonicMs() < this.#failedAtMs + retryMs) return;
    const reasons = this.due();
    if (reasons.length === 0) return;
    try {
      await this.flush(reasons.join(', '));
    } catch (error) {
      if (isErrorOf(error, 'conflict') && error.code === 'flush-busy') return;
      this.#failures += 1;
      this.#retryMs = Math.min(retryMaxMs, retryFirstMs * 2 ** (this.#failures - 1));
      this.#failedAtMs = this.#clock.monotonicMs();
      this.#logger.error({ error: messageOf(error), retryInSeconds: this.#retryMs / 1000, failures: this.#failures }, 'a flush failed; what it should have moved stays under the second redundancy');
    }
  }

  async #flush(reason: string, progress?: FlushProgress, options?: FlushOptions): Promise<FlushReport> {
    const started = this.#clock.monotonicMs();
    try {
      const report = await this.#volume.flush(progress, options);
      this.#failures = 0;
      this.#retryMs = 0;
      this.#schedule.flushed();
      this.#last = { ...this.#ended(reason, report.elapsedMs), ok: true, error: null, deltas: report.deltas, files: report.files, bytes: report.bytes };
      this.#logger.info({ reason, deltas: report.deltas, files: report.files, bytes: report.bytes, elapsedMs: report.elapsedMs }, `${report.deltas} deltas of ${report.files} files migrated`);
      return report;
    } catch (error) {
      if (!(isErrorOf(error, 'conflict') && error.code === 'flush-busy')) {
        this.#last = { ...this.#ended(reason, this.#clock.monotonicMs() - started), ok: false, error: messageOf(error), deltas: 0, files: 0, bytes: 0 };
      }
      throw error;
    }
  }

  #ended(reason: string, elapsedMs: number): Pick<LastFlush, 'reason' | 'elapsedMs' | 'endedAt'> {
    return { reason, elapsedMs: Math.round(elapsedMs), endedAt: this.#clock.now().sec };
  }
}
