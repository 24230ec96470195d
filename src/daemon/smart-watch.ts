// Asks the devices below a volume's disks now and then how they are, by smartctl where that is installed: at most once an hour each, beside
// everything else, never waking one that sleeps. What speaks against a device makes the disks on it suspect. When each was asked, and what it
// counted, is in STATE_DIR/smart.state, which is worth nothing but that: a rise is a rise also over an unmount.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Clock, secondsOf, type Timer, within } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { runBounded } from './bounded-command.js';
import { asleepStatus, readSmart, type SmartAnswer } from './smart-report.js';

export interface SmartParts {
  /** Places of the disks as they are now. */
  readonly disks: () => readonly string[];
  /** Names of the devices below a place: `sda`, `nvme0n1`. */
  readonly devicesOf: (path: string) => Promise<readonly string[]>;
  readonly suspect: (path: string, reason: string) => void;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const askSeconds = 3_600;
const lookMs = 5 * 60_000;
const firstLookMs = 60_000;
const answerMs = 60_000;
/** For finding out what lies below a disk, which may hang. */
const devicesMs = 10_000;
/** Where smartctl is, when the daemon's PATH is that of a user. */
const script = `PATH="$PATH:/usr/sbin:/sbin"; exec smartctl --json=c -n standby,${asleepStatus} -i -H -A "$1"`;
/** The shell's: there is no such program. */
const notFound = 127;

interface Remembered {
  /** Seconds since 1970, by device. */
  readonly asked: Record<string, number>;
  /** By model and serial number: names of devices change from boot to boot. */
  readonly counters: Record<string, Readonly<Record<string, number>>>;
}

export class SmartWatch {
  readonly #parts: SmartParts;
  readonly #path: string;
  readonly #remembered: Remembered;
  readonly #devices = new Map<string, readonly string[]>();
  /** Not to be asked again in this mount. */
  readonly #unsupported = new Set<string>();
  readonly #stop = new AbortController();
  #installed = true;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: SmartParts) {
    this.#parts = parts;
    this.#path = `${parts.stateDir}/smart.state`;
    this.#remembered = load(this.#path);
  }

  start(): void {
    this.#arm(firstLookMs);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#stop.abort();
    await this.#looking;
  }

  /** Asks every device that was not asked for an hour, one after another. Never rejects. */
  async look(): Promise<void> {
    const places = new Map<string, string[]>();
    for (const path of this.#parts.disks()) {
      for (const device of await this.#devicesOf(path)) places.set(device, [...(places.get(device) ?? []), path]);
    }
    for (const [device, paths] of places) {
      if (!this.#installed || this.#stop.signal.aborted) return;
      if (this.#isDue(device)) await this.#ask(device, paths);
    }
  }

  #arm(delayMs: number): void {
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#looking = this.look().finally(() => {
        if (this.#installed && !this.#stop.signal.aborted) this.#arm(lookMs);
      });
    });
  }

  /** Found out once: later the disk may hang. What is no block device of this machine has no SMART. */
  async #devicesOf(path: string): Promise<readonly string[]> {
    const known = this.#devices.get(path);
    if (known !== undefined) return known;
    const { clock, devicesOf } = this.#parts;
    const found = await within(clock, devicesMs, devicesOf(path), []).catch(() => []);
    const devices = found.filter((name) => !name.includes(':'));
    this.#devices.set(path, devices);
    return devices;
  }

  #isDue(device: string): boolean {
    if (this.#unsupported.has(device)) return false;
    const asked = this.#remembered.asked[device];
    const now = secondsOf(this.#parts.clock.now());
    // One from the future: the clock was set back.
    return asked === undefined || now - asked >= askSeconds || asked > now;
  }

  async #ask(device: string, paths: readonly string[]): Promise<void> {
    const { clock, logger } = this.#parts;
    this.#remembered.asked[device] = secondsOf(clock.now());
    // Names of devices with a slash have another sign in its place in /sys.
    const { code, timedOut, stdout, stderr } = await runBounded({ script, words: [`/dev/${device.replaceAll('!', '/')}`], limitMs: answerMs, stop: this.#stop.signal }, clock);
    if (this.#stop.signal.aborted) return;
    if (code === notFound) {
      this.#installed = false;
      logger.info({}, 'smartctl is not installed: what disks say of themselves is not looked at');
      return;
    }
    const answer: SmartAnswer = timedOut ? { type: 'unsupported', reason: `no answer within ${answerMs / 1000} s` } : readSmart(code, stdout, stderr);
    if (answer.type === 'unsupported') {
      this.#unsupported.add(device);
      logger.info({ device, reason: answer.reason }, 'the device cannot be asked for its SMART figures');
    } else if (answer.type === 'figures') this.#judge(device, paths, answer);
    this.#save();
  }

  #judge(device: string, paths: readonly string[], { device: serial, failing, counters }: SmartAnswer & { readonly type: 'figures' }): void {
    const { logger, suspect } = this.#parts;
    const key = serial ?? device;
    const before = this.#remembered.counters[key] ?? {};
    this.#remembered.counters[key] = counters;
    const rises = Object.entries(counters).flatMap(([name, count]) => {
      const known = before[name];
      return known === undefined || count <= known ? [] : [`${name} rose from ${known} to ${count}`];
    });
    const reason = failing ?? (rises.length === 0 ? null : `SMART: ${rises.join(', ')}`);
    if (reason === null) return;
    logger.warn({ device, serial, reason }, 'SMART speaks against a device');
    for (const path of paths) suspect(path, `${reason} (/dev/${device}${serial === null ? '' : `, ${serial}`})`);
  }

  #save(): void {
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(this.#remembered), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#parts.logger.warn({ file: this.#path, error: messageOf(error) }, 'what SMART said could not be remembered');
    }
  }
}

/** What is not there, or damaged, is nothing. */
function load(path: string): Remembered {
  try {
    const { asked, counters } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Remembered>; // saved above
    if (typeof asked === 'object' && typeof counters === 'object') return { asked, counters };
  } catch {
    // As if it had never been asked.
  }
  return { asked: {}, counters: {} };
}
