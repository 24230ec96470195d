// Reading directories: everything once, types and inode numbers, positions that stay true, changes while reading.
import assert from 'node:assert/strict';
import { mkdirSync, opendirSync, readdirSync, rmdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { PosixChecks } from './check.js';
import { call, fails, file, lstat, readDirectory } from './helpers.js';

function filled(dir: string, count: number, prefix: string): string {
  const folder = join(dir, 'd');
  mkdirSync(folder);
  for (let n = 0; n < count; n++) file(folder, `${prefix}${n}${'-'.repeat(n % 60)}`);
  return folder;
}

export const directoryChecks: PosixChecks = {
  'three thousand names are listed once each': (dir) => {
    const folder = filled(dir, 3_000, 'k');
    const { lines, count } = readDirectory('list', folder);
    assert.equal(count, 3_002);
    const names = lines.map((line) => line.split(' ')[2]);
    assert.equal(new Set(names).size, 3_002);
    assert.deepEqual(readdirSync(folder).sort(), names.filter((name) => name !== '.' && name !== '..').sort());
  },
  'entries carry the inode number and type that stat gives': (dir) => {
    file(dir, 'file');
    mkdirSync(join(dir, 'directory'));
    symlinkSync('t', join(dir, 'symlink'));
    call('mknod', join(dir, 'fifo'), 0o010644, 0, 0);
    const types: Readonly<Record<string, number>> = { file: 8, directory: 4, symlink: 10, fifo: 1, '.': 4, '..': 4 };
    for (const line of readDirectory('list', dir).lines) {
      const [ino, type, name] = line.split(' ');
      assert.ok(name !== undefined && ino !== undefined);
      assert.equal(Number(type), types[name], name);
      assert.equal(BigInt(ino), lstat(join(dir, name)).ino, name);
    }
  },
  'everything can be deleted while it is read': (dir) => {
    const folder = filled(dir, 2_000, 'k');
    assert.equal(readDirectory('delete', folder).count, 2_000);
    assert.deepEqual(readdirSync(folder), []);
    rmdirSync(folder);
  },
  'telldir and seekdir find every entry again': (dir) => {
    assert.equal(readDirectory('seek', filled(dir, 1_500, 'k')).count, 1_502);
  },
  'rewinddir shows what was made since': (dir) => {
    assert.equal(readDirectory('rewind', filled(dir, 10, 'k')).count, 13);
  },
  'names that stay are listed once while others come and go': (dir) => {
    assert.equal(readDirectory('churn', filled(dir, 1_500, 'k')).count, 1_500);
  },
  'an empty directory has dot and dot-dot': (dir) => {
    const folder = filled(dir, 0, 'k');
    const names = readDirectory('list', folder).lines.map((line) => line.split(' ')[2]);
    assert.deepEqual(names.sort(), ['.', '..']);
    assert.equal(statSync(`${folder}/..`).ino, statSync(dir).ino);
    assert.equal(statSync(`${folder}/.`).ino, statSync(folder).ino);
  },
  'a list sees its own changes at once': (dir) => {
    for (let round = 0; round < 20; round++) {
      file(dir, `f${round}`);
      assert.equal(readdirSync(dir).length, round + 1);
    }
  },
  'only directories are opened as such': (dir) => {
    fails('ENOTDIR', () => opendirSync(file(dir, 'f')));
    fails('ENOENT', () => opendirSync(join(dir, 'no')));
    fails('ENOTDIR', () => readdirSync(join(dir, 'f')));
  },
};
