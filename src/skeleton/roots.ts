// Roots that the backup holds, newest last.
import { asLsn } from '../base/ids.js';
import type { RootRecord } from '../format/records.js';
import type { RootRow } from './contract.js';
import type { Connection } from './connection.js';

interface RootColumns {
  readonly sequence: number;
  readonly epoch: number;
  readonly cut: number;
  readonly sec: number;
  readonly nsec: number;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
}

function rowOf(row: RootColumns): RootRow {
  const { sequence, epoch, deltas, files, bytes } = row;
  return { sequence, epoch, cut: asLsn(row.cut), time: { sec: row.sec, nsec: row.nsec }, deltas, files, bytes };
}

function statements(db: Connection) {
  return {
    all: db.prepare<[], RootColumns>('SELECT * FROM root ORDER BY sequence'),
    last: db.prepare<[], RootColumns>('SELECT * FROM root ORDER BY sequence DESC LIMIT 1'),
    put: db.prepare('INSERT OR REPLACE INTO root VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    remove: db.prepare<[number]>('DELETE FROM root WHERE sequence = ?'),
  };
}

export class Roots {
  readonly #sql: ReturnType<typeof statements>;

  constructor(db: Connection) {
    this.#sql = statements(db);
  }

  all(): readonly RootRow[] {
    return this.#sql.all.all().map(rowOf);
  }

  last(): RootRow | null {
    const row = this.#sql.last.get();
    return row === undefined ? null : rowOf(row);
  }

  put(record: RootRecord): void {
    const { sequence, epoch, cut, time, deltas, files, bytes } = record;
    this.#sql.put.run(sequence, epoch, cut, time.sec, time.nsec, deltas, files, bytes);
  }

  /** Retired roots; ones that are not known are fine. */
  forget(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#sql.remove.run(sequence);
  }
}
