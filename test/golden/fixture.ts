// Golden images: every file of a small volume as one version of Holdfast left it, and the tree that must come out of it.
// One JSON file per set of format versions, packed by Brotli: test/golden/vN/volume.json.br. A fixture is never made again or changed.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { repositoryRoot } from '../repository.js';
import type { WorldShape } from '../simulation/world.js';

/** Files by path. In hex, so that equal bytes in two files pack as one, and without the zeros at their end. */
export type StoredFiles = Readonly<Record<string, { readonly bytes: number; readonly hex: string }>>;

export interface Fixture {
  readonly set: number;
  readonly seed: number;
  readonly shape: WorldShape;
  /** Path of the slot -> its files, as they were when the daemon was killed. */
  readonly disks: Readonly<Record<string, StoredFiles>>;
  readonly backup: StoredFiles;
  /** describeTree() of everything that was synced when it was killed. */
  readonly tree: readonly string[];
  /** describeTree() at the root that the flush left in the backup. */
  readonly treeAtRoot: readonly string[];
  /** Bytes of one record of each type (samples.ts), by type, in hex. */
  readonly records: Readonly<Record<string, string>>;
}

const folder = join(repositoryRoot, 'test', 'golden');
const fixturePath = (set: number): string => join(folder, `v${set}`, 'volume.json.br');

/** Numbers of the sets that are there, ascending. */
export function fixtureSets(): readonly number[] {
  return readdirSync(folder)
    .flatMap((name) => /^v(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export function readFixture(set: number): Fixture {
  return JSON.parse(brotliDecompressSync(readFileSync(fixturePath(set))).toString('utf8')) as Fixture; // written by writeFixture
}

/** Gives the size of the file. Refuses to replace one. */
export function writeFixture(fixture: Fixture): number {
  const path = fixturePath(fixture.set);
  if (existsSync(path)) throw new Error(`${path} is there already: a golden image stays as it is; give the changed format a new version and make the next set`);
  mkdirSync(join(folder, `v${fixture.set}`), { recursive: true });
  // A window of 16 MiB reaches over the whole text.
  const bytes = brotliCompressSync(JSON.stringify(fixture), { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });
  writeFileSync(path, bytes);
  return bytes.length;
}

export function stored(bytes: Buffer): StoredFiles[string] {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return { bytes: bytes.length, hex: bytes.toString('hex', 0, end) };
}

/** The file as it was, zeros included. */
export function unstored(file: StoredFiles[string]): Buffer {
  const whole = Buffer.alloc(file.bytes);
  Buffer.from(file.hex, 'hex').copy(whole);
  return whole;
}

/** Path and bytes of the files of which the path fits; of a kind of which there must be some. */
export function filesLike(files: StoredFiles, pattern: RegExp): readonly { readonly path: string; readonly bytes: Buffer }[] {
  const found = Object.entries(files).flatMap(([path, file]) => (pattern.test(path) ? [{ path, bytes: unstored(file) }] : []));
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
