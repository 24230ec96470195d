// Tells the user's command and webhook what happened to the volume. One after another and in order for each of the two, within a time, from
// a queue with an end: nobody waits for them, least of all the volume. What fails is in the log, in status and in the metrics.
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { HookSettings } from '../config/settings.js';
import type { Notice } from '../volume/notices.js';
import { runBounded } from './bounded-command.js';
import { documentOf, type HookDocument, type HookSubject, variablesOf } from './hook-document.js';
import { postTo } from './webhook.js';

export interface HookStatus {
  readonly kind: 'command' | 'webhook';
  /** Since the mount. */
  readonly told: number;
  /** Given up: the command failed, the receiver refused it, the queue was full, or the volume was unmounted. */
  readonly failed: number;
  readonly waiting: number;
  /** Of the newest attempt; null: it went well. */
  readonly lastError: string | null;
}

const commandLimitMs = 30_000;
const postLimitMs = 10_000;
/** Of one hook. When one more comes the oldest goes: what is true now matters most. */
const waitingMax = 100;
const retryFirstMs = 1_000;
const retryMsMax = 5 * 60_000;
/** For what is still to be told when the volume is closed. */
const stopMs = 5_000;
const shownCharacters = 500;

type Try = (target: string, document: HookDocument, stop: AbortSignal) => Promise<Attempt>;

interface Attempt {
  /** null: told. */
  readonly problem: string | null;
  readonly final: boolean;
}

export class Hooks {
  readonly #sinks: readonly Sink[];
  readonly #subject: HookSubject;
  #sequence = 0;

  constructor(subject: HookSubject, settings: () => HookSettings, clock: Clock, logger: Logger) {
    this.#subject = subject;
    this.#sinks = [
      new Sink('command', () => settings().command, (command, document, stop) => runCommand(command, document, clock, stop), clock, logger),
      new Sink('webhook', () => settings().webhook, (url, document, stop) => post(url, document, clock, stop), clock, logger),
    ];
  }

  /** Queued when this returns. Never throws. */
  tell(notice: Notice): void {
    const document = documentOf(this.#subject, notice, ++this.#sequence);
    for (const sink of this.#sinks) sink.tell(document);
  }

  /** Of those that are configured, or were. */
  status(): readonly HookStatus[] {
    return this.#sinks.flatMap((sink) => sink.status() ?? []);
  }

  /** Resolves when all is told, or soon; what is not is given up, and logged. */
  async stop(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.stop()));
  }
}

class Sink {
  readonly #kind: HookStatus['kind'];
  readonly #target: () => string | null;
  readonly #try: Try;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #waiting: HookDocument[] = [];
  /** Never rejects. */
  #working: Promise<void> | null = null;
  /** One more try for each, and no more waiting. */
  #ending = false;
  #wake: () => void = () => {};
  readonly #stop = new AbortController();
  #told = 0;
  #failed = 0;
  #lastError: string | null = null;

  constructor(kind: HookStatus['kind'], target: () => string | null, attempt: Try, clock: Clock, logger: Logger) {
    this.#kind = kind;
    this.#target = target;
    this.#try = attempt;
    this.#clock = clock;
    this.#logger = logger;
  }

  tell(document: HookDocument): void {
    if (this.#target() === null) return;
    this.#waiting.push(document);
    // The first one is being told right now.
    if (this.#waiting.length > waitingMax) for (const oldest of this.#waiting.splice(1, 1)) this.#giveUp(oldest, 'too many are waiting to be told');
    this.#start();
  }

  status(): HookStatus | null {
    if (this.#target() === null && this.#told + this.#failed === 0) return null;
    return { kind: this.#kind, told: this.#told, failed: this.#failed, waiting: this.#waiting.length, lastError: this.#lastError };
  }

  async stop(): Promise<void> {
    this.#ending = true;
    this.#wake();
    const late = this.#clock.after(stopMs, () => this.#stop.abort(new Error('the volume was unmounted')));
    await this.#working;
    late.cancel();
    for (const document of this.#waiting.splice(0)) this.#giveUp(document, 'the volume was unmounted');
  }

  #start(): void {
    this.#working ??= this.#work()
      .catch((error: unknown) => {
        // A bug of ours, and no reason to end the volume: what waits is given up, and what comes next is tried again.
        for (const document of this.#waiting.splice(0)) this.#giveUp(document, messageOf(error));
      })
      .finally(() => {
        this.#working = null;
      });
  }

  async #work(): Promise<void> {
    let delayMs = retryFirstMs;
    for (let document = this.#waiting[0]; document !== undefined && !this.#stop.signal.aborted; document = this.#waiting[0]) {
      const target = this.#target();
      // Not configured any more: nobody is to be told.
      if (target === null) return void this.#waiting.splice(0);
      const { problem, final } = await this.#try(target, document, this.#stop.signal);
      this.#lastError = problem;
      if (problem === null) this.#told += 1;
      else if (final || this.#ending) this.#giveUp(document, problem);
      else {
        this.#logger.warn({ hook: this.#kind, event: document.event, error: problem, retryInSeconds: delayMs / 1000 }, 'a hook could not be told; it is tried again');
        await this.#pause(delayMs);
        delayMs = Math.min(2 * delayMs, retryMsMax);
        continue;
      }
      delayMs = retryFirstMs;
      this.#waiting.shift();
    }
  }

  /** Ends early when the volume is closed. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #giveUp(document: HookDocument, problem: string): void {
    this.#failed += 1;
    this.#lastError = problem;
    this.#logger.error({ hook: this.#kind, sequence: document.sequence, text: document.text, error: problem }, 'a hook was not told');
  }
}

async function runCommand(script: string, document: HookDocument, clock: Clock, stop: AbortSignal): Promise<Attempt> {
  const { code, timedOut, stdout, stderr } = await runBounded({ script, environment: variablesOf(document), stdin: `${JSON.stringify(document)}\n`, limitMs: commandLimitMs, stop }, clock);
  if (code === 0) return { problem: null, final: true };
  const said = (stderr.trim() === '' ? stdout : stderr).trim().slice(0, shownCharacters);
  const how = timedOut ? `it was ended after ${commandLimitMs / 1000} s` : code === null ? 'it was ended by a signal, or could not be started' : `exit code ${code}`;
  return { problem: said === '' ? how : `${how}: ${said}`, final: true };
}

async function post(url: string, document: HookDocument, clock: Clock, stop: AbortSignal): Promise<Attempt> {
  const problem = await postTo(url, JSON.stringify(document), postLimitMs, clock, stop);
  return problem === null ? { problem: null, final: true } : { problem: problem.message, final: problem.final };
}
