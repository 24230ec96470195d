// A Volume without disks: real answers from a MemoryTree, for tests of what stands on a volume.
// It can make callers wait for admission, answer reads late, fail on demand, and run out of space.
import { assert } from '../../src/base/assert.js';
import type { Clock, Timer, Timespec } from '../../src/base/clock.js';
import { HoldfastError } from '../../src/base/errors.js';
import type { FileOffset } from '../../src/base/file-offset.js';
import { asLsn, type Ino, type Lsn, NO_LSN } from '../../src/base/ids.js';
import { requestBytesMax, rowsPerTurnMax } from '../../src/base/limits.js';
import type { FileRecord } from '../../src/format/records.js';
import type { FlushReport, SkeletonView, Volume, VolumeSpace } from '../../src/volume/contract.js';
import { MemoryTree } from './memory-volume-tree.js';

/** Time that goes on by a microsecond whenever it is looked at; timers fire in the next turn of the event loop. */
export class SteppingClock implements Clock {
  #sec = 1_700_000_000;
  #nsec = 0;

  now(): Timespec {
    this.#nsec += 1_000;
    return { sec: this.#sec, nsec: this.#nsec };
  }

  advance(sec: number): void {
    this.#sec += sec;
  }

  monotonicMs(): number {
    return this.#sec * 1_000 + this.#nsec / 1e6;
  }

  after(_delayMs: number, action: () => void): Timer {
    const immediate = setImmediate(action);
    return { cancel: () => clearImmediate(immediate) };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

const nothingDue = { deltas: 0, files: 0, bytes: 0, oldest: null };

export class MemoryVolume implements Volume {
  /** What was deleted and gives its room back later. */
  roomToCome: () => Promise<void> | null = () => null;
  readonly clock = new SteppingClock();
  readonly tree = new MemoryTree(this.clock.now());
  /** Every applied record, in order; writes are not among them. */
  readonly applied: FileRecord[] = [];
  readOnly = false;
  totalBytes = 1024 ** 3;
  /** Reads answer in a later turn. */
  lateReads = false;
  /** Thrown by the next read, write or apply. */
  nextFailure: HoldfastError | null = null;
  syncs = 0;
  readonly #holds = new Map<Ino, number>();
  #gate: { readonly promise: Promise<void>; readonly open: () => void } | null = null;
  #lsn = NO_LSN;

  readonly view: SkeletonView = {
    lookup: (parent, name) => this.tree.lookup(parent, name),
    inode: (ino) => this.tree.inode(ino),
    childNames: (parent, cookie, limit) => this.tree.childNames(parent, cookie, limit),
    childrenWithInodes: (parent, cookie, limit) => this.tree.childrenWithInodes(parent, cookie, limit),
    hasChildren: (parent) => this.tree.hasChildren(parent),
    parentOf: (directory) => this.tree.parentOf(directory),
    symlinkTarget: (ino) => this.tree.symlinkTarget(ino),
    xattr: (ino, name) => this.tree.xattr(ino, name),
    xattrNames: (ino) => this.tree.xattrNames(ino),
    pathOf: (ino) => `inode ${ino}`,
    nextIno: () => this.tree.nextIno(),
    extents: (content, offset, length, limit) => this.tree.extents(content, offset, length, limit),
    extentCount: (content, offset, length, limit) => this.tree.extentCount(content, offset, length, limit),
    use: () => ({ files: this.tree.files, liveBytes: this.tree.liveBytes, unwrittenBytes: this.tree.unwrittenBytes }),
    deltas: () => [],
    backlog: () => nothingDue,
    roots: () => [],
    lastRoot: () => null,
  };

  /** From now on admit() makes everybody wait, until letIn(). */
  holdBack(): void {
    let open = (): void => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#gate = { promise, open };
  }

  letIn(): void {
    const gate = this.#gate;
    this.#gate = null;
    gate?.open();
  }

  admit(_bytes: number): Promise<void> | null {
    return this.#gate?.promise ?? null;
  }

  roomFor(bytes: FileOffset): Promise<void> | null {
    return bytes > this.space().freeBytes ? this.roomToCome() : null;
  }

  apply(record: FileRecord): Lsn {
    this.#assertAdmitted();
    if (record.type === 'punch' || record.type === 'preallocate') this.#assertShortTurn(record.ino, record.offset, record.length);
    this.#failIfAsked();
    const replaced = record.type === 'rename' && !record.exchange ? this.tree.lookup(record.toParent, record.toName) : null;
    this.tree.apply(record);
    this.applied.push(record);
    if (record.type === 'unlink') this.#reap(record.ino);
    if (replaced !== null) this.#reap(replaced.ino);
    this.#lsn = asLsn(this.#lsn + 1);
    return this.#lsn;
  }

  write(ino: Ino, offset: FileOffset, data: Buffer): void {
    this.#assertAdmitted();
    assert(data.length <= requestBytesMax, 'a write is one request at most');
    this.#failIfAsked();
    if (data.length > this.space().freeBytes) throw new HoldfastError('full', 'the volume is full', { code: 'volume-full' });
    this.tree.write(ino, offset, data, this.clock.now());
  }

  share(from: Ino, fromOffset: FileOffset, to: Ino, toOffset: FileOffset, length: number): number {
    this.#assertAdmitted();
    this.#failIfAsked();
    this.tree.share(from, fromOffset, to, toOffset, length, this.clock.now());
    return length;
  }

  read(ino: Ino, offset: FileOffset, length: number): Buffer | Promise<Buffer> {
    if (!this.lateReads) {
      this.#failIfAsked();
      return this.tree.bytes(ino, offset, length);
    }
    return new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.#failIfAsked();
      return this.tree.bytes(ino, offset, length);
    });
  }

  sync(): Promise<void> {
    this.syncs++;
    return Promise.resolve();
  }

  hold(ino: Ino): void {
    this.#holds.set(ino, this.holdsOf(ino) + 1);
  }

  unhold(ino: Ino, count: number): void {
    const left = this.holdsOf(ino) - count;
    assert(left >= 0, `inode ${ino} is not let go more often than it was held`);
    if (left > 0) this.#holds.set(ino, left);
    else this.#holds.delete(ino);
    this.#reap(ino);
  }

  holdsOf(ino: Ino): number {
    return this.#holds.get(ino) ?? 0;
  }

  space(): VolumeSpace {
    return { totalBytes: this.totalBytes, freeBytes: Math.max(0, this.totalBytes - this.tree.liveBytes), files: this.tree.files };
  }

  backlog(): typeof nothingDue {
    return nothingDue;
  }

  flush(): Promise<FlushReport> {
    return Promise.reject(new HoldfastError('invalid', 'a volume in memory has no backup', { code: 'no-backup' }));
  }

  readonly writersWait = false;

  due(): readonly string[] {
    return [];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #reap(ino: Ino): void {
    if (this.#holds.has(ino) || this.tree.inode(ino)?.nlink !== 0) return;
    this.tree.apply({ type: 'reap', ino, limit: rowsPerTurnMax });
    this.reaped(ino);
  }

  /** For those who keep a second account of what happens here. */
  protected reaped(_ino: Ino): void {}

  #failIfAsked(): void {
    const failure = this.nextFailure;
    this.nextFailure = null;
    if (failure !== null) throw failure;
  }

  #assertAdmitted(): void {
    assert(this.#gate === null, 'nothing changes while changes are held back');
  }

  #assertShortTurn(ino: Ino, offset: FileOffset, length: FileOffset): void {
    const inode = this.tree.inode(ino);
    assert(inode !== null && this.tree.extentCount(inode.content, offset, length, rowsPerTurnMax + 1) <= rowsPerTurnMax, 'a punch covers one turn of extents');
  }
}
