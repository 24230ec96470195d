// The database file as a sequence of chunks that stays still from capture() to release(), and which chunks changed for whom.
// Holds always: a chunk counts as changed for a consumer until an image that was captured after the change is published to it.
import { closeSync, openSync, read as readCallback, readSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { assert } from '../base/assert.js';
import { imageChunkBytes } from '../base/limits.js';
import { CheckpointThread, inlineCheckpoints } from './checkpoint-thread.js';
import type { Checkpoints } from './checkpoint-thread.js';
import type { ImageSource, Skeleton } from './contract.js';
import { SqliteSkeleton } from './sqlite-skeleton.js';

type Consumer = 'disks' | 'backup';

export interface ImageSourceOptions {
  /** Everything on the caller's thread, in order: for the simulation. */
  readonly inline: boolean;
}

/** Changes as one consumer sees them. */
interface Changes {
  /** Nothing was published since the start: every chunk may differ. */
  known: boolean;
  /** In the captured image, not asked for yet. */
  readonly captured: Set<number>;
  /** Given out by changed(), not yet published. */
  readonly claimed: Set<number>;
}

/** What the skeleton needs of it to keep the log short. */
export interface WalKeeper {
  readonly captured: boolean;
  readonly inline: boolean;
  checkpoint(): Promise<void>;
  truncate(): Promise<void>;
}

const readAsync = promisify(readCallback);

/** One per skeleton; close it before the skeleton. */
export function createImageSource(skeleton: Skeleton, options: ImageSourceOptions): ImageSource {
  assert(skeleton instanceof SqliteSkeleton, 'images are made of the skeleton of this folder');
  return new DatabaseImageSource(skeleton, options);
}

class DatabaseImageSource implements ImageSource, WalKeeper {
  readonly #path: string;
  readonly #skeleton: SqliteSkeleton;
  readonly inline: boolean;
  readonly #checkpoints: Checkpoints;
  readonly #file: number;
  #bytes = 0;
  #captured = false;
  /** Harvested, but not yet in a captured image. */
  readonly #later = new Set<number>();
  readonly #changes: Readonly<Record<Consumer, Changes>> = {
    disks: { known: false, captured: new Set(), claimed: new Set() },
    backup: { known: false, captured: new Set(), claimed: new Set() },
  };

  constructor(skeleton: SqliteSkeleton, options: ImageSourceOptions) {
    this.#path = skeleton.path;
    this.#skeleton = skeleton;
    this.inline = options.inline;
    this.#checkpoints = options.inline ? inlineCheckpoints(this.#path) : new CheckpointThread(this.#path);
    this.#file = openSync(this.#path, 'r');
    // Closing any handle of the file drops SQLite's locks on it (POSIX locks belong to the process): it stays open as long as the database.
    skeleton.afterClose(() => closeSync(this.#file));
    skeleton.attachWalKeeper(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get captured(): boolean {
    return this.#captured;
  }

  async capture(): Promise<void> {
    assert(!this.#captured, 'one captured image at a time');
    // From here on checkpoint() keeps its hands off, also while the log is being moved.
    this.#captured = true;
    try {
      await this.truncate();
      this.#bytes = statSync(this.#path).size;
    } catch (error) {
      this.#captured = false;
      throw error;
    }
    for (const changes of Object.values(this.#changes)) for (const chunk of this.#later) changes.captured.add(chunk);
    this.#later.clear();
  }

  release(): void {
    assert(this.#captured, 'release follows capture');
    this.#captured = false;
  }

  changed(consumer: Consumer): readonly number[] | null {
    const changes = this.#changes[consumer];
    for (const chunk of changes.captured) changes.claimed.add(chunk);
    changes.captured.clear();
    if (!changes.known) return null;
    const chunks = [...changes.claimed].filter((chunk) => chunk * imageChunkBytes < this.#bytes);
    // The file header lives in chunk 0: always looked at, costs nothing.
    if (!changes.claimed.has(0)) chunks.push(0);
    return chunks.sort((a, b) => a - b);
  }

  published(consumer: Consumer): void {
    this.#changes[consumer].known = true;
    this.#changes[consumer].claimed.clear();
  }

  async read(chunk: number): Promise<Buffer> {
    assert(this.#captured, 'chunks are read while an image is captured');
    const offset = chunk * imageChunkBytes;
    assert(offset < this.#bytes, `chunk ${chunk} lies inside the image`);
    const into = Buffer.allocUnsafe(Math.min(imageChunkBytes, this.#bytes - offset));
    const bytes = this.inline
      ? readSync(this.#file, into, 0, into.length, offset)
      : (await readAsync(this.#file, into, 0, into.length, offset)).bytesRead;
    assert(bytes === into.length, `chunk ${chunk} of the image is whole`);
    return into;
  }

  async checkpoint(): Promise<void> {
    if (this.#captured) return;
    this.#take(await this.#checkpoints.passive());
  }

  /** Between COMMIT and BEGIN: everything into the file, the log empty. */
  async truncate(): Promise<void> {
    await this.#skeleton.interruptChecks();
    this.#take(await this.#checkpoints.truncate());
  }

  async close(): Promise<void> {
    this.#skeleton.attachWalKeeper(null);
    await this.#checkpoints.close();
  }

  #take(chunks: Iterable<number>): void {
    for (const chunk of chunks) this.#later.add(chunk);
  }
}
