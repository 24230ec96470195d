// What only a volume does: mounting after a clean and a killed end, moving to the backup, and reading while a disk is gone.
// backupAndLoss comes last and needs the big file of the sequential group: after it the volume is of no use.
import { existsSync } from 'node:fs';
import { client } from './child.js';
import type { HoldfastTarget } from './target.js';
import { bigPath, seconds, type Stage, storedBytes } from './workloads.js';

const mebibyte = 1024 * 1024;

export async function mounts({ results }: Stage, target: HoldfastTarget): Promise<void> {
  await target.unmount();
  results.add('holdfast', 'mount after a clean end', 'ms', 1000 * (await seconds(() => target.mount())));
  // Something for the next mount to replay.
  await client({ work: 'create', folder: `${target.folder}/replay`, files: 1_000 });
  await target.kill();
  results.add('holdfast', 'mount after kill -9', 'ms', 1000 * (await seconds(() => target.mount())));
  await client({ work: 'delete', folder: `${target.folder}/replay`, files: 1_000 });
}

export async function backupAndLoss({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  const path = bigPath(target);
  if (!existsSync(path)) await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  const bytes = sizes.bigMebibytes * mebibyte;
  const elapsed = await seconds(() => target.flush());
  results.add('holdfast', 'flush to a directory', 'MB/s', bytes / 1e6 / elapsed);
  // Unmounting waits for what the flush gave up to be gone.
  await target.cold();
  results.add('holdfast', 'stored bytes per byte after flush', 'x', storedBytes(target) / bytes);
  await target.withoutOneDisk(async () => {
    const [degraded] = await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
    results.add('holdfast', 'sequential read, cold, a disk gone', 'MB/s', bytes / 1e6 / degraded);
  });
}
