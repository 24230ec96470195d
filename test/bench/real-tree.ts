// A tar of real files of this machine, chosen by a hash of their path, kept in memory: made once a bench.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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
}

export async function makeRealTree(folder: string, filesMax: number): Promise<RealTree> {
  const key = (path: string): string => createHash('sha1').update(path).digest('hex');
  const found = sources.flatMap(filesBelow).map((path) => ({ path, key: key(path) }));
  const chosen = found.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, filesMax).map(({ path }) => path).sort();
  const list = join(stageFolder, 'tree.list');
  writeFileSync(list, chosen.map((path) => `${path.slice(1)}\n`).join(''));
  const tar = join(folder, 'tree.tar');
  await run('tar', ['-cf', tar, '-C', '/', '--owner=0', '--group=0', '--hard-dereference', '--mtime=@1700000000', '--mode=u+rw,go=r', '--no-recursion', '-T', list]);
  return { tar, files: chosen.length, bytes: statSync(tar).size, sha256: createHash('sha256').update(readFileSync(tar)).digest('hex') };
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
