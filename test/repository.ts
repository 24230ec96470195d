// Where the repository is, seen from compiled tests in whatever output folder: the nearest folder above with a package.json and a src.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function find(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'tsconfig.json'))) return folder;
    const up = dirname(folder);
    if (up === folder) throw new Error('no package.json above the tests');
    folder = up;
  }
}

export const repositoryRoot = find();
