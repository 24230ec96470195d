// Programs that work on a mount all the time and stop at the first error or wrong byte: fio with verification, copies that are compared,
// readers that know what they must read, and a SQLite writer. A drill starts them, breaks something, and asks whether they noticed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDatabase, SqliteWriter } from './real-input-sqlite.js';

interface Program {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  output(): string;
}

export class Load {
  readonly #folder: string;
  readonly #stopFile: string;
  readonly #programs: Program[] = [];
  readonly #database: SqliteWriter;

  /** Works in `folder`, which it makes; reads `reading` over and over. `stopFile` lies outside the mount. */
  constructor(folder: string, reading: string, stopFile: string) {
    this.#folder = folder;
    this.#stopFile = stopFile;
    mkdirSync(folder);
    // Every block that fio writes is read back and compared, again and again, until the time is up.
    this.#start('fio', `while [ ! -e "$stop" ]; do fio --name=write --directory="$folder" --rw=randwrite --bs=4k-256k --size=24m --io_size=24m --ioengine=psync --fsync=64 --verify=crc32c --verify_fatal=1 --do_verify=1 --invalidate=1 || exit 1; done`);
    this.#start('cp', `n=0; while [ ! -e "$stop" ]; do n=$((n + 1)); cp -a "$reading" "$folder/copy-$n" && diff -r --no-dereference "$reading" "$folder/copy-$n" || exit 1; [ $n -le 2 ] || rm -r "$folder/copy-$((n - 2))" || exit 1; done`, reading);
    this.#start('reader', `first=$(cd "$reading" && find . -type f -print0 | sort -z | xargs -0 cat | sha256sum); while [ ! -e "$stop" ]; do echo 3 >/proc/sys/vm/drop_caches; now=$(cd "$reading" && find . -type f -print0 | sort -z | xargs -0 cat | sha256sum); [ "$now" = "$first" ] || exit 1; done`, reading);
    this.#database = new SqliteWriter(join(folder, 'database'));
  }

  /** Rows that the database has answered so far: a pulse. */
  get rows(): number {
    return this.#database.rows;
  }

  /** Throws when any of them has broken off. */
  assertRunning(): void {
    for (const { name, child, output } of this.#programs) assert.equal(child.exitCode, null, `${name} broke off:\n${output().slice(-2000)}`);
  }

  /** Lets each finish its round; throws what any of them has found. */
  async stop(): Promise<void> {
    const rows = await this.#database.stop();
    writeFileSync(this.#stopFile, '');
    for (const { name, child, ended, output } of this.#programs) {
      await ended;
      assert.equal(child.exitCode, 0, `${name} ended with ${child.exitCode ?? child.signalCode}:\n${output().slice(-2000)}`);
    }
    checkDatabase(join(this.#folder, 'database'), rows);
  }

  /** For cleaning up, after whatever happened. */
  async end(): Promise<void> {
    writeFileSync(this.#stopFile, '');
    for (const { child } of this.#programs) {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }
    await this.#database.end();
  }

  #start(name: string, script: string, reading = ''): void {
    const environment = { ...process.env, folder: this.#folder, stop: this.#stopFile, reading };
    const child = spawn('bash', ['-c', `set -o pipefail; ${script}`], { cwd: '/', detached: true, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)));
    this.#programs.push({ name, child, ended: once(child, 'close'), output: () => output });
  }
}
