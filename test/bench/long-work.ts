// Works of the client that go on for long: samples of single operations beside somebody else's load, and works cut into equal slices whose
// times show whether cost grows with size.
import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, lstatSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { spread } from './request.js';

const mebibyte = 1024 * 1024;
const blockBytes = 4096;
/** Between two samples: they are to see the load, not to be it. */
const pauseMs = 2;
const filesPerFolder = 1000;

/** Each file once: what was looked at before, the kernel answers by itself. */
export function sampleStats(folder: string, files: number, seconds: number): readonly number[] {
  const paths = spread(folder, files);
  return sample(seconds, (number) => {
    const path = paths[number];
    if (path === undefined) return false;
    lstatSync(path);
    return true;
  });
}

export function sampleFsyncs(path: string, seconds: number): readonly number[] {
  const body = randomFillSync(Buffer.allocUnsafeSlow(blockBytes));
  const file = openSync(path, 'wx');
  const samples = sample(seconds, () => {
    writeSync(file, body);
    fsyncSync(file);
    return true;
  });
  closeSync(file);
  return samples;
}

/** `action` gives false when it has nothing left to do. */
function sample(seconds: number, action: (number: number) => boolean): readonly number[] {
  const samples: number[] = [];
  const end = now() + 1000 * seconds;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let number = 0; now() < end; number++) {
    const begun = now();
    if (!action(number)) break;
    samples.push(begun, now() - begun);
    Atomics.wait(pause, 0, 0, pauseMs);
  }
  return samples;
}

/** Milliseconds of the clock that all processes share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The last slice ends with the fsync. */
export function writeSlices(path: string, mebibytes: number, slices: number): readonly number[] {
  const block = randomFillSync(Buffer.allocUnsafeSlow(mebibyte));
  const file = openSync(path, 'wx');
  const times = inSlices(mebibytes, slices, (number, last) => {
    block.writeUInt32LE(number, 0);
    if (writeSync(file, block) !== mebibyte) throw new Error('short write');
    if (last) fsyncSync(file);
  });
  closeSync(file);
  return times;
}

export function fillFolder(folder: string, files: number, slices: number): readonly number[] {
  mkdirSync(folder);
  return inSlices(files, slices, (number) => closeSync(openSync(join(folder, nameOf(number)), 'wx')));
}

export function emptyFolder(folder: string, files: number, slices: number): readonly number[] {
  return inSlices(files, slices, (number) => unlinkSync(join(folder, nameOf(number))));
}

/** 4 KiB at places far from each other in a sparse file, each place once, so that each is an extent of its own. */
export function scatter(path: string, fileBytes: number, times: number, slices: number): readonly number[] {
  const body = randomFillSync(Buffer.allocUnsafeSlow(blockBytes));
  const places = Math.floor(fileBytes / (2 * blockBytes));
  const step = coprime(Math.floor(places * 0.618), places);
  const file = openSync(path, 'wx');
  ftruncateSync(file, fileBytes);
  let place = 0;
  const seconds = inSlices(times, slices, (_, last) => {
    place = (place + step) % places;
    writeSync(file, body, 0, blockBytes, 2 * blockBytes * place);
    if (last) fsyncSync(file);
  });
  closeSync(file);
  return seconds;
}

/** Files of 100 bytes, a thousand in a folder. */
export function makeTree(folder: string, files: number, slices: number): readonly number[] {
  const body = Buffer.alloc(100, 'holdfast ');
  mkdirSync(folder);
  return inSlices(files, slices, (number) => {
    const below = join(folder, `d${Math.floor(number / filesPerFolder)}`);
    if (number % filesPerFolder === 0) mkdirSync(below);
    const file = openSync(join(below, nameOf(number)), 'wx');
    writeSync(file, body);
    closeSync(file);
  });
}

function nameOf(number: number): string {
  return `f${String(number).padStart(7, '0')}`;
}

/** The nearest number at or above `from` that meets every place before it comes round. */
function coprime(from: number, places: number): number {
  let step = Math.max(1, from);
  while (divisor(step, places) !== 1) step++;
  return step;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** Seconds of each slice. */
function inSlices(times: number, slices: number, action: (number: number, last: boolean) => void): readonly number[] {
  const seconds: number[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const begun = now();
    const end = Math.floor(((slice + 1) * times) / slices);
    for (let number = Math.floor((slice * times) / slices); number < end; number++) action(number, number === times - 1);
    seconds.push((now() - begun) / 1000);
  }
  return seconds;
}
