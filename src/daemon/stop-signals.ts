// SIGTERM and SIGINT end a daemon in good order, from its first moment on: the mount answers somewhat before all is set up, and what it has
// answered must not be lost to a signal that comes in between. SIGHUP, the end of a terminal, is nothing to a daemon.
import { isErrorOf, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { ServedVolume } from './served-volume.js';

const exitCodeOfASignal = 130;

export class StopSignals {
  readonly #logger: Logger;
  #served: Pick<ServedVolume, 'stop'> | null = null;
  #early: NodeJS.Signals | null = null;

  constructor(logger: Logger) {
    this.#logger = logger;
    process.on('SIGTERM', (signal) => this.#receive(signal));
    process.on('SIGINT', (signal) => this.#receive(signal));
    process.on('SIGHUP', () => {});
  }

  /** The volume is served; a signal that came before is heard now. */
  serve(served: Pick<ServedVolume, 'stop'>): void {
    this.#served = served;
    if (this.#early !== null) this.#stop(served, this.#early);
  }

  #receive(signal: NodeJS.Signals): void {
    if (this.#served !== null) return this.#stop(this.#served, signal);
    if (this.#early === null) {
      this.#early = signal;
      this.#logger.info({ signal }, 'the volume is let go as soon as it is mounted; a second signal ends at once');
      return;
    }
    // A recovery may be long, and may be broken off anywhere.
    process.exit(exitCodeOfASignal);
  }

  #stop(served: Pick<ServedVolume, 'stop'>, signal: NodeJS.Signals): void {
    served.stop(signal, false).catch((error: unknown) => {
      if (!isErrorOf(error, 'conflict')) return;
      // Whoever sends a signal wants an end: the name goes at once, what is open loses its files, nothing answered is lost.
      this.#logger.warn({ signal, error: messageOf(error) }, 'the mount is busy and is taken away all the same');
      served.stop(signal, true).catch((again: unknown) => this.#logger.error({ error: messageOf(again) }, 'unmounting failed'));
    });
  }
}
