// Looks at every disk now and then, so that one that vanished is known before the next write needs it. Beside the heartbeat,
// never in its way: a disk that hangs holds up only its own look, until the limit on disk operations ends it.
import type { Disk } from '../disk/disk.js';
import type { DiskSet } from './disk-set.js';
import type { DiskProvider } from './ports.js';

export class DiskWatch {
  readonly #disks: DiskSet;
  readonly #provider: DiskProvider;
  readonly #looking = new Map<Disk, Promise<void>>();

  constructor(disks: DiskSet, provider: DiskProvider) {
    this.#disks = disks;
    this.#provider = provider;
  }

  /** Starts a look at every healthy disk that is not being looked at already. */
  look(): void {
    for (const disk of this.#disks.healthy()) {
      if (this.#looking.has(disk)) continue;
      const look = this.#provider
        .probe(disk)
        .catch((error: unknown) => this.#disks.fail(disk.id, error))
        .finally(() => this.#looking.delete(disk));
      this.#looking.set(disk, look);
    }
  }

  /** Resolves when no look is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#looking.values());
  }
}
