// The process that uses a file system while the bench measures: one workload, named on the command line as JSON, timed by itself
// and answered as JSON. Its time includes the durable end: fsync, then the sync of the file system. What it reads it checks.
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spread } from './request.js';
import type { Request } from './request.js';

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
    case 'create':
      return create(request.folder, request.files);
    case 'stat':
      return [timed(() => statAll(request.folder, request.files)), timed(() => statAll(request.folder, request.files))];
    case 'list':
      return [timed(() => listAll(request.folder, request.files))];
    case 'read-small':
      return [timed(() => readSmall(request.folder, request.files))];
    case 'delete':
      return deleteAll(request.folder, request.files);
    case 'append':
      return append(request.path, request.times);
  }
}

/** Seconds. */
function timed(action: () => void): number {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** fsync of the folder covers all of a volume's changes; a native file system needs its own sync on top. */
function syncAll(folder: string): void {
  const directory = openSync(folder, constants.O_RDONLY);
  fsyncSync(directory);
  closeSync(directory);
  const done = spawnSync('sync', ['-f', folder]);
  if (done.status !== 0) throw new Error(`sync -f ${folder}: ${String(done.stderr)}`);
}

/** Takes memory and frees it: a virtual machine that gave memory back to its host pays for every page it takes again. */
function prime(mebibytes: number): readonly number[] {
  for (let at = 0; at < mebibytes; at += 64) Buffer.alloc(64 * mebibyte, 1);
  return [];
}

/** The block's number in its first bytes, so that a block out of place is seen. */
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

function create(folder: string, files: number): readonly number[] {
  const body = randomFillSync(Buffer.allocUnsafeSlow(fileBytes));
  const paths = spread(folder, files);
  mkdirSync(folder);
  for (const name of new Set(paths.map((path) => dirname(path)))) mkdirSync(name);
  syncAll(folder);
  const seconds = timed(() => {
    paths.forEach((path, number) => {
      body.writeUInt32LE(number, 0);
      const file = openSync(path, 'wx');
      if (writeSync(file, body) !== fileBytes) throw new Error('short write');
      closeSync(file);
    });
    syncAll(folder);
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

function deleteAll(folder: string, files: number): readonly number[] {
  const paths = spread(folder, files);
  const seconds = timed(() => {
    for (const path of paths) unlinkSync(path);
    syncAll(folder);
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

main();
