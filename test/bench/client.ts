// The process that uses a file system while the bench measures: one workload, named on the command line as JSON, timed by itself
// and answered as JSON. What it reads it checks. Which times include the durable end is said at each.
import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fillFolder, emptyFolder, makeTree, sampleFsyncs, sampleStats, scatter, writeSlices } from './long-work.js';
import { Sqlite } from '../../src/skeleton/sqlite.js';
import type { Request } from './request.js';
import { spread } from './request.js';
import { syncAll } from './sync.js';

const mebibyte = 1024 * 1024;
const fileBytes = 4096;

function main(): void {
  const request = JSON.parse(process.argv[2] ?? '') as Request; // the bench is the only caller
  process.stdout.write(`${JSON.stringify(perform(request))}\n`);
}

function perform(request: Request): readonly number[] {
  switch (request.work) {
    case 'prime':
      return prime(request.mebibytes);
    case 'write':
      return writeBig(request.path, request.mebibytes);
    case 'read':
      return readBig(request.path, request.mebibytes);
    case 'make-folders':
      return makeFolders(request.folder, request.files);
    case 'create':
      return create(request.folder, request.files, request.part, request.parts);
    case 'stat':
      return [timed(() => statAll(request.folder, request.files)), timed(() => statAll(request.folder, request.files))];
    case 'list':
      return [timed(() => listAll(request.folder, request.files))];
    case 'read-small':
      return [timed(() => readSmall(request.folder, request.files))];
    case 'delete':
      return deleteAll(request.folder, request.files, request.below);
    case 'write-pieces':
      return writePieces(request.path, request.pieces, request.pieceBytes);
    case 'append':
      return append(request.path, request.times);
    case 'transactions':
      return transactions(request.path, request.journal, request.times, request.secondsMax);
    case 'sample-stats':
      return sampleStats(request.folder, request.files, request.seconds);
    case 'sample-fsyncs':
      return sampleFsyncs(request.path, request.seconds);
    case 'write-slices':
      return writeSlices(request.path, request.mebibytes, request.slices);
    case 'fill-folder':
      return fillFolder(request.folder, request.files, request.slices);
    case 'empty-folder':
      return emptyFolder(request.folder, request.files, request.slices);
    case 'scatter':
      return scatter(request.path, request.fileBytes, request.times, request.slices);
    case 'make-tree':
      return makeTree(request.folder, request.files, request.slices);
    case 'check-database':
      return checkDatabase(request.path, request.rows);
  }
}

