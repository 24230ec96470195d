// What a POSIX check is, and how a list of them is run: each check gets an empty directory of its own on the
// filesystem under judgement, and throws where that filesystem is wrong. The filesystem must be served by another
// process (checks block), and for the checks that need it, this process is root and the path open to everybody.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/base/errors.js';

export type PosixCheck = (dir: string) => void | Promise<void>;
/** A sentence that is true of the filesystem -> what proves it. */
export type PosixChecks = Readonly<Record<string, PosixCheck>>;

/** Thrown by a check that cannot be made here. */
export class CheckSkipped extends Error {}

export interface PosixResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why, where it did not pass. */
  readonly reason: string;
  readonly elapsedMs: number;
}

export const nobody = 65_534;

export function needsRoot(): void {
  if (process.getuid?.() !== 0) throw new CheckSkipped('needs root');
}

/** Runs one check in a new directory under `dir` and removes it again. */
export async function runCheck(dir: string, name: string, check: PosixCheck): Promise<PosixResult> {
  const started = performance.now();
  const done = (outcome: PosixResult['outcome'], reason: string): PosixResult => ({ name, outcome, reason, elapsedMs: performance.now() - started });
  mkdirSync(dir, { recursive: true });
  const own = mkdtempSync(join(dir, 'check-'));
  try {
    await check(own);
    return done('passed', '');
  } catch (error) {
    if (error instanceof CheckSkipped) return done('skipped', error.message);
    return done('failed', error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error));
  } finally {
    // Where a deleted file keeps a name until its last close is known, its folder is not empty at once.
    rmSync(own, { recursive: true, force: true, maxRetries: 5 });
  }
}
