// A channel to the kernel: requests of one FUSE mount come in, answers go out, all in turns of the event loop.
// A slot belongs to the request callback until it returns, and longer only if it returned true; when no slot is free nothing
// more is read. What the bytes mean is src/fuse's business, and so is what a failed system call means.
import { closeSync } from 'node:fs';
import { assert } from '../base/assert.js';
import { addon } from './addon.js';
import type { RawFuseChannel } from './raw-channel.js';

export interface ChannelEvents {
  /** The request lies at `offset` of `requests` and stays while the slot is held. True: the slot is kept until release(slot). Must not throw. */
  request(slot: number, offset: number, length: number): boolean;
  /** The kernel has ended the connection (ENODEV unmounted, ECONNABORTED cut). Nothing comes after it; never called after close(). */
  ended(errno: number): void;
}

export const requestSlotBytes = addon.fuseLayout.slotBytes;

export class Channel {
  /** All slots. A request lies at the offset that its event names, 8-byte-aligned; the payload of a WRITE is page-aligned. */
  readonly requests: Buffer;
  /** Where answers are encoded before reply(); one answer at a time, header and up to 1 MiB. */
  readonly replyArea: Buffer;
  readonly #raw: RawFuseChannel;
  #open = true;

  /** Owns `device` from here on. */
  constructor(device: number, slotCount: number, events: ChannelEvents) {
    const { slotBytes, requestOffset } = addon.fuseLayout;
    this.#raw = new addon.FuseChannel(
      device,
      slotCount,
      (slot, length) => events.request(slot, slot * slotBytes + requestOffset, length),
      (errno) => {
        this.#open = false;
        events.ended(errno);
      },
    );
    this.requests = Buffer.from(this.#raw.slots);
    this.replyArea = Buffer.from(this.#raw.replyArea);
    assert(this.requests.length === slotCount * slotBytes, 'the slots are as large as the native part says');
  }

  get open(): boolean {
    return this.#open;
  }

  /** Sends `length` bytes of the reply area followed by `data`. 0, or an errno: ENODEV when the mount is gone, EINVAL when the answer is malformed. */
  reply(length: number, data?: Uint8Array | readonly Uint8Array[]): number {
    return this.#raw.reply(length, data);
  }

  release(slot: number): void {
    this.#raw.release(slot);
  }

  /** Sends a notification from a thread: the kernel may make it wait for requests that we answer. 0 or an errno (ENOENT: not cached). */
  async notify(message: Uint8Array): Promise<number> {
    return Math.abs(await this.#raw.notify(message));
  }

  /** Cuts the connection: what waits in the kernel gets ECONNABORTED. Idempotent. */
  close(): void {
    this.#open = false;
    this.#raw.close();
  }
}

/** mount(2) with a fresh device. Gives the device, or a negative errno. Blocking parts run on a thread. */
export function mountDevice(mountPoint: string, source: string, type: string, flags: number, options: string): Promise<number> {
  return addon.fuseMount(mountPoint, source, type, flags, options);
}

/** umount2(2) on a thread. 0 or an errno. */
export async function unmountDevice(mountPoint: string, flags: number): Promise<number> {
  return Math.abs(await addon.fuseUnmount(mountPoint, flags));
}

/** mount(2) with MS_REMOUNT on a thread. 0 or an errno. */
export async function remountDevice(mountPoint: string, flags: number): Promise<number> {
  return Math.abs(await addon.fuseRemount(mountPoint, flags));
}

/** The two ends of a socket with message borders: for fusermount3, and as a stand-in for the device in tests. */
export function socketPair(): readonly [number, number] {
  const ends = addon.socketPair();
  if (typeof ends === 'number') throw new Error(`no socket pair: errno ${-ends}`);
  return ends;
}

/** Takes the device that was sent through the socket and closes this end. Gives the device, or a negative errno. */
export function receiveDevice(socket: number): number {
  const device = addon.receiveDevice(socket);
  closeSync(socket);
  return device;
}
