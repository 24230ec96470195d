// A disk that fails where a test wants it to. Every call is shown to `decide`, which may answer with a fault.
// A failed sync behaves as on Linux: what was un-synced may or may not be on the disk and no later sync changes that.
import { assert } from '../base/assert.js';
import { cellBytes } from '../base/limits.js';
import { diskFull, diskGone, diskIo, logAbandoned } from './disk-errors.js';
import type { Disk, DiskCounters, LogFile } from './disk.js';
import { WrappedDisk, type DiskCall, type DiskOperation } from './wrapped-disk.js';

export type Fault =
  /** Fails without having done anything ('io' on a sync: see above). */
  | { readonly type: 'io' | 'full' }
  /** Does it, then says that it failed. */
  | { readonly type: 'done-but-failed' }
  /** Waits for `release`, then goes on. */
  | { readonly type: 'hang' }
  /** A read gives one wrong bit, at this bit of what it reads. */
  | { readonly type: 'flip'; readonly bit: number }
  /** From now on the disk is not there any more. */
  | { readonly type: 'gone' };

/** `nth` counts the calls of this operation from 1. */
export type Decide = (call: DiskCall, nth: number) => Fault | undefined;

/** The fault at the nth call of an operation (and at no other). */
export function atNth(operation: DiskOperation, nth: number, fault: Fault): Decide {
  return (call, count) => (call.operation === operation && count === nth ? fault : undefined);
}

export class FaultyDisk extends WrappedDisk {
  /** May be replaced at any time. */
  decide: Decide;
  readonly #counts = new Map<DiskOperation, number>();
  readonly #abandoned = new WeakSet<LogFile>();
  #hanging: (() => void)[] = [];
  #gone = false;
  #errors = 0;

  constructor(inner: Disk, decide: Decide = () => undefined) {
    super(inner);
    this.decide = decide;
  }

  /** Calls that hang now. */
  get hanging(): number {
    return this.#hanging.length;
  }

  /** Lets all hanging calls go on. */
  release(): void {
    const waiting = this.#hanging;
    this.#hanging = [];
    for (const goOn of waiting) goOn();
  }

  /** From now on every call fails; hanging ones too, once released. */
  disappear(): void {
    this.#gone = true;
  }

  /** Undoes `disappear`: the cable was put back. */
  reappear(): void {
    this.#gone = false;
  }

  override counters(): DiskCounters {
    const counters = this.inner.counters();
    return { ...counters, errors: counters.errors + this.#errors };
  }

  /** As the two calls that it is, so that either can fail. */
  protected override async writeDurably(log: LogFile, call: DiskCall, buffers: readonly Buffer[]): Promise<void> {
    await this.around({ ...call, operation: 'log-write' }, () => log.write(call.offset, buffers));
    await this.around({ ...call, operation: 'log-sync', offset: 0, bytes: 0 }, () => log.sync());
  }

  protected override async around<Result>(call: DiskCall, work: () => Promise<Result>): Promise<Result> {
    const nth = (this.#counts.get(call.operation) ?? 0) + 1;
    this.#counts.set(call.operation, nth);
    const fault = this.#gone ? undefined : this.decide(call, nth);
    if (fault?.type === 'hang') await new Promise<void>((resolve) => this.#hanging.push(resolve));
    if (fault?.type === 'gone') this.disappear();
    this.#refuse(call, fault);
    const result = await work();
    if (fault?.type === 'flip') return flip(call, result, fault.bit);
    if (fault?.type === 'done-but-failed') throw this.#failed(diskIo(this.#action(call)));
    return result;
  }

  #refuse(call: DiskCall, fault: Fault | undefined): void {
    const action = this.#action(call);
    const ends = call.operation === 'close' || call.operation === 'log-close';
    if (this.#gone && !ends) throw this.#failed(diskGone(action));
    if (call.log !== undefined && !ends && this.#abandoned.has(call.log)) throw logAbandoned(action);
    if (fault?.type === 'full') throw this.#failed(diskFull(action));
    if (fault?.type !== 'io') return;
    if (call.operation === 'log-sync' && call.log !== undefined) this.#failSync(call.log);
    throw this.#failed(diskIo(action));
  }

  #failSync(log: LogFile): void {
    this.#abandoned.add(log);
    // A MemoryDisk can forget what a failed sync forgets; a real one is as undefined as it gets by not syncing.
    if ('failSync' in log && typeof log.failSync === 'function') log.failSync();
  }

  #failed<Thrown>(error: Thrown): Thrown {
    this.#errors += 1;
    return error;
  }

  #action(call: DiskCall): { readonly verb: string; readonly disk: string; readonly file: string } {
    return { verb: call.operation, disk: this.path, file: call.path };
  }
}

function flip<Result>(call: DiskCall, result: Result, bit: number): Result {
  const bytes = call.into ?? result;
  assert(Buffer.isBuffer(bytes) && bytes.length > 0, 'only reads can have flipped bits');
  const at = Math.floor(bit / 8) % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  if (call.cells === undefined) return result;
  const cell = call.cells.firstCell + Math.floor(at / cellBytes);
  // readCells verifies on the disk's side of this wrapper: the cell is reported as it would have been.
  const bad = new Set([...(result as unknown as readonly number[]), cell]);
  return [...bad].sort((a, b) => a - b) as unknown as Result; // the result of readCells is a list of cells
}
