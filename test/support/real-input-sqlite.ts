// A SQLite database that is written all the time, by a process of its own: `node real-input-sqlite.js FILE` inserts rows, each in a
// synchronous transaction, and prints the number of rows after each commit. SqliteWriter starts it; checkDatabase judges the file.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Sqlite } from '../../src/skeleton/sqlite.js';

const digest = (id: number): Buffer => createHash('sha256').update(String(id)).digest();

export class SqliteWriter {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #rows = 0;
  #stopping = false;

  constructor(path: string) {
    this.#child = spawn(process.execPath, [fileURLToPath(import.meta.url), path], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#ended = once(this.#child, 'close');
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.#rows = Number(lines.at(-1) ?? this.#rows);
    });
  }

  /** Rows whose commit was answered. */
  get rows(): number {
    return this.#rows;
  }

  /** Ends it; throws when it had ended by itself, which it only does on an error. */
  async stop(): Promise<number> {
    this.#stopping = true;
    assert.equal(this.#child.exitCode, null, `the writer broke off after ${this.#rows} rows`);
    this.#child.kill('SIGKILL');
    await this.#ended;
    return this.#rows;
  }

  /** For cleaning up. */
  async end(): Promise<void> {
    if (!this.#stopping && this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Sound, and with at least the rows whose commit was answered, each as it was written. */
export function checkDatabase(path: string, rowsMin: number): number {
  const database = new Sqlite(path);
  try {
    assert.deepEqual(database.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    const rows = database.prepare<[], { id: number; digest: Buffer }>('SELECT id, digest FROM written ORDER BY id').all();
    rows.forEach((row, index) => {
      assert.equal(row.id, index + 1);
      assert.ok(row.digest.equals(digest(row.id)), `row ${row.id}`);
    });
    assert.ok(rows.length >= rowsMin, `${rows.length} rows, ${rowsMin} commits were answered`);
    return rows.length;
  } finally {
    database.close();
  }
}

function write(path: string): never {
  const database = new Sqlite(path);
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE IF NOT EXISTS written (id INTEGER PRIMARY KEY, digest BLOB NOT NULL, filler BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO written (digest, filler) VALUES (?, ?)');
  let rows = database.prepare<[], { rows: number }>('SELECT count(*) AS rows FROM written').get()?.rows ?? 0;
  for (;;) {
    insert.run(digest(rows + 1), Buffer.alloc(1000, rows));
    process.stdout.write(`${++rows}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2];
  assert.ok(path !== undefined);
  write(path);
}
