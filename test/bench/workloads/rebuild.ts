// A lost disk is made whole again on an empty one. The figure counts what the new disk holds afterwards, not what the volume does.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { client } from '../child.js';
import type { HoldfastTarget } from '../holdfast.js';
import type { Stage } from '../stage.js';
import { syncFileSystems } from '../sync.js';

export async function rebuild({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  const path = join(target.folder, 'big');
  await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  const { seconds, folder } = await target.rebuildFirstDisk();
  syncFileSystems([folder]);
  const bytes = Number(execFileSync('du', ['-s', '-B1', join(folder, 'shards')], { encoding: 'utf8' }).split('\t')[0]);
  results.add(target.name, 'rebuild of a lost disk', 'MB/s', bytes / 1e6 / seconds, null, `${(bytes / 1e6).toFixed(0)} MB of shards`);
  await target.mount();
  await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
}
