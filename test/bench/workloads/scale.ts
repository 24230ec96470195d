// Whether cost grows with size: a long write, a folder with very many names, a sparse file with very many extents, a volume with very many
// files. Each is cut into slices; the figure is the slowest slice over the median one, and the slices are a plot.
import { statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientNumbers } from '../child.js';
import type { HoldfastTarget } from '../holdfast.js';
import { median } from '../results.js';
import { seconds, type Stage } from '../stage.js';
import { syncAll } from '../sync.js';

const slices = 20;
const sparseBytes = 100e9;

export async function longWrite({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  const path = join(target.folder, 'long');
  const mebibytes = 1024 * sizes.longWriteGibibytes;
  const times = await clientNumbers({ work: 'write-slices', path, mebibytes, slices });
  const bytesEach = (mebibytes * 1024 * 1024) / slices;
  results.add(target.name, `write of ${sizes.longWriteGibibytes} GiB`, 'MB/s', (bytesEach * slices) / 1e6 / sum(times));
  cliff(results, target, 'long write', times);
  results.curve(
    { title: 'One long write', x: 'GiB written', y: 'MB/s' },
    'holdfast',
    times.map((time, at) => [((at + 1) * sizes.longWriteGibibytes) / slices, bytesEach / 1e6 / time]),
  );
  target.notePeak();
  results.add(target.name, 'memory after the long write, peak', 'MB', target.peakBytes / 1e6);
}

export async function folder({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  const path = join(target.folder, 'many-names');
  const files = sizes.folderNames;
  const made = await clientNumbers({ work: 'fill-folder', folder: path, files, slices });
  results.add(target.name, `create in a folder up to ${files} names`, '/s', files / sum(made));
  cliff(results, target, 'create in one folder', made);
  const gone = await clientNumbers({ work: 'empty-folder', folder: path, files, slices });
  results.add(target.name, `delete in a folder of ${files} names`, '/s', files / sum(gone));
  cliff(results, target, 'delete in one folder', gone);
  for (const [name, times] of [
    ['create', made],
    ['delete', gone],
  ] as const)
    results.curve({ title: 'One folder', x: 'names so far', y: 'us each' }, name, costs(times, files));
}

export async function extents({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  const path = join(target.folder, 'sparse');
  const times = await clientNumbers({ work: 'scatter', path, fileBytes: sparseBytes, times: sizes.extents, slices });
  results.add(target.name, `random write, sparse 100 GB, ${sizes.extents} extents`, '/s', sizes.extents / sum(times));
  cliff(results, target, 'random write in a sparse file', times);
  results.curve({ title: 'Random writes in a sparse file', x: 'extents so far', y: 'us each' }, 'holdfast', costs(times, sizes.extents));
  // Somebody else's life goes on while it is taken apart.
  const others = clientNumbers({ work: 'sample-fsyncs', path: join(target.folder, 'beside'), seconds: 5 });
  results.add(target.name, `unlink of a file with ${sizes.extents} extents`, 'ms', 1000 * (await seconds(() => unlinkSync(path))));
  results.add(target.name, 'slowest fsync of somebody else meanwhile', 'ms', Math.max(...(await others).filter((_, at) => at % 2 === 1)));
}

/** `requests` tells how many requests the backup has seen. */
export async function manyFiles({ results, sizes }: Stage, target: HoldfastTarget, requests: () => number): Promise<void> {
  const folder = join(target.folder, 'tree');
  const times = await clientNumbers({ work: 'make-tree', folder, files: sizes.volumeFiles, slices });
  cliff(results, target, 'create of many files', times);
  results.curve({ title: 'A volume with many files', x: 'files so far', y: 'us each' }, 'create', costs(times, sizes.volumeFiles));
  results.add(target.name, `first flush, ${sizes.volumeFiles} files`, 's', await seconds(() => target.flush()));
  const changed = join(folder, 'd0', 'f0000001');
  writeFileSync(changed, 'changed');
  syncAll(folder, []);
  const before = requests();
  results.add(target.name, 'flush of one changed file', 's', await seconds(() => target.flush()));
  results.add(target.name, 'flush of one changed file: requests', 'requests', requests() - before);
  const check = (): void => {
    if (statSync(changed).size !== 7) throw new Error('the changed file is not what it was');
  };
  for (const [how, end] of [
    ['a clean end', () => target.unmount()],
    ['kill -9', () => target.kill()],
    ['a power loss', () => target.losePower()],
  ] as const) {
    await end();
    results.add(target.name, `mount of many files after ${how}`, 's', await seconds(() => target.mount()));
    check();
  }
  target.notePeak();
  results.add(target.name, 'memory with many files, peak', 'MB', target.peakBytes / 1e6);
}

function cliff(results: Stage['results'], target: HoldfastTarget, what: string, times: readonly number[]): void {
  results.add(target.name, `${what}: slowest part over the median`, 'x', Math.max(...times) / (median(times) ?? Number.NaN));
}

function costs(times: readonly number[], all: number): readonly (readonly [number, number])[] {
  return times.map((time, at) => [((at + 1) * all) / times.length, (1e6 * time * times.length) / all]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
