// Ways into the kernel that Node lacks: the C programs of this folder, compiled once a process, and small things that
// many checks need. Errno names come back as NodeJS.ErrnoException-like errors, so that `fails` judges both alike.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type BigIntStats, chmodSync, lstatSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

const timeoutMs = 60_000;
let programs: string | null = null;

function program(name: 'call' | 'client' | 'directory'): string {
  if (programs === null) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-posix-'));
    // Also other users run them.
    chmodSync(folder, 0o755);
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    for (const source of ['call', 'client', 'directory']) {
      execFileSync('cc', ['-O1', '-o', join(folder, source), join(repositoryRoot, 'test', 'posix', `${source}.c`)]);
    }
    programs = folder;
  }
  return join(programs, name);
}

class ErrnoError extends Error {
  readonly code: string;

  constructor(code: string, what: string) {
    super(`${code}: ${what}`);
    this.code = code;
  }
}

function resultOf(stdout: string, what: string): string {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  const [kind, ...rest] = last.split(' ');
  if (kind === 'errno') throw new ErrnoError(rest.join(' '), what);
  assert.equal(kind, 'ok', `${what}: ${last}`);
  return rest.join(' ');
}

function run(name: 'call' | 'client' | 'directory', user: number | null, args: readonly (string | number | bigint)[]): string {
  const words = args.map(String);
  const as = user === null ? {} : { uid: user, gid: user };
  const { status, stdout, error } = spawnSync(program(name), words, { ...as, encoding: 'utf8', timeout: timeoutMs, maxBuffer: 1 << 26 });
  if (error !== undefined) throw error;
  assert.equal(status, 0, `${name} ${words.join(' ')} ended with ${status}`);
  return stdout;
}

/** One system call (call.c); gives what it answered. */
export function call(...args: readonly (string | number | bigint)[]): string {
  return resultOf(run('call', null, args), args.join(' '));
}

/** The same as another user with no other groups. */
export function callAs(user: number, ...args: readonly (string | number)[]): string {
  return resultOf(run('call', user, args), args.join(' '));
}

/** One pass over a directory (directory.c): the lines before the verdict, and the count in it. */
export function readDirectory(mode: 'list' | 'delete' | 'seek' | 'rewind' | 'churn', path: string): { readonly lines: readonly string[]; readonly count: number } {
  const stdout = run('directory', null, [mode, path]);
  return { lines: stdout.trimEnd().split('\n').slice(0, -1), count: Number(resultOf(stdout, `directory ${mode}`)) };
}

/** A client process that ends by itself (client.c). */
export function client(...args: readonly (string | number)[]): void {
  resultOf(run('client', null, args), args.join(' '));
}

/** Several clients at once; resolves when all have ended well. */
export async function clients(all: readonly (readonly (string | number)[])[]): Promise<void> {
  await Promise.all(
    all.map(async (args) => {
      const child = spawn(program('client'), args.map(String), { stdio: ['ignore', 'pipe', 'inherit'], timeout: timeoutMs });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      await once(child, 'close');
      resultOf(stdout, args.join(' '));
    }),
  );
}

export interface HeldClient {
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
}

/** A client that has reached what it holds, until killed. */
export async function heldClient(...args: readonly (string | number)[]): Promise<HeldClient> {
  const child: ChildProcess = spawn(program('client'), args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(child.stdout !== null);
  const ended = once(child, 'close');
  const [first] = (await Promise.race([once(child.stdout, 'data'), ended.then(() => ['ended at once'])])) as unknown[];
  if (String(first).trim() !== 'ready') resultOf(String(first), args.join(' '));
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs it and asserts that it fails with one of these codes. */
export function fails(codes: string | readonly string[], action: () => unknown): void {
  const allowed = typeof codes === 'string' ? [codes] : codes;
  try {
    action();
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    assert.ok(allowed.includes(code), `expected ${allowed.join(' or ')}, got ${String(error)}`);
    return;
  }
  assert.fail(`expected ${allowed.join(' or ')}, but it worked`);
}

export const stat = (path: string): BigIntStats => statSync(path, { bigint: true });
export const lstat = (path: string): BigIntStats => lstatSync(path, { bigint: true });
export const modeOf = (path: string): number => Number(stat(path).mode & 0o7777n);

/** XFS_SUPER_MAGIC (linux/magic.h): it has a few bounds of its own. */
export const isExt4 = (dir: string): boolean => statfsSync(dir).type === 0xef53;
export const isXfs = (dir: string): boolean => statfsSync(dir).type === 0x58465342;

/** Makes a file with this content; gives its path. */
export function file(dir: string, name: string, content: string | Buffer = ''): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** Lets the kernel's coarse clock go on (a tick is at most 10 ms), so that two time stamps differ. */
export function tick(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 21);
}

export interface TimesChanged {
  readonly mtime: boolean;
  readonly ctime: boolean;
}

/** Which times of `path` the action changes. */
export function timesChanged(path: string, action: () => void): TimesChanged {
  const before = lstat(path);
  tick();
  action();
  const after = lstat(path);
  return { mtime: after.mtimeNs !== before.mtimeNs, ctime: after.ctimeNs !== before.ctimeNs };
}

/** Bytes that differ everywhere, the same for equal seeds. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
