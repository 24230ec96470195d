// What can be chosen about a mount, as plain data, with the reasons for the values that stand here.
import { assert } from '../base/assert.js';
import { requestBytesMax } from '../base/limits.js';

export interface FuseSettings {
  /** How long the kernel may keep names and attributes. The daemon is the only writer, so only memory pressure speaks against long. */
  readonly entryTimeoutMs: number;
  readonly attributeTimeoutMs: number;
  /** The same for names that do not exist; 0: not remembered. */
  readonly negativeTimeoutMs: number;
  /** Every open and close of a file is told. Otherwise the kernel does them alone (where it can), which saves two or three requests a file. */
  readonly tellsOpens: boolean;
  /** The kernel collects small writes. Helps those, halves large ones, and a crash of the machine takes more. */
  readonly writebackCache: boolean;
  /** One is used at a time unless parked writes overflow, so few are enough. */
  readonly slotCount: number;
  /** Bytes of writes that wait for admission outside of slots; past it they stay in slots, and when these are taken nothing more is read. */
  readonly parkedBytesMax: number;
  /** How often an interrupted request that goes on waiting looks whether its caller is dying. */
  readonly interruptPollMs: number;
}

const hourMs = 3_600_000;

export const defaultFuseSettings: FuseSettings = {
  entryTimeoutMs: hourMs,
  attributeTimeoutMs: hourMs,
  negativeTimeoutMs: hourMs,
  tellsOpens: false,
  writebackCache: false,
  slotCount: 16,
  parkedBytesMax: 256 * requestBytesMax,
  interruptPollMs: 500,
};

/** Requests in the background (read-ahead, direct I/O) that the kernel sends before it waits; and from where it calls the mount congested. */
export const backgroundRequestsMax = 64;
export const backgroundCongested = 48;

assert(backgroundCongested < backgroundRequestsMax, 'congestion comes before the limit');
