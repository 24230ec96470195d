// The native part of the npm package fuse-native, as native/fuse-native builds it against the system's libfuse 2: loading it, its
// requests and answers as types. The package's own index.js is left out (docs/decisions/second-driver.md). A mount lives until
// its process ends; libfuse's threads each wait for the answer to one request.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HoldfastError, messageOf } from '../base/errors.js';

/** Arguments of each request. Texts were decoded as UTF-8, what is not became U+FFFD; 64-bit values come as two halves; buffers are the kernel side's memory until the answer. */
export interface FuseNativeRequests {
  init: [];
  statfs: [path: string];
  getattr: [path: string];
  fgetattr: [path: string, handle: number];
  fsync: [path: string, dataOnly: number, handle: number];
  fsyncdir: [path: string, dataOnly: number, handle: number];
  readdir: [path: string];
  truncate: [path: string, sizeLow: number, sizeHigh: number];
  ftruncate: [path: string, handle: number, sizeLow: number, sizeHigh: number];
  /** Times as packed by native/fuse-native/corrections.h. */
  utimens: [path: string, atimeLow: number, atimeHigh: number, mtimeLow: number, mtimeHigh: number];
  readlink: [path: string];
  chown: [path: string, uid: number, gid: number];
  chmod: [path: string, mode: number];
  mknod: [path: string, mode: number, rdev: number];
  setxattr: [path: string, name: string, value: Buffer, position: number, flags: number];
  getxattr: [path: string, name: string, room: Buffer, position: number];
  listxattr: [path: string, room: Buffer];
  removexattr: [path: string, name: string];
  open: [path: string, flags: number];
  read: [path: string, handle: number, into: Buffer, length: number, offsetLow: number, offsetHigh: number];
  write: [path: string, handle: number, data: Buffer, length: number, offsetLow: number, offsetHigh: number];
  release: [path: string, handle: number];
  create: [path: string, mode: number];
  unlink: [path: string];
  rename: [from: string, to: string];
  link: [from: string, to: string];
  symlink: [target: string, path: string];
  mkdir: [path: string, mode: number];
  rmdir: [path: string];
}

export type FuseNativeRequest = keyof FuseNativeRequests;

/** Exactly one call a request: 0 or more, or a negative errno; then what the request's answer carries, also when it failed. */
export type FuseNativeAnswer = (result: number, ...rest: readonly unknown[]) => void;

/** Called in turns of the event loop; must not throw. */
export type FuseNativeHandlers = { readonly [Name in FuseNativeRequest]: (answer: FuseNativeAnswer, ...request: FuseNativeRequests[Name]) => void };

export interface FuseNative {
  /** mount(2), then libfuse's threads: `init` is the first request. Throws when the kernel (or fusermount) refuses. `options`: as for mount(8). */
  mount(mountPoint: string, options: string, handlers: FuseNativeHandlers): FuseNativeMount;
}

export interface FuseNativeMount {
  /** It has ended: it does not keep the process alive any more. Does not unmount. */
  ended(): void;
}

/** Bytes of mount point and of options that the native part has room for. */
export const fuseNativeTextBytesMax = 1000;

type Signal = (thread: Buffer, result: number, ...rest: readonly unknown[]) => void;
type Handler = (thread: Buffer, operation: number, ...request: never[]) => void;
type RawFuseNative = Readonly<Record<`op_${FuseNativeRequest}`, number>> &
  Readonly<Record<`fuse_native_signal_${FuseNativeRequest}`, Signal>> & {
    readonly sizeof_fuse_thread_t: number;
    fuse_native_mount(mountPoint: string, options: string, session: Buffer, self: object, allocate: (bytes: number) => Buffer, handlers: readonly Handler[], implemented: Uint32Array): void;
    fuse_native_unmount(mountPoint: string, session: Buffer): void;
  };

const requestSlots = 35;

/** 'unavailable' (fuse-native-missing), with what to install, where it was not built or libfuse 2 is not there. */
export function loadFuseNative(from: string = dirname(fileURLToPath(import.meta.url))): FuseNative {
  const file = find(from);
  if (file === null) throw missing('it was not built', 'As root: apt-get install libfuse2 libfuse-dev; then `make setup` in the source of Holdfast (and `make install`).');
  try {
    return new LoadedFuseNative(createRequire(import.meta.url)(file) as RawFuseNative); // its shape is that of the pinned release
  } catch (error) {
    throw missing(messageOf(error), 'As root: apt-get install libfuse2', error);
  }
}

class LoadedFuseNative implements FuseNative {
  readonly #raw: RawFuseNative;
  /** Memory that libfuse's threads use: it must never be collected. */
  readonly #kept: Buffer[] = [];

  constructor(raw: RawFuseNative) {
    this.#raw = raw;
  }

  mount(mountPoint: string, options: string, handlers: FuseNativeHandlers): FuseNativeMount {
    const raw = this.#raw;
    const table: Handler[] = [];
    const implemented = new Uint32Array(requestSlots);
    for (const [name, handle] of Object.entries(handlers) as [FuseNativeRequest, (answer: FuseNativeAnswer, ...request: unknown[]) => void][]) {
      const signal = raw[`fuse_native_signal_${name}`];
      table[raw[`op_${name}`]] = (thread: Buffer, _operation: number, ...request: unknown[]) => handle((result, ...rest) => signal(thread, result, ...rest), ...request);
      implemented[raw[`op_${name}`]] = 1;
    }
    const session = this.#allocate(raw.sizeof_fuse_thread_t);
    raw.fuse_native_mount(mountPoint, `-o${options}`, session, this, (bytes) => this.#allocate(bytes), table, implemented);
    // Its name says more than it does.
    return { ended: () => raw.fuse_native_unmount(mountPoint, session) };
  }

  #allocate(bytes: number): Buffer {
    const memory = Buffer.alloc(bytes);
    this.#kept.push(memory);
    return memory;
  }
}

function find(from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'native', 'fuse-native', 'build', 'Release', 'fuse_native.node');
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return null;
  }
}

function missing(why: string, hint: string, cause?: unknown): HoldfastError {
  return new HoldfastError('unavailable', `the driver fuse-native cannot be used: ${why}`, { code: 'fuse-native-missing', hint, cause });
}
