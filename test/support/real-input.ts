// What drills put into a volume: the machine's own files, a git repository that is worked in, and files of every awkward kind.
// Contents are pseudo-random from a seed, so that equal seeds give equal files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { chmodSync, chownSync, closeSync, fsyncSync, ftruncateSync, linkSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { segmentBytesMax } from '../../src/base/limits.js';
import type { FuseDriver } from '../../src/config/settings.js';
import { call } from '../posix/helpers.js';
import { repositoryRoot } from '../repository.js';

export const MiB = 1024 ** 2;

/** Bytes that nothing compresses, the same for equal seeds. */
export function noise(bytes: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

/** Writes `bytes` of noise at `offset`, in pieces. The file is made when it is not there; its rest stays. */
export function writeNoise(path: string, bytes: number, seed: string, options: { readonly offset?: number; readonly fsync?: boolean } = {}): void {
  const piece = Math.min(bytes, 8 * MiB);
  const file = openSync(path, 'a+');
  closeSync(file);
  const writer = openSync(path, 'r+');
  try {
    for (let done = 0; done < bytes; done += piece) {
      const data = noise(Math.min(piece, bytes - done), `${seed} ${done}`);
      assert.equal(writeSync(writer, data, 0, data.length, (options.offset ?? 0) + done), data.length);
    }
    if (options.fsync === true) fsyncSync(writer);
  } finally {
    closeSync(writer);
  }
}

/** Part of /usr/share, at most so many names; the links, owners and times with it. Gives how many names there are. */
export function copySystemFiles(into: string, namesMax: number): number {
  mkdirSync(into);
  // perl5 and zoneinfo hold many small files and hard links; the rest fills up.
  const script = `cd /usr/share && find $(ls -d perl5 zoneinfo 2>/dev/null) -xdev -mindepth 1 -print0 | head -z -n ${Math.floor(namesMax / 3)} >"$2.list"
    find . -xdev -mindepth 1 -print0 | head -z -n ${namesMax} >>"$2.list"
    tar --null --no-recursion -cf - -T "$2.list" 2>/dev/null | tar -C "$1" -xpf - && rm "$2.list"`;
  execFileSync('bash', ['-c', script, 'copy', into, `${process.env['TMPDIR'] ?? '/tmp'}/holdfast-copy-${process.pid}`]);
  return Number(execFileSync('bash', ['-c', 'find "$1" | wc -l', 'count', into], { encoding: 'utf8' }));
}

/** A repository of this project's own history, with commits of its own. Throws when git is not content. */
export class GitInput {
  readonly folder: string;
  #commits = 0;

  constructor(folder: string) {
    this.folder = folder;
    try {
      this.#git(repositoryRoot, 'clone', '--quiet', '--no-hardlinks', `file://${repositoryRoot}`, folder);
    } catch {
      // A source archive without history: one of our own then.
      this.#git('/', 'init', '--quiet', folder);
    }
  }

  commit(): void {
    const number = ++this.#commits;
    writeFileSync(join(this.folder, `drill-${number}.txt`), `drill ${number}\n`.repeat(number * 1000));
    this.#git(this.folder, 'add', '--all');
    this.#git(this.folder, '-c', 'user.name=Drill', '-c', 'user.email=drill@localhost', 'commit', '--quiet', '--message', `drill ${number}`);
  }

  /** Objects, references and the work tree are as they should be. */
  check(): void {
    this.#git(this.folder, 'fsck', '--full', '--strict', '--no-dangling');
    assert.equal(this.#git(this.folder, 'status', '--porcelain'), '');
  }

  #git(cwd: string, ...words: readonly string[]): string {
    const environment = { ...process.env, GIT_CONFIG_COUNT: '2', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*', GIT_CONFIG_KEY_1: 'core.fsync', GIT_CONFIG_VALUE_1: 'committed', GIT_CONFIG_NOSYSTEM: '1', GIT_OPTIONAL_LOCKS: '0' };
    return execFileSync('git', words, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** Every kind of file, name and attribute that a copy easily gets wrong. */
export function makeOddFiles(folder: string, driver: FuseDriver = 'event-loop'): void {
  mkdirSync(folder);
  const at = (name: string): string => join(folder, name);
  for (const bytes of [0, 1, 4095, 4096, 4097]) writeFileSync(at(`of-${bytes}-bytes`), noise(bytes, `size ${bytes}`));
  // The second driver takes text only, has no fallocate, and shows a hole as zeros to be read.
  makeNames(folder, driver === 'event-loop' ? Buffer.from([0xff, 0xfe, 0x01, 0x80]) : Buffer.from('\u0001\u{1f9ff}\u0301'));
  makeLinks(at, driver === 'event-loop' ? Buffer.from([0x2f, 0xff, 0x41]) : Buffer.from('/ÿA'));
  makeSparse(at, driver === 'event-loop' ? 1024 ** 4 : 16 * MiB);
  if (driver === 'event-loop') makePunched(at);
  makeSpecial(at);
  // Last, since everything before would change them.
  for (const [name, seconds, nanoseconds] of [['of-1-bytes', 1, 1], ['of-4095-bytes', 1_700_000_000, 123_456_789], ['of-4096-bytes', 4_000_000_000, 999_999_999], ['of-4097-bytes', -1, 5]] as const) {
    call('utimens', at(name), seconds, nanoseconds, seconds, nanoseconds);
  }
  chmodSync(at('of-0-bytes'), 0);
  chownSync(at('of-1-bytes'), 12_345, 54_321);
  chmodSync(at('of-4095-bytes'), 0o6755);
}

/** Files of one segment, one byte less, one more. */
export function makeSegmentFiles(folder: string): void {
  mkdirSync(folder);
  for (const bytes of [segmentBytesMax - 1, segmentBytesMax, segmentBytesMax + 1]) writeNoise(join(folder, `of-${bytes}-bytes`), bytes, `segment ${bytes}`);
}

function makeNames(folder: string, oddest: Buffer): void {
  const names = [oddest, Buffer.from('new\nline'), Buffer.from('tab\tand "quotes" \\ '), Buffer.from(' '), Buffer.from('-rf'), Buffer.from('x'.repeat(255)), Buffer.from('grüße 🎞')];
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), name);
  mkdirSync(join(folder, 'empty'));
  mkdirSync(join(folder, 'sticky'), { mode: 0o777 });
  chmodSync(join(folder, 'sticky'), 0o3777);
  mkdirSync(join(folder, 'a/b/c/d/e/f/g'), { recursive: true });
}

function makeLinks(at: (name: string) => string, oddest: Buffer): void {
  writeFileSync(at('linked'), noise(10_000, 'linked'));
  linkSync(at('linked'), at('a/linked-too'));
  linkSync(at('linked'), at('a/b/linked-three'));
  symlinkSync('nowhere/at all', at('dangling'));
  symlinkSync('../'.repeat(300), at('long-target'));
  symlinkSync(oddest, at('odd-target'));
}

function makeSparse(at: (name: string) => string, holeBytes: number): void {
  const file = openSync(at('sparse'), 'w');
  // Data in the middle, at a place that no boundary knows, and a hole at the end.
  writeSync(file, noise(70_000, 'sparse'), 0, 70_000, 5 * MiB + 123);
  ftruncateSync(file, 64 * MiB);
  closeSync(file);
  closeSync(openSync(at('only-a-hole'), 'w'));
  call('truncate', at('only-a-hole'), holeBytes);
}

function makePunched(at: (name: string) => string): void {
  writeFileSync(at('punched'), noise(1 * MiB, 'punched'));
  // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
  call('fallocate', at('punched'), 3, 256 * 1024, 128 * 1024);
}

function makeSpecial(at: (name: string) => string): void {
  writeFileSync(at('attributes'), 'with attributes');
  call('setxattr', at('attributes'), 'user.empty', '', 0);
  call('setxattr', at('attributes'), 'user.bytes', '%00ff0a5c', 0);
  call('setxattr', at('attributes'), 'user.long', '@60000', 0);
  call('setxattr', at('empty'), 'trusted.of-a-folder', 'value', 0);
  call('mknod', at('fifo'), 0o010640, 0, 0);
  call('mknod', at('socket'), 0o140600, 0, 0);
  call('mknod', at('null'), 0o020666, 1, 3);
  call('mknod', at('block'), 0o060600, 250, 70_000);
}