/** Seconds. */
function timed(action: () => void): number {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Takes memory and frees it: a virtual machine that gave memory back to its host pays for every page it takes again. */
function prime(mebibytes: number): readonly number[] {
  const taken: Buffer[] = [];
  for (let at = 0; at < mebibytes; at += 64) taken.push(Buffer.alloc(64 * mebibyte, 1));
  return [taken.length];
}

/** With its fsync. The block's number is in its first bytes, so that a block out of place is seen. */
function writeBig(path: string, mebibytes: number): readonly number[] {
  const block = randomFillSync(Buffer.allocUnsafeSlow(mebibyte));
  const seconds = timed(() => {
    const file = openSync(path, 'wx');
    for (let number = 0; number < mebibytes; number++) {
      block.writeUInt32LE(number, 0);
      if (writeSync(file, block) !== mebibyte) throw new Error('short write');
    }
    fsyncSync(file);
    closeSync(file);
  });
  return [seconds];
}

function writePieces(path: string, pieces: number, pieceBytes: number): readonly number[] {
  const piece = randomFillSync(Buffer.allocUnsafeSlow(pieceBytes));
  const seconds = timed(() => {
    const file = openSync(path, 'wx');
    for (let number = 0; number < pieces; number++) {
      piece.writeUInt32LE(number, 0);
      if (writeSync(file, piece) !== pieceBytes) throw new Error('short write');
    }
    fsyncSync(file);
    closeSync(file);
  });
  return [seconds];
}

function readBig(path: string, mebibytes: number): readonly number[] {
  const block = Buffer.allocUnsafeSlow(mebibyte);
  const seconds = timed(() => {
    const file = openSync(path, 'r');
    for (let number = 0; number < mebibytes; number++) {
      for (let got = 0; got < mebibyte; ) {
        const more = readSync(file, block, got, mebibyte - got, null);
        if (more === 0) throw new Error(`the file ends in block ${number}`);
        got += more;
      }
      if (block.readUInt32LE(0) !== number) throw new Error(`block ${number} holds ${block.readUInt32LE(0)}`);
    }
    closeSync(file);
  });
  return [seconds];
}

function makeFolders(folder: string, files: number): readonly number[] {
  mkdirSync(folder);
  for (const name of new Set(spread(folder, files).map((path) => dirname(path)))) mkdirSync(name);
  return [];
}

/** Without a durable end: that comes when all parts are done. */
function create(folder: string, files: number, part: number, parts: number): readonly number[] {
  const body = randomFillSync(Buffer.allocUnsafeSlow(fileBytes));
  const all = spread(folder, files);
  const first = Math.floor((part * files) / parts);
  const paths = all.slice(first, Math.floor(((part + 1) * files) / parts));
  process.stdout.write('ready\n');
  readSync(0, Buffer.alloc(1));
  const seconds = timed(() => {
    paths.forEach((path, number) => {
      body.writeUInt32LE(first + number, 0);
      const file = openSync(path, 'wx');
      if (writeSync(file, body) !== fileBytes) throw new Error('short write');
      closeSync(file);
    });
  });
  return [seconds];
}

function statAll(folder: string, files: number): void {
  for (const path of spread(folder, files)) {
    if (lstatSync(path).size !== fileBytes) throw new Error(`${path} has the wrong size`);
  }
}

function listAll(folder: string, files: number): void {
  let names = 0;
  for (const name of readdirSync(folder)) names += readdirSync(join(folder, name)).length;
  if (names !== files) throw new Error(`${names} of ${files} names listed`);
}

function readSmall(folder: string, files: number): void {
  const body = Buffer.allocUnsafeSlow(2 * fileBytes);
  spread(folder, files).forEach((path, number) => {
    const file = openSync(path, 'r');
    const got = readSync(file, body, 0, body.length, null);
    closeSync(file);
    if (got !== fileBytes || body.readUInt32LE(0) !== number) throw new Error(`${path} has the wrong content`);
  });
}

/** With its durable end. */
function deleteAll(folder: string, files: number, below: readonly string[]): readonly number[] {
  const paths = spread(folder, files);
  const seconds = timed(() => {
    for (const path of paths) unlinkSync(path);
    syncAll(folder, below);
  });
  return [seconds];
}

/** 4 KiB at a time, each synced. The second number is the 99th percentile of one in seconds. */
function append(path: string, times: number): readonly number[] {
  const body = randomFillSync(Buffer.allocUnsafeSlow(fileBytes));
  const each: number[] = [];
  const file = openSync(path, 'wx');
  const seconds = timed(() => {
    for (let number = 0; number < times; number++) {
      each.push(
        timed(() => {
          writeSync(file, body);
          fsyncSync(file);
        }),
      );
    }
  });
  closeSync(file);
  each.sort((a, b) => a - b);
  return [seconds, each[Math.floor(times * 0.99)] ?? 0];
}

/** One row a transaction, synchronous = FULL. Answers with seconds and how many there was time for. */
function transactions(path: string, journal: 'WAL' | 'DELETE', times: number, secondsMax: number): readonly number[] {
  const database = new Sqlite(path);
  const mode = database.pragma(`journal_mode = ${journal}`, { simple: true });
  if (mode !== journal.toLowerCase()) throw new Error(`the journal mode is ${String(mode)}`);
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE written (id INTEGER PRIMARY KEY, value TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO written (value) VALUES (?)');
  const end = process.hrtime.bigint() + BigInt(secondsMax) * 1_000_000_000n;
  let done = 0;
  const seconds = timed(() => {
    for (; done < times && process.hrtime.bigint() < end; done++) insert.run(String(done).padStart(100, '0'));
  });
  database.close();
  return [seconds, done];
}

function checkDatabase(path: string, rows: number): readonly number[] {
  const database = new Sqlite(path);
  const sound = database.pragma('integrity_check', { simple: true });
  const found = database.prepare<[], { rows: number }>('SELECT count(*) AS rows FROM written').get()?.rows;
  database.close();
  if (sound !== 'ok' || found !== rows) throw new Error(`the database is ${String(sound)}, with ${found} of ${rows} rows`);
  return [];
}

main();
