// Real files: unpacked, searched, compared and removed; and a repository cloned, looked at and checked.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../child.js';
import { gitEnvironment } from '../real-tree.js';
import { expectReal, makeCold, observed, seconds, type Stage, timedRun } from '../stage.js';
import type { Target } from '../target.js';

export async function tree(stage: Stage, target: Target): Promise<void> {
  const { results, tree: real } = stage;
  const folder = join(target.folder, 'tree');
  mkdirSync(folder);
  await makeCold(target);
  const unpacked = await observed(target, () => timedRun(target, 'tar', ['-xf', real.tar, '-C', folder]));
  results.add(target.name, 'untar + sync', 's', unpacked.value, unpacked.went, `${real.files} files`);
  expectReal(stage, target, 'bytes of untar', unpacked.went.writtenBytes, real.bytes);
  await makeCold(target);
  results.add(target.name, 'grep -r, cold', 's', await seconds(() => run('sh', ['-c', 'grep -r -F -q zz-no-such-words-zz "$1"; test $? = 1', 'sh', folder])));
  await run('tar', ['-df', real.tar, '-C', folder]);
  const removed = await observed(target, () => timedRun(target, 'rm', ['-rf', folder]));
  results.add(target.name, 'rm -rf + sync', 's', removed.value, removed.went);
  expectReal(stage, target, 'flushes of the sync after rm -rf', removed.went.flushes, 1);
}

export async function git({ results, tree: real }: Stage, target: Target): Promise<void> {
  const folder = join(target.folder, 'git');
  await makeCold(target);
  const cloned = await observed(target, () => timedRun(target, 'git', ['clone', '-q', '--no-local', real.repository, folder], gitEnvironment));
  results.add(target.name, 'git clone + sync', 's', cloned.value, cloned.went);
  await makeCold(target);
  let said = '';
  const took = await seconds(async () => {
    said = await run('git', ['-C', folder, 'status', '--porcelain'], gitEnvironment);
  });
  results.add(target.name, 'git status, cold', 's', took);
  if (said !== '') throw new Error(`git status is not clean: ${said.slice(0, 200)}`);
  await run('git', ['-C', folder, 'fsck'], gitEnvironment);
}
