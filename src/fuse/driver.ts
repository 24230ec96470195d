// The two ways to the kernel behind one face: the event-loop channel (session.ts), and the npm package fuse-native (path-session.ts)
// for hosts where that is all there is. The configuration's `driver` chooses; everything above sees a DriverSession.
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { FuseDriver } from '../config/settings.js';
import type { FileSystem } from '../filesystem/contract.js';
import { loadFuseNative } from '../native/fuse-native.js';
import { driverLimits } from './driver-limits.js';
import type { MountOptions } from './mount.js';
import { PathSession } from './path-session.js';
import { FuseSession } from './session.js';

export interface DriverOptions extends MountOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A bug was met: the request got EIO, the session goes on, the daemon decides. */
  readonly onFatal: (error: unknown) => void;
  /** The kernel may hold written bytes back (FUSE_WRITEBACK_CACHE). The second driver cannot: 'invalid' (writeback-driver). */
  readonly writeback: boolean;
}

export interface DriverSession {
  /** Resolves when the kernel's side is gone, whoever ended it, and the file system has been told. Never rejects. */
  readonly ended: Promise<unknown>;
  /** 'conflict' (mount-busy) while files in it are open, unless `lazy`: then the name goes at once; `ended` waits for the last of them. */
  unmount(options: { readonly lazy: boolean }): Promise<void>;
  /** Where else it still is; see MountPlace.elsewhere(). */
  elsewhere(): Promise<readonly string[]>;
  /** The name goes at once, whoever is still inside gets errors, and `ended` follows. */
  cutOff(): Promise<void>;
  /** Other flags: all of them, as words of mount(8). 'conflict' (mount-busy), 'unavailable' (remount-refused). */
  remount(flags: readonly string[]): Promise<void>;
}

/** Resolves when the mount answers. 'unavailable' (fuse-native-missing) where that driver cannot be loaded. */
export async function mountWith(driver: FuseDriver, options: DriverOptions): Promise<DriverSession> {
  if (driver === 'fuse-native') {
    if (options.writeback) {
      throw new HoldfastError('invalid', 'mount.writeback does not go with driver = "fuse-native"', { code: 'writeback-driver', hint: 'Leave writeback out, or choose driver = "event-loop".' });
    }
    options.logger.warn({ driver }, driverLimits[driver] ?? '');
    return PathSession.mount({ ...options, native: loadFuseNative() });
  }
  const session = await FuseSession.mount({ ...options, settings: { writebackCache: options.writeback } });
  return {
    ended: session.ended,
    unmount: (how) => session.unmount(how),
    elsewhere: () => session.elsewhere(),
    async cutOff() {
      await session.unmount({ lazy: true });
      session.abort();
    },
    remount: (flags) => session.remount(flags),
  };
}
