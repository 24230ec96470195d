// What writeback caching (mount.writeback) is worth, on one volume mounted without and with it in turns: small writes to an open file
// with one fsync at the end, large ones, an fsync for each, and many small files made and closed.
import { join } from 'node:path';
import { client, clientsTogether } from '../child.js';
import type { HoldfastTarget } from '../holdfast.js';
import { mebibyte, type Stage } from '../stage.js';
import { syncAll } from '../sync.js';

const smallBytes = 512;

export async function writeback({ results, sizes }: Stage, target: HoldfastTarget): Promise<void> {
  for (const option of ['nowriteback', 'writeback']) {
    await target.unmount();
    await target.mount('-o', option);
    const path = (name: string): string => join(target.folder, `${option}-${name}`);
    const metric = (what: string): string => `${what}${option === 'writeback' ? ', writeback' : ''}`;
    const pieces = 10 * sizes.smallFiles;
    const [small] = await client({ work: 'write-pieces', path: path('small'), pieces, pieceBytes: smallBytes });
    results.add(target.name, metric('writes of 512 bytes, one fsync'), '/s', pieces / small);
    const mebibytes = sizes.bigMebibytes / 4;
    const [large] = await client({ work: 'write', path: path('large'), mebibytes });
    results.add(target.name, metric('writes of 1 MiB, one fsync'), 'MB/s', (mebibytes * mebibyte) / 1e6 / large);
    const [each] = await client({ work: 'append', path: path('each'), times: sizes.fsyncs });
    results.add(target.name, metric('append 4 KiB, fsync each'), '/s', sizes.fsyncs / each);
    await client({ work: 'make-folders', folder: path('files'), files: sizes.smallFiles });
    const made = await clientsTogether([{ work: 'create', folder: path('files'), files: sizes.smallFiles, part: 0, parts: 1 }], () => syncAll(target.folder, target.below));
    results.add(target.name, metric('create 4 KiB files'), '/s', sizes.smallFiles / made);
  }
  // The next group finds it as it was.
  await target.unmount();
  await target.mount();
}
