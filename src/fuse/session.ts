// One FUSE mount: from the mount point to the last answer. mount() gives a session whose INIT is done; `ended` tells when the
// kernel's side is gone, for whatever reason, and by then the file system has been told (destroy) and nothing is answered any more.
import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Ino } from '../base/ids.js';
import { requestBytesMax } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import type { FileSystem } from '../filesystem/contract.js';
import { Channel } from '../native/channel.js';
import { isDying } from './caller-state.js';
import { Dispatcher } from './dispatcher.js';
import { type MountOptions, mount, unmount } from './mount.js';
import { MountPlace } from './mount-place.js';
import { prepareMountPoint } from './mount-point.js';
import type { Negotiation } from './negotiation.js';
import { entryInvalidation, inodeInvalidation } from './notifications.js';
import { defaultFuseSettings, type FuseSettings } from './settings.js';

export interface FuseSessionOptions extends MountOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A bug was met: the request got EIO, the session goes on, the daemon decides. */
  readonly onFatal: (error: unknown) => void;
  readonly settings?: Partial<FuseSettings> | undefined;
}

/** 'unmounted': umount(2), also a forced one, and a lazy one when the last file was closed. 'cut': aborted through /sys/fs/fuse, or by abort(). */
export type SessionEnd = 'unmounted' | 'cut';

export class FuseSession {
  readonly mountPoint: string;
  /** Resolves once, never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #options: FuseSessionOptions;
  readonly #channel: Channel;
  readonly #dispatcher: Dispatcher;
  #settleEnded: (end: SessionEnd) => void = () => {};
  #settleInit: (result: Negotiation | 'ended') => void = () => {};
  readonly #negotiated: Promise<Negotiation | 'ended'>;
  readonly #place: MountPlace;
  #over = false;

  /** Cleans up after a dead daemon, mounts, and waits until the kernel has agreed. */
  static async mount(options: FuseSessionOptions): Promise<FuseSession> {
    const mountPoint = await prepareMountPoint(options.mountPoint, options.clock);
    const device = await mount({ ...options, mountPoint });
    const session = new FuseSession({ ...options, mountPoint }, device, await MountPlace.of(mountPoint));
    const result = await session.#negotiated;
    if (result !== 'agreed') {
      session.abort();
      await unmount(mountPoint, { lazy: true });
      throw new HoldfastError('unavailable', `${mountPoint}: the kernel and the daemon did not agree (${result})`, {
        code: 'fuse-negotiation',
        hint: 'Linux 5.4 or later is needed.',
      });
    }
    await session.#widenReadAhead();
    return session;
  }

  private constructor(options: FuseSessionOptions, device: number, place: MountPlace) {
    this.#place = place;
    const settings = { ...defaultFuseSettings, ...options.settings };
    this.#options = options;
    this.mountPoint = options.mountPoint;
    this.ended = new Promise((settle) => {
      this.#settleEnded = settle;
    });
    this.#negotiated = new Promise((settle) => {
      this.#settleInit = settle;
    });
    this.#channel = new Channel(device, settings.slotCount, {
      request: (slot, offset, length) => this.#dispatcher.request(slot, offset, length),
      ended: (errno) => this.#end(errno === constants.errno.ECONNABORTED ? 'cut' : 'unmounted'),
    });
    this.#dispatcher = new Dispatcher(this.#channel, {
      fileSystem: options.fileSystem,
      settings,
      clock: options.clock,
      logger: options.logger,
      onFatal: options.onFatal,
      onInit: (result) => {
        if (result !== 'ask-again') this.#settleInit(result);
      },
      isDying,
    });
  }

  get counters(): Dispatcher['counters'] {
    return this.#dispatcher.counters;
  }

  /**
   * Ends the mount; 'conflict' (mount-busy) while it is in use and not `lazy`, also when somebody else has detached it already
   * and files are still open. Resolves when it is detached; `ended` says when it is over.
   */
  async unmount(options: { readonly lazy: boolean }): Promise<void> {
    if (!this.#over) await this.#place.unmount(options, () => this.#over);
  }

  /** Where else it still is, in words; see MountPlace. */
  elsewhere(): Promise<readonly string[]> {
    return this.#place.elsewhere();
  }

  /** Other flags (words of mount(8), all of them); see remount() of mount.ts. The file system is not told. */
  async remount(flags: readonly string[]): Promise<void> {
    await this.#place.remount(flags);
  }

  /** Cuts the connection: everybody who waits gets an error, and so does every later access until it is unmounted. */
  abort(): void {
    this.#channel.close();
    this.#end('cut');
  }

  /** The kernel forgets cached attributes and, with length > 0 (or -1: to the end), data of the inode. Harmless when it has none. */
  async invalidateInode(ino: Ino, offset: number, length: number): Promise<void> {
    await this.#notify(inodeInvalidation(ino, offset, length));
  }

  /** The kernel forgets what it knows about this name. */
  async invalidateEntry(parent: Ino, name: Buffer): Promise<void> {
    await this.#notify(entryInvalidation(parent, name));
  }

  async #notify(message: Buffer): Promise<void> {
    if (this.#over) return;
    const errno = await this.#channel.notify(message);
    if (errno === 0 || this.#over || errno === constants.errno.ENODEV) return;
    throw new HoldfastError('internal', `the kernel refused a notification (errno ${errno})`, { code: 'fuse-notify-refused' });
  }

  #end(end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#dispatcher.end();
    try {
      this.#options.fileSystem.destroy();
    } catch (error) {
      this.#options.onFatal(error);
    }
    this.#settleInit('ended');
    this.#settleEnded(end);
  }

  /** INIT can only narrow the kernel's 128 KiB of read-ahead; whole requests are asked for here. A matter of speed, so no may be the answer. */
  async #widenReadAhead(): Promise<void> {
    try {
      if (this.#place.device !== null) await writeFile(`/sys/class/bdi/${this.#place.device}/read_ahead_kb`, String(requestBytesMax / 1024));
    } catch (error) {
      this.#options.logger.debug({ mountPoint: this.mountPoint, error: String(error) }, 'read-ahead stays at what the kernel gives');
    }
  }
}
