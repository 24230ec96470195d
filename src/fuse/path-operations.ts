// The requests of the driver fuse-native, in the file system's terms: paths become inodes, text becomes bytes, and everything is
// done as the user who mounted. Admission is asked for right before the call. Every request is answered once, whatever goes wrong.
import { constants as fsConstants } from 'node:fs';
import { constants } from 'node:os';
import type { Clock } from '../base/clock.js';
import { fromWords } from '../base/file-offset.js';
import type { Ino } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import { printable } from '../base/printable.js';
import { type Caller, type Entry, type FileSystem, PosixError, type SetAttributes } from '../filesystem/contract.js';
import type { Inode } from '../skeleton/contract.js';
import type { FuseNativeAnswer, FuseNativeHandlers } from '../native/fuse-native.js';
import { Failures } from './failure.js';
import { bytesOf, listedStatOf, noStat, noStatvfs, statOf, statvfsOf, textOf, timeOf } from './path-encoding.js';
import { PathNodes } from './path-nodes.js';

const { EBADF, EILSEQ, ENOTCONN, EOPNOTSUPP, ERANGE } = constants.errno;
/** Who makes a file is its owner here, so nobody may make one that runs as its owner: setuid and setgid are left out of new modes. */
const newModeBits = 0o1777;
const permissionBits = 0o7777;
const typeBits = 0o170000;
const unchangedId = 0xffffffff;
const warningsMax = 100;

export interface PathOperationsOptions {
  readonly fileSystem: FileSystem;
  /** Whoever mounted. */
  readonly caller: Caller;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: unknown) => void;
}

type Result = readonly [result: number, ...rest: readonly unknown[]];
const done: Result = [0];

export class PathOperations {
  readonly #options: PathOperationsOptions;
  readonly #failures: Failures;
  readonly #fileSystem: FileSystem;
  readonly #nodes: PathNodes;
  readonly #caller: Caller;
  readonly #open = new Map<number, Ino>();
  readonly #parked = new Set<(error: unknown) => void>();
  readonly #warned = new Set<string>();
  #ended = false;
  #refuses = false;
  #begun: () => void = () => {};
  /** Resolves when the kernel has agreed. */
  readonly begun = new Promise<void>((resolve) => {
    this.#begun = resolve;
  });

  constructor(options: PathOperationsOptions) {
    this.#failures = new Failures(options);
    this.#options = options;
    this.#fileSystem = options.fileSystem;
    this.#nodes = new PathNodes(options.fileSystem);
    this.#caller = options.caller;
  }

  /** The connection was cut: what waits for admission is given up and never begins, now and later. */
  end(): void {
    this.#ended = true;
    for (const giveUp of this.#parked) giveUp(gone());
  }

  /** Nothing is done any more, not even what could be done at once. */
  refuse(): void {
    this.end();
    this.#refuses = true;
  }

  readonly handlers: FuseNativeHandlers = {
    init: this.#serving(async () => {
      this.#begun();
      return done;
    }),
    statfs: this.#serving(async () => [0, statvfsOf(await this.#fileSystem.statfs())], () => [noStatvfs]),
    getattr: this.#serving((path: string) => this.#nodes.at(path, attributes), () => [noStat]),
    fgetattr: this.#serving(async (_path: string, handle: number) => attributes(await this.#fileSystem.getattr(this.#ino(handle))), () => [noStat]),
    readlink: this.#serving((path: string) => this.#nodes.at(path, async ({ ino }) => [0, this.#text(await this.#fileSystem.readlink(ino), path)]), () => ['']),
    readdir: this.#serving((path: string) => this.#nodes.at(path, ({ ino }) => this.#list(ino, path)), () => [[], []]),

