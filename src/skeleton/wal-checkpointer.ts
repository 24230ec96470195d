// Moves the write-ahead log into the database file and says which chunks of the file that may have changed.
// Holds always: no frame is moved into the file, and none is overwritten by a log that begins anew, before it was harvested.
// Works synchronously: in image-worker.ts on its own thread, in the simulation on the caller's.
import { HoldfastError, messageOf } from '../base/errors.js';
import { openConnection, saysDamaged, walPath } from './connection.js';
import type { Connection } from './connection.js';
import { WalPages } from './wal-pages.js';

interface CheckpointResult {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

const cacheBytes = 1024 * 1024;

export class WalCheckpointer {
  readonly #path: string;
  readonly #db: Connection;
  readonly #reader: Connection;
  readonly #pages: WalPages;

  constructor(path: string) {
    this.#path = path;
    this.#db = openConnection(path, { cacheBytes });
    this.#reader = openConnection(path, { cacheBytes });
    this.#pages = new WalPages(walPath(path));
  }

  /** While the writer goes on. Gives changed chunks. */
  passive(): Set<number> {
    // A reader pins the end of the log: nothing behind it is moved, so everything that is moved has been harvested; and a log
    // that is not moved entirely does not begin anew.
    this.#reader.exec('BEGIN');
    try {
      this.#reader.prepare('SELECT one FROM point').get();
      const chunks = this.#pages.harvest();
      this.#db.pragma('wal_checkpoint(PASSIVE)');
      return chunks;
    } finally {
      this.#reader.exec('COMMIT');
    }
  }

  /** While no transaction is open (between COMMIT and BEGIN): afterwards the file holds everything and the log is empty. */
  truncate(): Set<number> {
    const chunks = this.#pages.harvest();
    const [result] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as CheckpointResult[];
    if (result === undefined || result.busy !== 0) {
      throw new HoldfastError('internal', `the write-ahead log of ${this.#path} could not be moved into the file: a reader holds it`, {
        code: 'skeleton-checkpoint-busy',
        context: { path: this.#path, log: result?.log ?? -1, checkpointed: result?.checkpointed ?? -1 },
      });
    }
    return chunks;
  }

  /** SQLite's own check of one table and its indexes; messages, none when all is well. */
  integrity(table: string): readonly string[] {
    let rows: readonly { readonly integrity_check: string }[];
    try {
      rows = this.#db.pragma(`integrity_check(${table})`) as typeof rows;
    } catch (error) {
      // So damaged that it cannot be walked.
      if (saysDamaged(error)) return [messageOf(error)];
      throw error;
    }
    return rows.map((row) => row.integrity_check).filter((message) => message !== 'ok');
  }

  close(): void {
    this.#reader.close();
    this.#db.close();
  }
}
