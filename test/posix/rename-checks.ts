// rename and renameat2: what may replace what, loops, flags, link counts, handles.
import assert from 'node:assert/strict';
import { closeSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, renameSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, type PosixChecks } from './check.js';
import { call, fails, file } from './helpers.js';

const NOREPLACE = 1;
const EXCHANGE = 2;
const WHITEOUT = 4;
const linkCount = (path: string): number => lstatSync(path).nlink;
const ino = (path: string): number => lstatSync(path).ino;

export const renameChecks: PosixChecks = {
  'rename replaces a file at once; the old one lives on in its handles': (dir) => {
    const [a, b] = [file(dir, 'a', 'new'), file(dir, 'b', 'old')];
    const fd = openSync(b, 'r');
    renameSync(a, b);
    assert.equal(readFileSync(b, 'utf8'), 'new');
    const back = Buffer.alloc(3);
    readSync(fd, back, 0, 3, 0);
    assert.equal(back.toString(), 'old');
    closeSync(fd);
    assert.deepEqual(readdirSync(dir), ['b']);
  },
  'a handle follows its file through renames': (dir) => {
    const a = file(dir, 'a', 'text');
    mkdirSync(join(dir, 'd'));
    const fd = openSync(a, 'r+');
    renameSync(a, join(dir, 'd', 'b'));
    writeSync(fd, 'T', 0);
    closeSync(fd);
    assert.equal(readFileSync(join(dir, 'd', 'b'), 'utf8'), 'Text');
  },
  'a directory replaces only an empty directory, a file no directory': (dir) => {
    for (const name of ['moving', 'empty', 'full']) mkdirSync(join(dir, name));
    file(join(dir, 'full'), 'x');
    const f = file(dir, 'f');
    fails('ENOTDIR', () => renameSync(join(dir, 'moving'), f));
    fails('EISDIR', () => renameSync(f, join(dir, 'empty')));
    fails(['ENOTEMPTY', 'EEXIST'], () => renameSync(join(dir, 'moving'), join(dir, 'full')));
    renameSync(join(dir, 'moving'), join(dir, 'empty'));
    assert.deepEqual(readdirSync(dir).sort(), ['empty', 'f', 'full']);
  },
  'a directory does not move into itself': (dir) => {
    mkdirSync(join(dir, 'a', 'b', 'c'), { recursive: true });
    fails('EINVAL', () => renameSync(join(dir, 'a'), join(dir, 'a', 'x')));
    fails('EINVAL', () => renameSync(join(dir, 'a'), join(dir, 'a', 'b', 'c', 'x')));
    fails(['ENOTEMPTY', 'EEXIST'], () => renameSync(join(dir, 'a', 'b', 'c'), join(dir, 'a')));
    fails('EINVAL', () => call('rename', join(dir, 'a'), join(dir, 'a', 'b', 'c'), EXCHANGE));
  },
  'two names of one file both stay': (dir) => {
    const a = file(dir, 'a', 'x');
    linkSync(a, join(dir, 'b'));
    renameSync(a, join(dir, 'b'));
    assert.deepEqual(readdirSync(dir).sort(), ['a', 'b']);
    renameSync(a, a);
    assert.equal(linkCount(a), 2);
  },
  'a directory that moves takes its dot-dot and its count along': (dir) => {
    mkdirSync(join(dir, 'from', 'moving'), { recursive: true });
    mkdirSync(join(dir, 'to'));
    renameSync(join(dir, 'from', 'moving'), join(dir, 'to', 'moved'));
    assert.equal(ino(`${dir}/to/moved/..`), ino(join(dir, 'to')));
    assert.deepEqual([linkCount(join(dir, 'from')), linkCount(join(dir, 'to'))], [2, 3]);
  },
  'a directory that replaces another gives back its count': (dir) => {
    for (const name of ['one', 'two']) mkdirSync(join(dir, name, 'sub'), { recursive: true });
    renameSync(join(dir, 'one', 'sub'), join(dir, 'two', 'sub'));
    assert.deepEqual([linkCount(join(dir, 'one')), linkCount(join(dir, 'two'))], [2, 3]);
  },
  'what is not there cannot be renamed': (dir) => {
    fails('ENOENT', () => renameSync(join(dir, 'a'), join(dir, 'b')));
    fails('ENOENT', () => renameSync(file(dir, 'f'), join(dir, 'no', 'b')));
    fails(['EBUSY', 'EINVAL'], () => renameSync(`${dir}/.`, join(dir, 'b')));
  },
  'a symlink is renamed itself': (dir) => {
    file(dir, 'target', 'x');
    symlinkSync('target', join(dir, 'l'));
    renameSync(join(dir, 'l'), join(dir, 'm'));
    assert.equal(readlinkSync(join(dir, 'm')), 'target');
    renameSync(file(dir, 'f', 'y'), join(dir, 'm'));
    assert.equal(readFileSync(join(dir, 'target'), 'utf8'), 'x');
    assert.ok(lstatSync(join(dir, 'm')).isFile());
  },
  'RENAME_NOREPLACE moves but never replaces': (dir) => {
    const [a, b] = [file(dir, 'a', 'a'), file(dir, 'b', 'b')];
    fails('EEXIST', () => call('rename', a, b, NOREPLACE));
    call('rename', a, join(dir, 'c'), NOREPLACE);
    assert.deepEqual([readFileSync(join(dir, 'c'), 'utf8'), readFileSync(b, 'utf8')], ['a', 'b']);
  },
  'RENAME_WHITEOUT leaves a device of numbers 0, 0 behind': (dir) => {
    needsRoot();
    const a = file(dir, 'a', 'text');
    call('rename', a, join(dir, 'b'), WHITEOUT);
    assert.equal(readFileSync(join(dir, 'b'), 'utf8'), 'text');
    assert.ok(lstatSync(a).isCharacterDevice());
    assert.equal(lstatSync(a).rdev, 0);
    fails('EEXIST', () => call('rename', join(dir, 'b'), a, WHITEOUT | NOREPLACE));
    fails('EINVAL', () => call('rename', join(dir, 'b'), a, WHITEOUT | EXCHANGE));
  },
  'RENAME_EXCHANGE swaps two files': (dir) => {
    const [a, b] = [file(dir, 'a', 'a'), file(dir, 'b', 'b')];
    const before = [ino(a), ino(b)];
    call('rename', a, b, EXCHANGE);
    assert.deepEqual([ino(b), ino(a)], before);
    assert.deepEqual([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')], ['b', 'a']);
  },
  'RENAME_EXCHANGE swaps a file and a full directory of another parent': (dir) => {
    mkdirSync(join(dir, 'p', 'd'), { recursive: true });
    mkdirSync(join(dir, 'q'));
    file(join(dir, 'p', 'd'), 'inside', 'x');
    file(join(dir, 'q'), 'f', 'y');
    call('rename', join(dir, 'p', 'd'), join(dir, 'q', 'f'), EXCHANGE);
    assert.equal(readFileSync(join(dir, 'q', 'f', 'inside'), 'utf8'), 'x');
    assert.equal(readFileSync(join(dir, 'p', 'd'), 'utf8'), 'y');
    assert.deepEqual([linkCount(join(dir, 'p')), linkCount(join(dir, 'q'))], [2, 3]);
    assert.equal(ino(`${dir}/q/f/..`), ino(join(dir, 'q')));
  },
  'RENAME_EXCHANGE needs both, and flags exclude each other': (dir) => {
    const a = file(dir, 'a');
    fails('ENOENT', () => call('rename', a, join(dir, 'b'), EXCHANGE));
    fails('EINVAL', () => call('rename', a, join(dir, 'b'), NOREPLACE | EXCHANGE));
    fails('EINVAL', () => call('rename', a, join(dir, 'b'), 64));
  },
};