    mknod: this.#serving((path: string, mode: number, rdev: number) =>
      this.#make(path, (parent, name) => this.#fileSystem.mknod(this.#caller, parent, name, (mode & typeBits) | (mode & newModeBits), rdev, 0)),
    ),
    mkdir: this.#serving((path: string, mode: number) => this.#make(path, (parent, name) => this.#fileSystem.mkdir(this.#caller, parent, name, mode & newModeBits, 0))),
    symlink: this.#serving(async (target: string, path: string) => {
      const bytes = bytesOf(target);
      return this.#make(path, (parent, name) => this.#fileSystem.symlink(this.#caller, parent, name, bytes));
    }),
    link: this.#serving((from: string, to: string) => this.#nodes.at(from, ({ ino }) => this.#make(to, (parent, name) => this.#fileSystem.link(ino, parent, name)))),
    unlink: this.#serving((path: string) => this.#nodes.inside(path, (parent, name) => this.#change(() => this.#fileSystem.unlink(parent, name), true))),
    rmdir: this.#serving((path: string) => this.#nodes.inside(path, (parent, name) => this.#change(() => this.#fileSystem.rmdir(parent, name), true))),
    rename: this.#serving((from: string, to: string) =>
      this.#nodes.inside(from, (fromParent, fromName) =>
        this.#nodes.inside(to, (toParent, toName) => this.#change(() => this.#fileSystem.rename(fromParent, fromName, toParent, toName, 0))),
      ),
    ),

    chmod: this.#serving((path: string, mode: number) => this.#set(path, { mode: mode & permissionBits })),
    chown: this.#serving((path: string, uid: number, gid: number) => this.#set(path, { uid: uid === unchangedId ? undefined : uid, gid: gid === unchangedId ? undefined : gid })),
    utimens: this.#serving((path: string, atimeLow: number, atimeHigh: number, mtimeLow: number, mtimeHigh: number) =>
      this.#set(path, { atime: timeOf(atimeLow, atimeHigh), mtime: timeOf(mtimeLow, mtimeHigh) }),
    ),
    truncate: this.#serving((path: string, low: number, high: number) => this.#set(path, { size: fromWords(low, high) })),
    ftruncate: this.#serving((_path: string, handle: number, low: number, high: number) => this.#setAttributes(this.#ino(handle), { size: fromWords(low, high) })),

    open: this.#serving((path: string, flags: number) => this.#nodes.at(path, ({ ino }) => this.#openFile(ino, flags)), () => [0]),
    create: this.#serving((path: string, mode: number) => this.#nodes.inside(path, (parent, name) => this.#create(parent, name, mode & newModeBits)), () => [0]),
    read: this.#serving(
      async (_path: string, handle: number, into: Buffer, length: number, low: number, high: number) => {
        const data = await this.#fileSystem.read(this.#ino(handle), handle, fromWords(low, high), length);
        return [data.copy(into), 0, into.buffer];
      },
      (_path, _handle, into) => [0, into.buffer],
    ),
    write: this.#serving(
      async (_path: string, handle: number, data: Buffer, length: number, low: number, high: number) => {
        const ino = this.#ino(handle);
        // Parked or not: the bytes stay where they are until the answer. What a write takes from setuid programs the kernel asks for by itself.
        await this.#admitted(length);
        return [await this.#fileSystem.write(ino, handle, fromWords(low, high), data, false), 0, data.buffer];
      },
      (_path, _handle, data) => [0, data.buffer],
    ),
    release: this.#serving(async (_path: string, handle: number) => {
      const ino = this.#ino(handle);
      this.#open.delete(handle);
      this.#fileSystem.release(ino, handle);
      return done;
    }),
    fsync: this.#serving(async (_path: string, dataOnly: number, handle: number) => {
      await this.#fileSystem.fsync(this.#ino(handle), dataOnly !== 0);
      return done;
    }),
    fsyncdir: this.#serving((path: string) =>
      this.#nodes.at(path, async ({ ino }) => {
        await this.#fileSystem.fsyncdir(ino);
        return done;
      }),
    ),

    setxattr: this.#serving(
      async (path: string, name: string, value: Buffer, _position: number, flags: number) => {
        // The kernel applies no access control lists here, so none may be made: it would only look as if it held.
        if (name.startsWith('system.')) throw new PosixError(EOPNOTSUPP, 'EOPNOTSUPP: no access control lists with the driver fuse-native');
        const kept = Buffer.from(value);
        await this.#nodes.at(path, ({ ino }) => this.#change(() => this.#fileSystem.setxattr(this.#caller, ino, bytesOf(name), kept, flags)));
        return [0, value.buffer];
      },
      (_path, _name, value) => [value.buffer],
    ),
    getxattr: this.#serving(
      (path: string, name: string, room: Buffer) => this.#nodes.at(path, async ({ ino }) => sized(await this.#fileSystem.getxattr(ino, bytesOf(name)), room)),
      (_path, _name, room) => [room.buffer],
    ),
    listxattr: this.#serving(
      (path: string, room: Buffer) => this.#nodes.at(path, async ({ ino }) => sized(await this.#fileSystem.listxattr(ino, this.#caller), room)),
      (_path, room) => [room.buffer],
    ),
    removexattr: this.#serving((path: string, name: string) => this.#nodes.at(path, ({ ino }) => this.#change(() => this.#fileSystem.removexattr(ino, bytesOf(name))))),
  };

  /** `rest`: what the answer carries although the request failed. */
  #serving<Request extends unknown[]>(
    run: (...request: Request) => Promise<Result>,
    rest: (...request: Request) => readonly unknown[] = () => [],
  ): (answer: FuseNativeAnswer, ...request: Request) => void {
    return (answer, ...request) => {
      const result = this.#refuses ? Promise.reject(gone()) : run(...request);
      result
        .then(
          ([result, ...carried]) => answer(result, ...carried),
          (error) => answer(-this.#failures.errnoOf(error), ...rest(...request)),
        )
        .catch((error) => this.#options.onFatal(error));
    };
  }

  // ---- changes ------------------------------------------------------------------------------

  /** Resolves in the turn in which the change may be made. */
  async #admitted(bytes: number, frees = false): Promise<void> {
    for (let wait = this.#fileSystem.admit(bytes, frees); wait !== null; wait = this.#fileSystem.admit(bytes, frees)) await this.#park(wait);
  }

  #park(wait: Promise<void>): Promise<void> {
    if (this.#ended) {
      wait.catch(() => {});
      throw gone();
    }
    return new Promise((resolve, reject) => {
      this.#parked.add(reject);
      wait.then(resolve, reject).finally(() => this.#parked.delete(reject));
    });
  }

  async #change(change: () => void | Promise<void>, frees = false): Promise<Result> {
    await this.#admitted(0, frees);
    await change();
    return done;
  }

  /** The kernel keeps no references here: what the new entry holds is given back. */
  async #make(path: string, make: (parent: Ino, name: Buffer) => Entry | Promise<Entry>): Promise<Result> {
    return this.#nodes.inside(path, async (parent, name) => {
      await this.#admitted(0);
      const { inode } = await make(parent, name);
      this.#fileSystem.forget(inode.ino, 1);
      return done;
    });
  }

  #set(path: string, set: SetAttributes): Promise<Result> {
    return this.#nodes.at(path, ({ ino }) => this.#setAttributes(ino, set));
  }

  async #setAttributes(ino: Ino, set: SetAttributes): Promise<Result> {
    await this.#admitted(0, set.size !== undefined);
    await this.#fileSystem.setattr(this.#caller, ino, set);
    return done;
  }

  // ---- open files and lists -----------------------------------------------------------------

  async #openFile(ino: Ino, flags: number): Promise<Result> {
    if ((flags & fsConstants.O_TRUNC) !== 0) await this.#admitted(0, true);
    const { handle } = await this.#fileSystem.open(ino, flags, false);
    this.#open.set(handle, ino);
    return [0, handle];
  }

  /** Flags do not arrive. The kernel has looked the name up under its lock of the directory: it is free. */
  async #create(parent: Ino, name: Buffer, mode: number): Promise<Result> {
    await this.#admitted(0);
    const { inode, handle } = await this.#fileSystem.create(this.#caller, parent, name, mode, fsConstants.O_RDWR | fsConstants.O_CREAT, 0);
    this.#fileSystem.forget(inode.ino, 1);
    this.#open.set(handle, inode.ino);
    return [0, handle];
  }

  #ino(handle: number): Ino {
    const ino = this.#open.get(handle);
    if (ino === undefined) throw new PosixError(EBADF, 'EBADF: no such open handle');
    return ino;
  }

  /** libfuse wants the whole directory at once. */
  async #list(ino: Ino, path: string): Promise<Result> {
    const names: string[] = [];
    const stats: Uint32Array[] = [];
    for (let cookie = 0; ; await this.#options.clock.turn()) {
      const entries = await this.#fileSystem.list(ino, cookie, rowsPerTurnMax, false);
      for (const entry of entries) {
        names.push(this.#text(entry.name, path));
        stats.push(listedStatOf(entry.ino, entry.mode));
      }
      const last = entries.at(-1);
      if (last === undefined) return [0, names, stats];
      cookie = last.cookie;
    }
  }

  /** A list without that name, or with another in its place, would be a wrong answer. */
  #text(name: Buffer, path: string): string {
    const text = textOf(name);
    if (text !== null) return text;
    if (this.#warned.size < warningsMax && !this.#warned.has(path)) {
      this.#warned.add(path);
      this.#options.logger.warn({ path: printable(Buffer.from(path)), name: printable(name) }, 'a name is not UTF-8: the driver fuse-native cannot show it, and refuses (EILSEQ); mount with driver = "event-loop" to reach it');
    }
    throw new PosixError(EILSEQ, 'EILSEQ: a name that is not UTF-8');
  }
}

function attributes(inode: Inode): Result {
  return [0, statOf(inode)];
}

/** An empty room asks for the size. */
function sized(value: Buffer, room: Buffer): Result {
  if (room.length === 0) return [value.length, room.buffer];
  if (value.length > room.length) throw new PosixError(ERANGE, 'ERANGE: the value does not fit');
  return [value.copy(room), room.buffer];
}

function gone(): PosixError {
  return new PosixError(ENOTCONN, 'ENOTCONN: the mount is gone');
}
