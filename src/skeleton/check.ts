// Proves the whole skeleton, on a connection of its own and on the last committed point, in short turns.
// A check holds a snapshot, and the write-ahead log cannot be emptied under it: when a consistency point has to do that the
// check gives way and ends with 'conflict' (check-interrupted).
import { setImmediate as turn } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../base/errors.js';
import { checkCounters } from './check-counters.js';
import { checkData } from './check-data.js';
import { checkEntries, checkInodes, checkReachability, checkSideTables } from './check-names.js';
import { finding } from './check-scan.js';
import type { Rule } from './check-scan.js';
import { CheckpointThread, inlineCheckpoints } from './checkpoint-thread.js';
import type { CheckFinding } from './contract.js';
import { openConnection, saysDamaged } from './connection.js';
import type { Connection } from './connection.js';

export interface CheckOptions {
  readonly path: string;
  readonly nameKey: Buffer;
  readonly pagesOnly: boolean;
  /** SQLite's own check on the caller's thread: for the simulation. */
  readonly inline: boolean;
  /** Checks that run now, for whoever must interrupt them. */
  readonly running: Set<{ interrupt(): Promise<void> }>;
  /** Between COMMIT and BEGIN the log may be about to be emptied: no snapshot is taken then. */
  readonly committing: () => boolean;
}

const tables = ['meta', 'point', 'inode', 'dirent', 'other_name', 'xattr', 'orphan', 'extent', 'trim', 'delta', 'segment', 'shard', 'disk', 'root'];

export async function* checkSkeleton(options: CheckOptions): AsyncGenerator<CheckFinding, void> {
  let run: CheckRun;
  try {
    run = new CheckRun(options);
  } catch (error) {
    if (!saysDamaged(error)) throw error;
    yield finding('integrity', 'the file', messageOf(error));
    return;
  }
  options.running.add(run);
  try {
    yield* checkIntegrity(run, options);
    // Rules walk what the tables say: in a file that is damaged below them they would only repeat it.
    if (run.damaged || options.pagesOnly) return;
    for (const rule of [
      (db: Connection) => checkEntries(db, options.nameKey),
      checkInodes, checkReachability, checkSideTables, checkData, checkCounters,
    ]) {
      yield* run.walk(rule);
    }
  } finally {
    options.running.delete(run);
    await run.interrupt();
  }
}

async function* checkIntegrity(run: CheckRun, options: CheckOptions): AsyncGenerator<CheckFinding, void> {
  const checkpoints = options.inline ? inlineCheckpoints(options.path) : new CheckpointThread(options.path);
  try {
    for (const table of tables) {
      for (const message of await run.step(checkpoints.integrity(table))) {
        run.damaged = true;
        yield finding('integrity', table, message);
      }
    }
  } finally {
    await checkpoints.close();
  }
}

class CheckRun {
  damaged = false;
  readonly #db: Connection;
  #step: Promise<unknown> = Promise.resolve();

  readonly #committing: () => boolean;

  constructor(options: CheckOptions) {
    this.#committing = options.committing;
    this.#db = openConnection(options.path, { readOnly: true, cacheBytes: 16 * 1024 * 1024 });
    this.#db.exec('BEGIN');
  }

  /** Lets the snapshot go; no statement is open between turns, so this may come at any time. */
  async interrupt(): Promise<void> {
    this.#db.close();
    await this.#step;
  }

  async step<T>(work: Promise<T>): Promise<T> {
    this.#step = work.catch(() => {}); // its failure is reported below; interrupt() only waits for its end
    const result = await work;
    this.#goOn();
    return result;
  }

  async *walk(rule: (db: Connection) => Rule): AsyncGenerator<CheckFinding, void> {
    this.#goOn();
    for (const found of rule(this.#db)) {
      if (found !== null) yield found;
      else await turn();
      this.#goOn();
    }
  }

  #goOn(): void {
    if (this.#db.open && !this.#committing()) return;
    throw new HoldfastError('conflict', 'the check was interrupted by a consistency point that needed the log for itself', {
      code: 'check-interrupted',
      hint: 'Run it again.',
    });
  }
}
