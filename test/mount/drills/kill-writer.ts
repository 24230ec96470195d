// A writer of the kill drill, as a process of its own: `kill-writer FOLDER SEED KIND`, told what to do by messages of its parent.
// `run`: works until the mount is gone, then tells how far it came. `verify`: finds out how many of the operations are there,
// proves that this is a prefix and that nothing else is, and takes that as the state to go on from.
import assert from 'node:assert/strict';
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SeededRandom } from '../../../src/base/random.js';
import { after, appendRecord, difference, emptyState, History, type Operation, perform, recordsIn, type State, type WriterKind } from './kill-history.js';

export type WriterOrder = { readonly type: 'make' } | { readonly type: 'run'; readonly life: number } | { readonly type: 'verify' };

export interface Stopped {
  readonly type: 'stopped';
  /** Operations that were answered, and those of them that a successful fsync covers. */
  readonly answered: number;
  readonly synced: number;
  readonly fsyncs: number;
  /** Error code that ended the life, and the call it came from. */
  readonly code: string;
}

export interface Verified {
  readonly type: 'verified';
  readonly problem: string | null;
  /** Operations of the last life that are there. */
  readonly survived: number;
  /** Monotonic microseconds, the same clock for all processes: when the last operation that is there began... */
  readonly lastSurvivedBegan: number | null;
  /** ... and when the first answered one that is not there had ended. */
  readonly firstLostEnded: number | null;
}

export type WriterReply = { readonly type: 'made' } | { readonly type: 'running' } | Stopped | Verified;

const [folder = '', seedText = '', kind = ''] = process.argv.slice(2);
assert.ok(kind === 'mixed' || kind === 'bulk');
const writer = new (class Writer {
  readonly #kind: WriterKind;
  readonly #seed = Number(seedText);
  #state: State = emptyState;
  #life = 0;
  #answered = 0;
  #synced = 0;
  #began: number[] = [];
  #ended: number[] = [];
  /** Logs of earlier lives stay as they were: path, life and count. */
  readonly #earlier: (readonly [number, number])[] = [];

  constructor(writerKind: WriterKind) {
    this.#kind = writerKind;
  }

  /** The folders, durable with everything above them. */
  make(): void {
    for (const name of ['', 'd0', 'd1']) mkdirSync(join(folder, name));
    for (const path of [folder, dirname(folder)]) sync(path);
  }

  /** Works until an error comes. */
  run(life: number): Stopped {
    this.#life = life;
    this.#answered = 0;
    this.#synced = 0;
    this.#began = [];
    this.#ended = [];
    const history = this.#history();
    const chances = new SeededRandom(this.#seed ^ life);
    let fsyncs = 0;
    try {
      for (;;) {
        const operation = history.next();
        this.#began.push(microseconds());
        perform(folder, operation);
        this.#ended.push(microseconds());
        this.#answered++;
        const chance = chances.below(60);
        // Before its record or after it, on the file, its folder or the log.
        if (chance === 0) fsyncs += this.#fsync(syncTarget(operation));
        appendRecord(this.#log(life), life, this.#answered);
        if (chance === 1) fsyncs += this.#fsync(this.#log(life));
        if (chance === 2) fsyncs += this.#fsync(dirname(syncTarget(operation)));
      }
    } catch (error) {
      const { code = String(error), syscall = '' } = error as NodeJS.ErrnoException;
      return { type: 'stopped', answered: this.#answered, synced: this.#synced, fsyncs, code: `${code} ${syscall}` };
    }
  }

  verify(): Verified {
    const logged = recordsIn(this.#log(this.#life), this.#life);
    for (const [life, count] of this.#earlier) assert.equal(recordsIn(this.#log(life), life), count, `the log of life ${life} is what it was`);
    const history = this.#history();
    let operation: Operation | null = null;
    for (let done = 0; done < logged; done++) operation = history.next();
    const found = this.#find(history, logged);
    if (typeof found === 'string')
      return {
        type: 'verified',
        problem: `life ${this.#life}, ${logged} records, answered ${this.#answered}, synced ${this.#synced}: ${found}; last operation ${describe(operation)}`,
        survived: logged,
        lastSurvivedBegan: null,
        firstLostEnded: null,
      };
    const { survived, state } = found;
    this.#earlier.push([this.#life, logged]);
    this.#state = state;
    const problem =
      survived < this.#synced
        ? `life ${this.#life}: ${this.#synced} operations were fsynced, ${survived} are there`
        : survived > this.#answered + 1
          ? `life ${this.#life}: ${survived} operations are there, ${this.#answered} were answered`
          : null;
    return { type: 'verified', problem, survived, lastSurvivedBegan: this.#began[survived - 1] ?? null, firstLostEnded: this.#ended[survived] ?? null };
  }

  /** As many as are recorded, or one more; of that one a write may be there in part. */
  #find(history: History, logged: number): { readonly survived: number; readonly state: State } | string {
    const exact = difference(folder, history.state);
    if (exact === null) return { survived: logged, state: history.state };
    const before = history.state;
    const next = history.next();
    const one = difference(folder, history.state);
    if (one === null) return { survived: logged + 1, state: history.state };
    const part = next.kind === 'write' ? partOf(before, next) : null;
    if (part !== null) return { survived: logged, state: part };
    return `neither that (${exact}) nor with the next one, ${describe(next)} (${one})`;
  }

  #history(): History {
    return new History(this.#seed * 1009 + this.#life, this.#kind, this.#state);
  }

  #log(life: number): string {
    return join(folder, `log-${life}`);
  }

  #fsync(path: string): number {
    const { length } = this.#ended;
    sync(path);
    this.#synced = length;
    return 1;
  }
})(kind);

/** The kernel cuts a write into requests at the borders of pages: the history may end between two of them. */
function partOf(before: State, write: Operation & { readonly kind: 'write' }): State | null {
  for (let end = write.bytes.length - 1; end > 0; end--) {
    if ((write.offset + end) % 4096 !== 0) continue;
    const state = after(before, { ...write, bytes: write.bytes.subarray(0, end) });
    if (difference(folder, state) === null) return state;
  }
  return null;
}

function syncTarget(operation: Operation): string {
  if (operation.kind === 'unlink') return join(folder, dirname(operation.name));
  return join(folder, 'to' in operation ? operation.to : operation.name);
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function describe(operation: Operation | null): string {
  return operation === null ? 'none' : JSON.stringify({ ...operation, ...('bytes' in operation ? { bytes: operation.bytes.length } : {}) });
}

function tell(reply: WriterReply, then: () => void = () => {}): void {
  process.send?.(reply, then);
}

process.on('message', (message) => {
  const order = message as WriterOrder; // our parent is the only sender
  if (order.type === 'make') {
    writer.make();
    tell({ type: 'made' });
  } else if (order.type === 'run') {
    // The work blocks this thread: the word has to be out first.
    tell({ type: 'running' }, () => tell(writer.run(order.life)));
  } else {
    tell(verified());
  }
});

function verified(): Verified {
  try {
    return writer.verify();
  } catch (error) {
    return { type: 'verified', problem: error instanceof Error ? (error.stack ?? error.message) : String(error), survived: 0, lastSurvivedBegan: null, firstLostEnded: null };
  }
}
