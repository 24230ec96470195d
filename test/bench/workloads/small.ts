// Many files of 4 KiB in a hundred folders: made by one process and by four, looked at, listed, read and deleted.
import { join } from 'node:path';
import { client, clientsTogether } from '../child.js';
import { expectReal, makeCold, observed, type Stage } from '../stage.js';
import { syncAll } from '../sync.js';
import type { Target } from '../target.js';

const fileBytes = 4096;

export async function small(stage: Stage, target: Target): Promise<void> {
  const { results, sizes } = stage;
  const folder = join(target.folder, 'small');
  const files = sizes.smallFiles;
  await make(stage, target, folder, 1, 'create 4 KiB files, one process');
  await makeCold(target);
  const stat = await observed(target, () => client({ work: 'stat', folder, files }));
  results.add(target.name, 'stat, cold', '/s', files / stat.value[0], stat.went);
  expectReal(stage, target, 'bytes of a cold stat', stat.went.readBytes, 1);
  results.add(target.name, 'stat, warm', '/s', files / stat.value[1]);
  await makeCold(target);
  const list = await observed(target, () => client({ work: 'list', folder, files }));
  results.add(target.name, 'list names, cold', '/s', files / list.value[0], list.went);
  await makeCold(target);
  const read = await observed(target, () => client({ work: 'read-small', folder, files }));
  results.add(target.name, 'read 4 KiB files, cold', '/s', files / read.value[0], read.went);
  expectReal(stage, target, 'bytes of files read cold', read.went.readBytes, files * fileBytes);
  const gone = await observed(target, () => client({ work: 'delete', folder, files, below: target.below }));
  results.add(target.name, 'delete', '/s', files / gone.value[0], gone.went);
  expectReal(stage, target, 'flushes of the sync after deleting', gone.went.flushes, 1);
  await make(stage, target, join(target.folder, 'four'), 4, 'create 4 KiB files, four processes');
}

async function make({ results, sizes, ...rest }: Stage, target: Target, folder: string, parts: number, metric: string): Promise<void> {
  const files = sizes.smallFiles;
  await client({ work: 'make-folders', folder, files });
  syncAll(target.folder, target.below);
  const requests = Array.from({ length: parts }, (_, part) => ({ work: 'create', folder, files, part, parts }) as const);
  const made = await observed(target, () => clientsTogether(requests, () => syncAll(target.folder, target.below)));
  results.add(target.name, metric, '/s', files / made.value, made.went);
  expectReal({ results, sizes, ...rest }, target, `bytes of ${metric}`, made.went.writtenBytes, files * fileBytes);
}
