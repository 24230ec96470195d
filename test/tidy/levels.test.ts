// Imports go down the level table of docs/architecture.md only, and a third-party package is imported in one folder.
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import { filesIn, importsOf } from './sources.js';

const levels: Readonly<Record<string, number>> = {
  base: 0,
  native: 1,
  config: 1,
  format: 1,
  disk: 2,
  objectstore: 2,
  skeleton: 3,
  journal: 3,
  pool: 3,
  backup: 3,
  volume: 4,
  filesystem: 5,
  recovery: 5,
  mirror: 5,
  fuse: 6,
  daemon: 7,
  cli: 8,
};

/** Sideways imports that are right, each with its reason. */
const sideways: Readonly<Record<string, string>> = {
  'format -> native': 'byte layouts carry CRC32C, which the addon computes',
};

/** The one folder of each third-party package: everybody else goes through our own interface there. */
const packageFolders: Readonly<Record<string, string>> = {
  '@aws-sdk/client-s3': 'objectstore',
  '@aws-sdk/credential-providers': 'objectstore',
  '@smithy/node-http-handler': 'objectstore',
  'better-sqlite3': 'skeleton',
  chokidar: 'daemon',
  'cli-progress': 'cli',
  croner: 'config',
  picocolors: 'cli',
  pino: 'daemon',
  'prom-client': 'daemon',
  'smol-toml': 'config',
  yargs: 'cli',
  zod: 'config',
};

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function packageOf(module: string): string {
  const parts = module.split('/');
  return module.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

test('every folder of src has a level', () => {
  const folders = new Set(filesIn('src', '.ts').map((file) => folderOf(file.path)));
  assert.deepEqual([...folders].filter((folder) => levels[folder] === undefined), []);
});

test('imports go down the level table only', () => {
  const wrong: string[] = [];
  for (const file of filesIn('src', '.ts')) {
    const from = folderOf(file.path);
    for (const module of importsOf(file.text).filter((name) => name.startsWith('.'))) {
      const to = folderOf(posix.join(posix.dirname(file.path), module));
      if (to === from || sideways[`${from} -> ${to}`] !== undefined) continue;
      if ((levels[to] ?? 99) >= (levels[from] ?? 0)) wrong.push(`${file.path} (level ${levels[from]}) imports ${module} (level ${levels[to]})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('a third-party package is imported in one folder only', () => {
  const wrong: string[] = [];
  for (const file of filesIn('src', '.ts')) {
    for (const module of importsOf(file.text).filter((name) => !name.startsWith('.') && !name.startsWith('node:'))) {
      const home = packageFolders[packageOf(module)];
      if (home !== folderOf(file.path)) wrong.push(`${file.path} imports ${module}, whose folder is ${home ?? 'not set in this test'}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('relative imports carry the .js suffix and built-in modules the node: prefix', () => {
  const wrong: string[] = [];
  for (const file of [...filesIn('src', '.ts'), ...filesIn('test', '.ts')]) {
    for (const module of importsOf(file.text)) {
      if (module.startsWith('.') && !module.endsWith('.js')) wrong.push(`${file.path}: ${module}`);
      if (/^(fs|path|os|crypto|child_process|net|stream|events|util|url|assert)(\/|$)/.test(module)) wrong.push(`${file.path}: ${module}`);
    }
  }
  assert.deepEqual(wrong, []);
});
