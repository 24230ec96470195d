// What only a volume does: mounting after a clean and a killed end, and moving to the backup.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { client, clientsTogether } from '../child.js';
import type { HoldfastTarget } from '../holdfast.js';
import { mebibyte, seconds, type Stage } from '../stage.js';
import { syncFileSystems } from '../sync.js';

export async function volume({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  await target.unmount();
  results.add(target.name, 'mount after a clean end', 'ms', 1000 * (await seconds(() => target.mount())));
  // Something for the next mount to replay.
  const folder = join(target.folder, 'replay');
  await client({ work: 'make-folders', folder, files: 1_000 });
  await clientsTogether([{ work: 'create', folder, files: 1_000, part: 0, parts: 1 }], () => undefined);
  await target.kill();
  results.add(target.name, 'mount after kill -9', 'ms', 1000 * (await seconds(() => target.mount())));
  const bytes = sizes.bigMebibytes * mebibyte;
  await client({ work: 'write', path: join(target.folder, 'big'), mebibytes: sizes.bigMebibytes });
  results.add(target.name, 'flush to a directory', 'MB/s', bytes / 1e6 / (await seconds(() => target.flush())));
  // Unmounting waits for what the flush gave up to be gone.
  await target.cold();
  results.add(target.name, 'stored bytes per byte after a flush', 'x', storedBytes(target) / bytes);
}

/** Bytes of shard files on the disks. */
function storedBytes(target: HoldfastTarget): number {
  syncFileSystems(target.below);
  const said = execFileSync('du', ['-s', '-B1', ...target.below.map((folder) => join(folder, 'shards'))], { encoding: 'utf8' });
  return said
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.split('\t')[0]), 0);
}
