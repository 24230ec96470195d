// Reads that the kernel answers from its page cache are not seen here, so an access time would stay old after a change. While the next
// read of a changed file is awaited, the kernel may not keep the file's attributes: a read(2) that reaches the end of the file then
// asks for them (fuse_cache_read_iter in fs/fuse/file.c), marked as asked on behalf of an open file, and that is how it is seen.
// Nothing is taken out of the page cache. The price, a request for every stat until then, is bounded: only the latest few are awaited.
import type { Ino } from '../base/ids.js';
import { awaitedReadsMax } from '../base/limits.js';

export class AwaitedReads {
  /** The latest last. */
  readonly #inos = new Set<Ino>();
  #latest: Ino | null = null;

  /** The regular file has changed. */
  add(ino: Ino): void {
    if (ino === this.#latest && this.#inos.has(ino)) return;
    this.#latest = ino;
    this.#inos.delete(ino);
    this.#inos.add(ino);
    if (this.#inos.size <= awaitedReadsMax) return;
    for (const oldest of this.#inos) {
      this.#inos.delete(oldest);
      break;
    }
  }

  delete(ino: Ino): void {
    this.#inos.delete(ino);
  }

  has(ino: Ino): boolean {
    return this.#inos.has(ino);
  }
}
