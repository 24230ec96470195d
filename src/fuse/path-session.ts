// A mount served by the driver fuse-native: from the mount point to the end of libfuse's threads. libfuse opens the device, mounts
// and reads it; nothing tells when it ends, so its device is watched: it is closed last, when every request is answered and every
// file that was deleted while open is gone. By then the file system has been told (destroy).
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { FileSystem } from '../filesystem/contract.js';
import { type FuseNative, type FuseNativeMount, fuseNativeTextBytesMax } from '../native/fuse-native.js';
import { forceUnmount, type MountOptions } from './mount.js';
import { flagsOf } from './mount-flags.js';
import { MountPlace } from './mount-place.js';
import { connectionFile, prepareMountPoint } from './mount-point.js';
import { PathOperations } from './path-operations.js';

export interface PathSessionOptions extends MountOptions {
  readonly native: FuseNative;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: unknown) => void;
}

const lookEveryMs = 50;
const deviceName = '/dev/fuse';
/** What libfuse 2 hands to mount(2); any other word would leave a mount behind that nobody serves. The rest is set afterwards. */
const libfuseFlags: ReadonlySet<string> = new Set(['ro', 'rw', 'suid', 'nosuid', 'dev', 'nodev', 'exec', 'noexec', 'sync', 'async', 'dirsync', 'atime', 'noatime']);

export class PathSession {
  readonly mountPoint: string;
  /** Resolves once, never rejects. */
  readonly ended: Promise<void>;
  readonly #options: PathSessionOptions;
  readonly #operations: PathOperations;
  readonly #descriptor: number;
  readonly #place: MountPlace;
  #over = false;
  #settleEnded: () => void = () => {};

  /** Cleans up after a dead daemon, mounts, and waits until the kernel has agreed. */
  static async mount(options: PathSessionOptions): Promise<PathSession> {
    const mountPoint = await prepareMountPoint(options.mountPoint, options.clock);
    const { fileSystem, clock, logger, onFatal } = options;
    const caller = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, pid: process.pid };
    const operations = new PathOperations({ fileSystem, caller, clock, logger, onFatal });
    // Refuses what it does not know.
    flagsOf(options.flags);
    const words = optionsOf(options);
    for (const text of [mountPoint, words]) {
      if (Buffer.byteLength(text) > fuseNativeTextBytesMax) {
        throw new HoldfastError('invalid', `too long for the driver fuse-native: ${text}`, { code: 'fuse-native-too-long', hint: `at most ${fuseNativeTextBytesMax} bytes of path and of options; or use driver = "event-loop"` });
      }
    }
    const { mounted, descriptor } = mountOnce(options.native, mountPoint, words, operations);
    const session = new PathSession({ ...options, mountPoint }, operations, descriptor, await MountPlace.of(mountPoint));
    void session.ended.then(() => mounted.ended());
    await Promise.race([operations.begun, session.ended]);
    if (session.#over) throw new HoldfastError('unavailable', `the mount on ${mountPoint} was ended before it began`, { code: 'mount-ended' });
    if (options.flags.some((word) => !libfuseFlags.has(word) && word !== 'relatime')) await session.#remountOrEnd(options.flags);
    return session;
  }

  private constructor(options: PathSessionOptions, operations: PathOperations, descriptor: number, place: MountPlace) {
    this.#options = options;
    this.mountPoint = options.mountPoint;
    this.#operations = operations;
    this.#descriptor = descriptor;
    this.#place = place;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#watch();
  }

  /** Ends the mount; 'conflict' (mount-busy) while it is in use and not `lazy`. Resolves when it is detached; `ended` says when it is over. */
  async unmount(options: { readonly lazy: boolean }): Promise<void> {
    if (!this.#over) await this.#place.unmount(options, () => this.#over);
  }

  /** Where else it still is, in words; see MountPlace. */
  elsewhere(): Promise<readonly string[]> {
    return this.#place.elsewhere();
  }

  /** Other flags (words of mount(8), all of them); see remount() of mount.ts. */
  async remount(flags: readonly string[]): Promise<void> {
    await this.#place.remount(flags);
  }

  /** The name goes, and everybody who is still inside gets errors. `ended` follows. */
  async cutOff(): Promise<void> {
    if (this.#over) return;
    const connection = connectionFile(this.#place.device ?? '');
    const place = await this.#place.find();
    let cut = false;
    // The kernel's control file system is not mounted everywhere. A forced unmount begins with the same cut, as long as there is a name.
    if (!existsSync(connection) && place !== null) cut = (await forceUnmount(place)) === 0;
    await this.unmount({ lazy: true });
    this.#operations.end();
    if (!cut) cut = await written(connection);
    if (cut || this.#over) return;
    // Nothing reaches it any more: whoever is inside gets errors from us, and from the kernel when this process ends.
    this.#operations.refuse();
    this.#end();
  }

  async #remountOrEnd(flags: readonly string[]): Promise<void> {
    try {
      await this.remount(flags);
    } catch (error) {
      await this.cutOff();
      await this.ended;
      throw error;
    }
  }

  #watch(): void {
    this.#options.clock.after(lookEveryMs, () => {
      if (isDevice(String(this.#descriptor))) this.#watch();
      else this.#end();
    });
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#operations.end();
    try {
      this.#options.fileSystem.destroy();
    } catch (error) {
      this.#options.onFatal(error);
    }
    this.#settleEnded();
  }
}

/**
 * Names may stay in the kernel for an hour: only the kernel changes them. Attributes not at all: two names of one file are two inodes
 * there. auto_cache keeps file contents over an open where time of change and size are the same.
 */
function optionsOf({ name, allowOther, flags }: PathSessionOptions): string {
  const source = `holdfast:${name}`.replace(/[\\,]/g, (special) => `\\${special}`);
  const fixed = ['subtype=holdfast', 'default_permissions', 'use_ino', 'big_writes', 'max_read=131072', 'entry_timeout=3600', 'attr_timeout=0', 'auto_cache'];
  return [`fsname=${source}`, ...fixed, ...(allowOther ? ['allow_other'] : []), ...flags.filter((word) => libfuseFlags.has(word))].join(',');
}

async function written(file: string): Promise<boolean> {
  try {
    await writeFile(file, '1');
    return true;
  } catch {
    return false;
  }
}

/** What libfuse opened is found by comparing: it does not say. */
function mountOnce(native: FuseNative, mountPoint: string, words: string, operations: PathOperations): { readonly mounted: FuseNativeMount; readonly descriptor: number } {
  const before = devices();
  try {
    const mounted = native.mount(mountPoint, words, operations.handlers);
    const descriptor = devices().find((found) => !before.includes(found));
    if (descriptor === undefined) throw new Error('libfuse opened no device');
    return { mounted, descriptor };
  } catch (error) {
    throw new HoldfastError('unavailable', `cannot mount on ${mountPoint}: ${messageOf(error)}`, {
      code: 'mount-refused',
      hint: 'Check that /dev/fuse exists (modprobe fuse), that this user may open it, and that this process may mount (CAP_SYS_ADMIN, or the package fuse3; in a container also --device /dev/fuse). The log may say more.',
      cause: error,
    });
  }
}

function devices(): readonly number[] {
  return readdirSync('/proc/self/fd').filter(isDevice).map(Number);
}

function isDevice(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`) === deviceName;
  } catch {
    // Closed.
    return false;
  }
}
