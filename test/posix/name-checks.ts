// Names: bytes, lengths, paths, exclusive creation.
import assert from 'node:assert/strict';
import { closeSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PosixChecks } from './check.js';
import { fails, file } from './helpers.js';

const slash = 0x2f;
const under = (dir: string, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${dir}/`), name]);
const sorted = (names: readonly Buffer[]): readonly string[] => names.map((name) => name.toString('hex')).sort();

export const nameChecks: PosixChecks = {
  'every byte but slash and NUL can be in a name': (dir) => {
    const names: Buffer[] = [];
    for (let byte = 1; byte < 256; byte++) if (byte !== slash) names.push(Buffer.from([0x61, byte]), Buffer.from([byte, byte, byte]));
    for (const name of names) writeFileSync(under(dir, name), name);
    assert.deepEqual(sorted(readdirSync(Buffer.from(dir), { encoding: 'buffer' })), sorted(names));
    for (const name of names) assert.deepEqual(readFileSync(under(dir, name)), name);
    for (const name of names) unlinkSync(under(dir, name));
    assert.deepEqual(readdirSync(dir), []);
  },
  'a name of one odd byte is a name': (dir) => {
    for (const byte of [0x01, 0x0a, 0x20, 0x2d, 0x5c, 0x7f, 0x80, 0xff]) mkdirSync(under(dir, Buffer.from([byte])));
    assert.equal(readdirSync(Buffer.from(dir), { encoding: 'buffer' }).length, 8);
  },
  'a name that is no UTF-8 keeps its bytes through link and rename': (dir) => {
    const [one, two, three] = [Buffer.from([0xc3, 0x28]), Buffer.from([0xff, 0xfe]), Buffer.from([0xed, 0xa0, 0x80])];
    writeFileSync(under(dir, one), 'x');
    linkSync(under(dir, one), under(dir, two));
    renameSync(under(dir, one), under(dir, three));
    assert.deepEqual(sorted(readdirSync(Buffer.from(dir), { encoding: 'buffer' })), sorted([two, three]));
  },
  'a name has up to 255 bytes': (dir) => {
    const name = 'n'.repeat(255);
    file(dir, name, 'long');
    assert.deepEqual(readdirSync(dir), [name]);
    assert.equal(readFileSync(join(dir, name), 'utf8'), 'long');
    const folder = join(dir, 'd'.repeat(255));
    mkdirSync(folder);
    renameSync(join(dir, name), join(folder, name));
    assert.deepEqual(readdirSync(folder), [name]);
  },
  'a name of 256 bytes is ENAMETOOLONG for every call': (dir) => {
    const long = join(dir, 'n'.repeat(256));
    const short = file(dir, 'short');
    fails('ENAMETOOLONG', () => writeFileSync(long, ''));
    fails('ENAMETOOLONG', () => mkdirSync(long));
    fails('ENAMETOOLONG', () => linkSync(short, long));
    fails('ENAMETOOLONG', () => symlinkSync('t', long));
    fails('ENAMETOOLONG', () => renameSync(short, long));
    fails('ENAMETOOLONG', () => renameSync(long, short));
    fails('ENAMETOOLONG', () => lstatSync(long));
    fails('ENAMETOOLONG', () => unlinkSync(long));
    fails('ENAMETOOLONG', () => rmdirSync(long));
  },
  'the bound is bytes, not characters': (dir) => {
    file(dir, '\u20ac'.repeat(85), 'x');
    fails('ENAMETOOLONG', () => file(dir, '\u20ac'.repeat(86), 'x'));
  },
  'names differ in case and in Unicode form': (dir) => {
    for (const name of ['a', 'A', '\u00e9', 'e\u0301', 'stra\u00dfe', 'strasse']) file(dir, name, name);
    assert.equal(readdirSync(dir).length, 6);
    assert.equal(readFileSync(join(dir, 'e\u0301'), 'utf8'), 'e\u0301');
  },
  'a deep tree can be walked and removed': (dir) => {
    let at = dir;
    for (let depth = 0; depth < 150; depth++) {
      at = join(at, `level-${depth}`);
      mkdirSync(at);
    }
    file(at, 'leaf', 'deep');
    assert.equal(readFileSync(join(at, 'leaf'), 'utf8'), 'deep');
    assert.equal(statSync(join(at, ...Array<string>(150).fill('..'))).ino, statSync(dir).ino);
  },
  'a path has up to 4,095 bytes': (dir) => {
    let path = dir;
    while (Buffer.byteLength(path) < 4_095 - 256) {
      path = join(path, 'p'.repeat(200));
      mkdirSync(path);
    }
    const longest = join(path, 'f'.repeat(4_095 - Buffer.byteLength(path) - 1));
    writeFileSync(longest, 'deep');
    assert.equal(readFileSync(longest, 'utf8'), 'deep');
    fails('ENAMETOOLONG', () => writeFileSync(`${longest}x`, ''));
    renameSync(longest, join(path, 'short'));
    assert.equal(readFileSync(join(path, 'short'), 'utf8'), 'deep');
  },
  'a path through nothing is ENOENT, through a file ENOTDIR': (dir) => {
    file(dir, 'f');
    fails('ENOENT', () => file(join(dir, 'nothing'), 'x'));
    fails('ENOTDIR', () => file(join(dir, 'f'), 'x'));
    fails('ENOTDIR', () => lstatSync(join(dir, 'f', 'x')));
    fails('ENOTDIR', () => lstatSync(`${join(dir, 'f')}/`));
    fails('ENOTDIR', () => mkdirSync(join(dir, 'f', 'x')));
  },
  'O_EXCL refuses what exists, also a dangling symlink': (dir) => {
    closeSync(openSync(join(dir, 'a'), 'wx'));
    fails('EEXIST', () => openSync(join(dir, 'a'), 'wx'));
    symlinkSync('nowhere', join(dir, 'l'));
    fails('EEXIST', () => openSync(join(dir, 'l'), 'wx'));
  },
  'O_CREAT goes through a dangling symlink': (dir) => {
    symlinkSync('target', join(dir, 'l'));
    file(dir, 'l', 'text');
    assert.equal(readFileSync(join(dir, 'target'), 'utf8'), 'text');
  },
  'opening for writing what is a directory is EISDIR': (dir) => {
    mkdirSync(join(dir, 'd'));
    fails('EISDIR', () => openSync(join(dir, 'd'), 'w'));
    fails('EISDIR', () => openSync(join(dir, 'd'), 'r+'));
    closeSync(openSync(join(dir, 'd'), 'r'));
  },
  'mkdir, mkfile, symlink and link refuse a name that is taken': (dir) => {
    const target = file(dir, 'f');
    mkdirSync(join(dir, 'd'));
    for (const name of ['f', 'd', '.', '..']) {
      fails('EEXIST', () => mkdirSync(`${dir}/${name}`));
      fails('EEXIST', () => symlinkSync('t', `${dir}/${name}`));
      fails('EEXIST', () => linkSync(target, `${dir}/${name}`));
    }
  },
  'rmdir of dot is EINVAL, of dot-dot ENOTEMPTY': (dir) => {
    mkdirSync(join(dir, 'd'));
    fails('EINVAL', () => rmdirSync(`${dir}/d/.`));
    fails('ENOTEMPTY', () => rmdirSync(`${dir}/d/..`));
  },
  'a name can be made again at once after it was removed, with a new inode': (dir) => {
    const seen = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const path = file(dir, 'again', `round ${round}`);
      assert.equal(readFileSync(path, 'utf8'), `round ${round}`);
      unlinkSync(path);
      mkdirSync(path);
      seen.add(String(statSync(path).isDirectory()));
      rmdirSync(path);
      fails('ENOENT', () => statSync(path));
    }
    assert.deepEqual([...seen], ['true']);
  },
};
