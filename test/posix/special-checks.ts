// What is neither file nor directory, locks between processes, and the filesystem as a whole.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readFileSync, renameSync, statfsSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { CheckSkipped, needsRoot, type PosixChecks } from './check.js';
import { call, client, fails, file, heldClient } from './helpers.js';

/** sun_path holds 108 bytes with its NUL. */
const socketPathMax = 107;

export const specialChecks: PosixChecks = {
  'a fifo joins two processes': async (dir) => {
    const path = join(dir, 'fifo');
    call('mknod', path, 0o010600, 0, 0);
    assert.ok(lstatSync(path).isFIFO());
    const writer = spawn('/bin/sh', ['-c', `echo through the pipe > '${path}'`], { stdio: 'inherit' });
    assert.equal(readFileSync(path, 'utf8'), 'through the pipe\n');
    if (writer.exitCode === null) await once(writer, 'close');
    unlinkSync(path);
  },
  'a Unix socket is bound and reached': async (dir) => {
    const path = join(dir, 'socket');
    if (Buffer.byteLength(path) > socketPathMax) throw new CheckSkipped(`${path} is too long for a socket`);
    const server = createServer((socket) => socket.end('hello'));
    server.listen(path);
    await once(server, 'listening');
    assert.ok(lstatSync(path).isSocket());
    const socket = connect(path).setEncoding('utf8');
    const [text] = (await once(socket, 'data')) as unknown[];
    assert.equal(text, 'hello');
    socket.destroy();
    server.close();
    await once(server, 'close');
    fails('ENOENT', () => lstatSync(path));
  },
  'mknod makes sockets, and devices with their numbers': (dir) => {
    needsRoot();
    call('mknod', join(dir, 's'), 0o140600, 0, 0);
    call('mknod', join(dir, 'c'), 0o020620, 5, 300);
    call('mknod', join(dir, 'b'), 0o060660, 259, 70_000);
    const [s, c, b] = ['s', 'c', 'b'].map((name) => lstatSync(join(dir, name)));
    assert.ok(s !== undefined && c !== undefined && b !== undefined);
    assert.ok(s.isSocket() && c.isCharacterDevice() && b.isBlockDevice());
    // linux/kdev_t.h as the C library shows it: minor bits 0-7, major 8-19, minor 8-19 above.
    const number = (major: number, minor: number): number => (minor & 0xff) | (major << 8) | ((minor & ~0xff) * 2 ** 12);
    assert.deepEqual([c.rdev, b.rdev], [number(5, 300), number(259, 70_000)]);
    assert.equal(c.mode & 0o777, 0o620 & ~process.umask());
    fails('EEXIST', () => call('mknod', join(dir, 'c'), 0o010600, 0, 0));
  },
  'mknod makes regular files too': (dir) => {
    const path = join(dir, 'f');
    call('mknod', path, 0o100644, 0, 0);
    assert.ok(lstatSync(path).isFile());
    call('pwrite', path, 0, 0, 'text');
    assert.equal(readFileSync(path, 'utf8'), 'text');
  },
  'statfs adds up': (dir) => {
    const [bsize, frsize, blocks, bfree, bavail, files, ffree, namemax] = call('statvfs', dir).split(' ').map(Number);
    assert.ok(bsize !== undefined && frsize !== undefined && bsize >= 512 && frsize >= 512);
    assert.ok(blocks !== undefined && bfree !== undefined && bavail !== undefined && blocks > 0 && bfree <= blocks && bavail <= bfree);
    assert.ok(files !== undefined && ffree !== undefined && files > 0 && ffree > 0 && ffree < files);
    assert.equal(namemax, 255);
    assert.equal(statfsSync(file(dir, 'f')).blocks, blocks);
  },
  'everything is on one device of its own numbers': (dir) => {
    const path = file(dir, 'f');
    assert.equal(statSync(path).dev, statSync(dir).dev);
    assert.notEqual(statSync(path).ino, statSync(dir).ino);
    assert.equal(statSync(path).ino, statSync(path).ino);
    assert.ok(statSync(path).blksize >= 512);
  },
  'flock keeps other processes out': async (dir) => {
    const path = file(dir, 'f');
    const held = await heldClient('hold-flock', path);
    fails(['EAGAIN', 'EWOULDBLOCK'], () => client('try-flock', path));
    await held.kill();
    client('try-flock', path);
  },
  'locks of an open file go with its last descriptor': async (dir) => {
    const path = file(dir, 'f', 'x'.repeat(100));
    const held = await heldClient('hold-ofd', path, 10, 20);
    fails(['EAGAIN', 'EACCES'], () => client('try-ofd', path, 29, 1));
    fails(['EAGAIN', 'EACCES'], () => client('try-range', path, 29, 1));
    client('try-ofd', path, 30, 10);
    await held.kill();
    client('try-ofd', path, 0, 0);
  },
  'a file handle leads back to the file, whatever its name, and to nothing once it is gone': (dir) => {
    needsRoot();
    const path = file(dir, 'f', 'by handle');
    const handle = call('handle', path);
    renameSync(path, join(dir, 'g'));
    assert.equal(call('read-handle', dir, handle), Buffer.from('by handle').toString('hex'));
    unlinkSync(join(dir, 'g'));
    fails('ESTALE', () => call('read-handle', dir, handle));
  },
  'fcntl locks are by range, and go with a killed process': async (dir) => {
    const path = file(dir, 'f', 'x'.repeat(100));
    const held = await heldClient('hold-range', path, 10, 20);
    fails(['EAGAIN', 'EACCES'], () => client('try-range', path, 29, 1));
    fails(['EAGAIN', 'EACCES'], () => client('try-range', path, 0, 0));
    client('try-range', path, 0, 10);
    client('try-range', path, 30, 10);
    await held.kill();
    client('try-range', path, 0, 0);
  },
};
