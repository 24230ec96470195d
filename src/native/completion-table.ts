// Turns the addon's tokens into promises: a job is submitted under a token, its outcome arrives in a batch.
// Every promise settles exactly once.
import { constants } from 'node:os';
import { assert } from '../base/assert.js';

/** token, error (0: done), step, result, token, error, step, result, ... as the addon delivers finished jobs. */
export type Batch = readonly unknown[];

const ownErrors: Readonly<Record<number, string>> = {
  10001: 'SHORT_READ',
  10002: 'TOO_BIG',
  10003: 'LOG_ABANDONED',
};

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** What the addon says about a job that failed. Callers turn it into a HoldfastError. */
export class NativeFailure extends Error {
  constructor(
    /** EIO, ENOSPC, ...; or SHORT_READ, TOO_BIG, LOG_ABANDONED. */
    readonly reason: string,
    /** The system call that failed. */
    readonly step: string,
  ) {
    super(step === '' ? reason : `${step}: ${reason}`);
    this.name = 'NativeFailure';
  }
}

function failureOf(error: number, step: string): NativeFailure {
  return new NativeFailure(ownErrors[error] ?? errnoNames.get(error) ?? `errno ${error}`, step);
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (failure: NativeFailure) => void;
}

export class CompletionTable {
  readonly #waiting = new Map<number, Waiting>();
  #lastToken = 0;

  /** Calls `submit` with a fresh token; the promise settles when the job of that token is finished. */
  run<Result>(submit: (token: number) => void): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const token = ++this.#lastToken;
      submit(token);
      // The addon's promise: the result of this job has this type.
      this.#waiting.set(token, { resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** The addon's listener. */
  readonly deliver = (batch: Batch): void => {
    for (let at = 0; at < batch.length; at += 4) {
      const token = batch[at] as number; // see Batch
      const error = batch[at + 1] as number;
      const waiting = this.#waiting.get(token);
      assert(waiting !== undefined, 'a finished job was waited for');
      this.#waiting.delete(token);
      if (error === 0) waiting.resolve(batch[at + 3]);
      else waiting.reject(failureOf(error, batch[at + 2] as string));
    }
  };
}
