// The volume's disks and their states; a disk's UUID stands here once, shard rows use its small number.
import { assert } from '../base/assert.js';
import { asDiskId } from '../base/ids.js';
import type { DiskId } from '../base/ids.js';
import type { DiskRecord, DiskState } from '../format/records.js';
import type { DiskRow } from './contract.js';
import type { Connection } from './connection.js';

interface DiskColumns {
  readonly number: number;
  readonly uuid: string;
  readonly path: string;
  readonly state: DiskState;
  readonly reason: string;
  readonly sec: number;
  readonly nsec: number;
}

function statements(db: Connection) {
  return {
    all: db.prepare<[], DiskColumns>('SELECT * FROM disk WHERE state IS NOT NULL ORDER BY number'),
    numbers: db.prepare<[], { readonly number: number; readonly uuid: string }>('SELECT number, uuid FROM disk'),
    insert: db.prepare<[number, string]>("INSERT INTO disk (number, uuid, path, state, reason, sec, nsec) VALUES (?, ?, '', NULL, '', 0, 0)"),
    set: db.prepare<[string, string, string, number, number, number]>('UPDATE disk SET path = ?, state = ?, reason = ?, sec = ?, nsec = ? WHERE number = ?'),
  };
}

export class Disks {
  readonly #sql: ReturnType<typeof statements>;
  readonly #numbers = new Map<string, number>();
  readonly #ids = new Map<number, string>();

  constructor(db: Connection) {
    this.#sql = statements(db);
    for (const row of this.#sql.numbers.all()) this.#remember(row.number, row.uuid);
  }

  all(): readonly DiskRow[] {
    return this.#sql.all.all().map((row) => ({
      disk: asDiskId(row.uuid),
      path: row.path,
      state: row.state,
      reason: row.reason,
      since: { sec: row.sec, nsec: row.nsec },
    }));
  }

  set(record: DiskRecord): void {
    this.#sql.set.run(record.path, record.state, record.reason, record.time.sec, record.time.nsec, this.number(record.disk));
  }

  find(disk: DiskId): number | null {
    return this.#numbers.get(disk) ?? null;
  }

  /** The disk's number; one that no disk record described yet gets a row without a state. */
  number(disk: DiskId): number {
    const known = this.#numbers.get(disk);
    if (known !== undefined) return known;
    const next = this.#numbers.size + 1;
    this.#sql.insert.run(next, disk);
    this.#remember(next, disk);
    return next;
  }

  id(number: number): string {
    const id = this.#ids.get(number);
    assert(id !== undefined, `disk number ${number} is known`);
    return id;
  }

  #remember(number: number, uuid: string): void {
    this.#numbers.set(uuid, number);
    this.#ids.set(number, uuid);
  }
}
