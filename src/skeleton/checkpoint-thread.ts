// Checkpoints away from the caller's thread, or (inline) on it in the same order: for the simulation.
// Requests are answered in the order they are made; after the thread has died every request fails.
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../base/errors.js';
import { WalCheckpointer } from './wal-checkpointer.js';

export type WorkerRequest = 'passive' | 'truncate' | 'close' | { readonly integrity: string };
export interface WorkerAnswer {
  readonly chunks?: readonly number[];
  readonly messages?: readonly string[];
  /** Message of what went wrong. */
  readonly error?: string;
}

export interface Checkpoints {
  passive(): Promise<Iterable<number>>;
  truncate(): Promise<Iterable<number>>;
  /** SQLite's own check of one table. */
  integrity(table: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export function inlineCheckpoints(path: string): Checkpoints {
  const checkpointer = new WalCheckpointer(path);
  return {
    passive: async () => checkpointer.passive(),
    truncate: async () => checkpointer.truncate(),
    integrity: async (table) => checkpointer.integrity(table),
    close: async () => checkpointer.close(),
  };
}

interface Waiting {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: unknown) => void;
}

export class CheckpointThread implements Checkpoints {
  readonly #worker: Worker;
  #waiting: Waiting[] = [];
  #dead: unknown;

  constructor(path: string) {
    this.#worker = new Worker(new URL('./image-worker.js', import.meta.url), { workerData: { path } });
    // The process may end without it: what it does can be done again.
    this.#worker.unref();
    this.#worker.on('message', (answer: WorkerAnswer) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', () => this.#die(new HoldfastError('closed', 'the checkpoint thread has ended', { code: 'skeleton-closed' })));
  }

  async passive(): Promise<Iterable<number>> {
    return (await this.#ask('passive')).chunks ?? [];
  }

  async truncate(): Promise<Iterable<number>> {
    return (await this.#ask('truncate')).chunks ?? [];
  }

  async integrity(table: string): Promise<readonly string[]> {
    return (await this.#ask({ integrity: table })).messages ?? [];
  }

  async close(): Promise<void> {
    if (this.#dead === undefined) await this.#ask('close');
    await this.#worker.terminate();
  }

  async #ask(request: WorkerRequest): Promise<WorkerAnswer> {
    const answer = await new Promise<WorkerAnswer>((resolve, reject) => {
      if (this.#dead !== undefined) {
        reject(this.#dead);
        return;
      }
      this.#waiting.push({ resolve, reject });
      // Waited for: keep the process alive until the answer is there.
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
    if (this.#waiting.length === 0) this.#worker.unref();
    if (answer.error !== undefined) throw new HoldfastError('internal', answer.error, { code: 'skeleton-checkpoint' });
    return answer;
  }

  #die(error: unknown): void {
    this.#dead ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#dead);
  }
}
