// A tar of real files of this machine, chosen by a hash of their path, and a bare git repository of a third of them, kept in memory: made once
// a bench.
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';
import { stageFolder } from './rig.js';

const sources = ['/usr/include', '/usr/lib/python3', '/usr/lib/python3.11', '/usr/share/doc', '/usr/share/perl', '/usr/share/perl5'];
const fileBytesMax = 4 * 1024 * 1024;

export interface RealTree {
  readonly tar: string;
  readonly files: number;
  readonly bytes: number;
  /** Figures of two machines can be compared only where this is equal. */
  readonly sha256: string;
  readonly repository: string;
}

const person = { NAME: 'bench', EMAIL: 'bench@localhost', DATE: '1700000000 +0000' };
/** Nobody's settings, and no packing that begins by itself. */
export const gitEnvironment: NodeJS.ProcessEnv = {
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'safe.directory',
  GIT_CONFIG_VALUE_0: '*',
  GIT_CONFIG_KEY_1: 'gc.auto',
  GIT_CONFIG_VALUE_1: '0',
  ...Object.fromEntries(['AUTHOR', 'COMMITTER'].flatMap((role) => Object.entries(person).map(([key, value]) => [`GIT_${role}_${key}`, value]))),
};

export async function makeRealTree(folder: string, filesMax: number): Promise<RealTree> {
  const key = (path: string): string => createHash('sha1').update(path).digest('hex');
  const found = sources.flatMap(filesBelow).map((path) => ({ path, key: key(path) }));
  const chosen = found
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, filesMax)
    .map(({ path }) => path)
    .sort();
  const list = join(stageFolder, 'tree.list');
  writeFileSync(list, chosen.map((path) => `${path.slice(1)}\n`).join(''));
  const tar = join(folder, 'tree.tar');
  await run('tar', ['-cf', tar, '-C', '/', '--owner=0', '--group=0', '--hard-dereference', '--mtime=@1700000000', '--mode=u+rw,go=r', '--no-recursion', '-T', list]);
  const repository = await makeRepository(folder, list, chosen.length);
  return { tar, files: chosen.length, bytes: chosen.reduce((sum, path) => sum + statSync(path).size, 0), sha256: createHash('sha256').update(readFileSync(tar)).digest('hex'), repository };
}

async function makeRepository(folder: string, list: string, files: number): Promise<string> {
  const [work, repository] = [join(folder, 'git-work'), join(folder, 'tree.git')];
  mkdirSync(work);
  await run('sh', ['-c', 'head -n "$1" "$2" | tar -cf - -C / --hard-dereference --no-recursion -T - | tar -xf - -C "$3"', 'sh', String(Math.ceil(files / 3)), list, work]);
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['commit', '-q', '-m', 'tree'],
    ['gc', '-q'],
    ['config', 'core.bare', 'true'],
  ])
    await run('git', ['-C', work, ...args], gitEnvironment);
  renameSync(join(work, '.git'), repository);
  rmSync(work, { recursive: true });
  return repository;
}

function filesBelow(folder: string): readonly string[] {
  const paths: string[] = [];
  try {
    for (const name of readdirSync(folder, { recursive: true }) as string[]) {
      const path = join(folder, name);
      const about = lstatSync(path);
      if (about.isFile() && about.size < fileBytesMax) paths.push(path);
    }
  } catch (error) {
    // Not every machine has each of them.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return paths;
}
