// Progress of long work on stderr: a bar a step on a terminal, else one plain line every ten seconds (so that short work under
// cron says nothing at all). The only place that knows cli-progress.
import { SingleBar } from 'cli-progress';
import { SystemClock } from '../base/clock.js';

const lineIntervalMs = 10_000;

export class Progress {
  readonly #style: 'bar' | 'lines' | 'none';
  #step = '';
  #bar: SingleBar | null = null;
  readonly #clock = new SystemClock();
  #lineAtMs = this.#clock.monotonicMs() + lineIntervalMs;

  constructor(style: 'bar' | 'lines' | 'none') {
    this.#style = style;
  }

  /** May be called as often as one likes; a new step ends the one before. */
  readonly report = (step: string, done: number, total: number): void => {
    if (this.#style === 'bar') this.#drawBar(step, done, total);
    else if (this.#style === 'lines') this.#writeLine(step, done, total);
  };

  end(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  #drawBar(step: string, done: number, total: number): void {
    if (step !== this.#step || this.#bar === null) {
      this.end();
      this.#step = step;
      this.#bar = new SingleBar({ format: `${step.padEnd(10)} {bar} {percentage}%  {value}/{total}`, stream: process.stderr, hideCursor: true, clearOnComplete: false });
      this.#bar.start(Math.max(total, 1), done);
      return;
    }
    this.#bar.setTotal(Math.max(total, 1));
    this.#bar.update(done);
  }

  #writeLine(step: string, done: number, total: number): void {
    const now = this.#clock.monotonicMs();
    if (now < this.#lineAtMs) return;
    this.#lineAtMs = now + lineIntervalMs;
    console.error(`${step}: ${done}/${total}`);
  }
}
