// Runs a command line of somebody else's beside the daemon: within a time, with an end to what it may say, and never in the way. It goes
// through /bin/sh, so that what is started here is never a file on our own mount: starting a program stops this thread until the kernel has
// read its file, and nobody would answer the kernel. A command past its time is ended with everything that it has started.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';

export interface CommandRequest {
  /** For /bin/sh -c. */
  readonly script: string;
  /** $1, $2, ... */
  readonly words?: readonly string[];
  /** Added to the environment of the daemon. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly limitMs: number;
  /** Ends it before. */
  readonly stop?: AbortSignal;
}

export interface CommandOutcome {
  /** null: it was ended by a signal, or could not be started. */
  readonly code: number | null;
  readonly timedOut: boolean;
  /** The first part of each. */
  readonly stdout: string;
  readonly stderr: string;
}

/** What is kept of what it says. */
const outputBytesMax = 256 * 1024;
/** From the request to end until it is ended by force, and until nobody waits for it any more. */
const graceMs = 2_000;
/** After its end: for what it said last. Something that it left in the background may keep its output open for ever. */
const lastWordsMs = 500;

/** Never rejects. Resolves when it has ended, or soon after its limit: one that cannot even be killed (it waits for a dead device) is waited for no longer. */
export function runBounded(request: CommandRequest, clock: Clock): Promise<CommandOutcome> {
  let child: ChildProcess;
  try {
    const { script, words = [], environment = {} } = request;
    child = spawn('/bin/sh', ['-c', script, 'sh', ...words], { cwd: '/', detached: true, env: { ...process.env, ...environment } });
  } catch (error) {
    return Promise.resolve({ code: null, timedOut: false, stdout: '', stderr: messageOf(error) });
  }
  return outcomeOf(child, request, clock);
}

function outcomeOf(child: ChildProcess, { stdin = '', limitMs, stop }: CommandRequest, clock: Clock): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const stdout = new Kept();
    const stderr = new Kept();
    let timedOut = false;
    const end = (code: number | null): void => {
      limit.cancel();
      stop?.removeEventListener('abort', cutShort);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      child.unref();
      resolve({ code, timedOut, stdout: stdout.text, stderr: stderr.text });
    };
    const cutShort = (): void => {
      signalGroup(child, 'SIGTERM');
      clock.after(graceMs, () => {
        signalGroup(child, 'SIGKILL');
        clock.after(graceMs, () => end(null));
      });
    };
    const limit = clock.after(limitMs, () => {
      timedOut = true;
      cutShort();
    });
    stop?.addEventListener('abort', cutShort);
    child.on('exit', (code) => void clock.after(lastWordsMs, () => end(code)));
    child.on('close', end);
    child.on('error', (error) => {
      stderr.push(Buffer.from(error.message));
      end(null);
    });
    child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
    child.stdin?.on('error', () => undefined); // it does not read what it is told
    child.stdin?.end(stdin);
  });
}

/** It leads a group of its own: what the shell has started is in it as well. */
function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has just ended.
  }
}

class Kept {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  push(bytes: Buffer): void {
    const piece = bytes.subarray(0, outputBytesMax - this.#bytes);
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString('utf8');
  }
}
