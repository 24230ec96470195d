// One big file: written with its fsync, read cold and warm; and read while a disk is gone, which leaves the target of no use.
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { client } from '../child.js';
import { expectReal, mebibyte, observed, type Stage } from '../stage.js';
import { syncAll } from '../sync.js';
import type { Target } from '../target.js';

export async function sequential(stage: Stage, target: Target): Promise<void> {
  const { results, sizes } = stage;
  const path = join(target.folder, 'big');
  const bytes = sizes.bigMebibytes * mebibyte;
  const rate = (seconds: number): number => bytes / 1e6 / seconds;
  // Untimed: its memory, freed by the unlink, serves the timed one.
  await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  unlinkSync(path);
  await target.cold();
  const wrote = await observed(target, async () => {
    const [seconds] = await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
    // Not timed: what the file systems below still hold back belongs to the written bytes.
    syncAll(target.folder, target.below);
    return seconds;
  });
  results.add(target.name, 'sequential write + fsync', 'MB/s', rate(wrote.value), wrote.went);
  results.add(target.name, 'disk bytes per byte, write + fsync', 'x', wrote.went.writtenBytes / bytes);
  expectReal(stage, target, 'bytes of the sequential write', wrote.went.writtenBytes, bytes);
  await target.cold();
  const cold = await observed(target, () => client({ work: 'read', path, mebibytes: sizes.bigMebibytes }));
  results.add(target.name, 'sequential read, cold', 'MB/s', rate(cold.value[0]), cold.went);
  expectReal(stage, target, 'bytes of the cold read', cold.went.readBytes, bytes);
  // Whatever cache there is holds the whole file then.
  await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
  const [warm] = await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
  results.add(target.name, 'sequential read, warm', 'MB/s', rate(warm));
}

/** The same file read while a disk is not there: what the volume does then to be safe again goes on meanwhile. */
export async function degraded({ results, sizes }: Stage, target: Target): Promise<void> {
  if (target.withoutOneDisk === undefined) return;
  const path = join(target.folder, 'big');
  await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  await target.withoutOneDisk(async () => {
    const lost = await observed(target, () => client({ work: 'read', path, mebibytes: sizes.bigMebibytes }));
    results.add(target.name, 'sequential read, cold, a disk gone', 'MB/s', (sizes.bigMebibytes * mebibyte) / 1e6 / lost.value[0], lost.went);
  });
}
