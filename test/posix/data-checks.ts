// Bytes: what was written comes back, at any size and offset, through any door; appending, truncating, mapping.
import assert from 'node:assert/strict';
import { closeSync, constants, copyFileSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, statSync, truncateSync, unlinkSync, writeFileSync, writeSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import type { PosixChecks } from './check.js';
import { call, client, clients, fails, file, heldClient, pattern } from './helpers.js';

const KiB = 1024;
const MiB = 1024 * KiB;

export const dataChecks: PosixChecks = {
  'files of odd sizes come back whole': (dir) => {
    for (const size of [0, 1, 511, 4095, 4096, 4097, 131_073, MiB - 1, MiB, MiB + 1, 3 * MiB + 7]) {
      const bytes = pattern(size, size);
      const path = file(dir, `f${size}`, bytes);
      assert.equal(statSync(path).size, size);
      assert.ok(readFileSync(path).equals(bytes), `size ${size}`);
    }
  },
  'one write of 8 MiB is one file of 8 MiB': (dir) => {
    const bytes = pattern(8 * MiB);
    const fd = openSync(join(dir, 'f'), 'w+');
    assert.equal(writeSync(fd, bytes), bytes.length);
    const back = Buffer.alloc(bytes.length);
    assert.equal(readSync(fd, back, 0, back.length, 0), bytes.length);
    assert.ok(back.equals(bytes));
    closeSync(fd);
  },
  'overlapping writes anywhere equal the same writes in memory': (dir) => {
    const seed = 20_240_917;
    const model = Buffer.alloc(2 * MiB);
    const choices = pattern(8 * 400, seed);
    const path = join(dir, 'f');
    const fd = openSync(path, 'w+');
    let size = 0;
    for (let round = 0; round < 400; round++) {
      const length = 1 + (choices.readUInt16LE(8 * round) % 20_000);
      const offset = choices.readUInt32LE(8 * round + 2) % (model.length - length);
      const bytes = pattern(length, round + 1);
      bytes.copy(model, offset);
      size = Math.max(size, offset + length);
      assert.equal(writeSync(fd, bytes, 0, length, offset), length);
      if (round % 50 === 0) fsyncSync(fd);
    }
    closeSync(fd);
    assert.ok(readFileSync(path).equals(model.subarray(0, size)), `seed ${seed}`);
  },
  'vectors of buffers are written as one': (dir) => {
    const path = join(dir, 'f');
    const fd = openSync(path, 'w');
    assert.equal(writevSync(fd, [Buffer.from('ab'), Buffer.alloc(5000, 99), Buffer.from('d')], 3), 5003);
    closeSync(fd);
    assert.equal(readFileSync(path, 'latin1'), `\0\0\0ab${'c'.repeat(5000)}d`);
  },
  'a handle cannot do what it was not opened for': (dir) => {
    const path = file(dir, 'f', 'x');
    const [reader, writer] = [openSync(path, 'r'), openSync(path, constants.O_WRONLY)];
    fails('EBADF', () => writeSync(reader, 'y'));
    fails('EBADF', () => readSync(writer, Buffer.alloc(1)));
    fails('EINVAL', () => ftruncateSync(reader, 0));
    closeSync(reader);
    closeSync(writer);
  },
  'reading at and past the end gives nothing': (dir) => {
    const fd = openSync(file(dir, 'f', 'abc'), 'r');
    assert.equal(readSync(fd, Buffer.alloc(10), 0, 10, 3), 0);
    assert.equal(readSync(fd, Buffer.alloc(10), 0, 10, 1 << 30), 0);
    assert.equal(readSync(fd, Buffer.alloc(10), 0, 10, 2), 1);
    closeSync(fd);
  },
  'truncate cuts, and growing again gives zeros': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(100_000, 1));
    truncateSync(path, 4_500);
    truncateSync(path, 100_000);
    assert.ok(readFileSync(path).equals(Buffer.concat([Buffer.alloc(4_500, 1), Buffer.alloc(95_500)])));
    truncateSync(path, 0);
    assert.equal(readFileSync(path).length, 0);
    truncateSync(path, 10);
    assert.ok(readFileSync(path).equals(Buffer.alloc(10)));
  },
  'a write past a truncated end leaves zeros between': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(9_000, 1));
    const fd = openSync(path, 'r+');
    ftruncateSync(fd, 100);
    writeSync(fd, 'end', 8_000);
    assert.equal(fstatSync(fd).size, 8_003);
    closeSync(fd);
    assert.ok(readFileSync(path).equals(Buffer.concat([Buffer.alloc(100, 1), Buffer.alloc(7_900), Buffer.from('end')])));
  },
  'truncate refuses directories and negative sizes': (dir) => {
    mkdirSync(join(dir, 'd'));
    fails('EISDIR', () => call('truncate', join(dir, 'd'), 0));
    fails('EINVAL', () => call('truncate', file(dir, 'f'), -1));
  },
  'O_TRUNC empties what exists': (dir) => {
    const path = file(dir, 'f', 'long text');
    closeSync(openSync(path, 'w'));
    assert.equal(statSync(path).size, 0);
    writeFileSync(path, 'short');
    assert.equal(readFileSync(path, 'utf8'), 'short');
  },
  'O_APPEND writes at the end whatever the offset': (dir) => {
    const path = file(dir, 'f', 'start');
    const fd = openSync(path, 'a');
    truncateSync(path, 3);
    writeSync(fd, '+1');
    writeFileSync(path, '|other', { flag: 'a' });
    writeSync(fd, Buffer.from('+2'), 0, 2, 0);
    closeSync(fd);
    assert.equal(readFileSync(path, 'utf8'), 'sta+1|other+2');
  },
  'two processes that append lose nothing': async (dir) => {
    const path = join(dir, 'log');
    const writers = ['first', 'second', 'third'];
    await clients(writers.map((name) => ['append', path, name, 400]));
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    assert.equal(lines.length, 1200);
    for (const name of writers) {
      const own = lines.filter((line) => line.startsWith(`${name} `));
      assert.deepEqual(own, Array.from({ length: 400 }, (_, n) => `${name} ${String(n).padStart(6, '0')}`));
    }
  },
  'a shared mapping writes what read(2) sees': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(20_000, 97));
    assert.equal(call('map', path, 0, 4_090, 'across pages'), '12');
    const expected = Buffer.alloc(20_000, 97);
    expected.write('across pages', 4_090);
    assert.ok(readFileSync(path).equals(expected));
  },
  'a mapping of an append handle writes in place': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(10_000, 97));
    call('map', path, constants.O_APPEND, 5_000, 'in place');
    const expected = Buffer.alloc(10_000, 97);
    expected.write('in place', 5_000);
    assert.ok(readFileSync(path).equals(expected));
  },
  'a private mapping keeps its changes to itself': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(10_000, 'a'));
    assert.equal(call('map-private', path, 5_000, 'changed'), '61'.repeat(7));
    assert.ok(readFileSync(path).equals(Buffer.alloc(10_000, 'a')));
  },
  'O_DIRECT, read, write and mappings see each other at once': (dir) => {
    const path = file(dir, 'f', Buffer.alloc(16_384, 'a'));
    const fd = openSync(path, 'r+');
    const back = Buffer.alloc(6);
    readSync(fd, back, 0, 6, 4_096);
    call('direct-write', path, 4_096, 'direct');
    readSync(fd, back, 0, 6, 4_096);
    assert.equal(back.toString(), 'direct');
    assert.equal(call('map-read', path, 4_096, 6), Buffer.from('direct').toString('hex'));
    writeSync(fd, 'buffer', 4_096);
    assert.equal(call('direct-read', path, 4_096, 6), Buffer.from('buffer').toString('hex'));
    call('map', path, 0, 4_096, 'mapped');
    assert.equal(call('direct-read', path, 4_096, 6), Buffer.from('mapped').toString('hex'));
    closeSync(fd);
  },
  'clients that are killed in the middle of anything leave everything in order': async (dir) => {
    for (let round = 0; round < 6; round++) {
      const held = await Promise.all([1, 2, 3, 4].map((n) => heldClient('work', dir, round * 10 + n)));
      for (const one of held) {
        // How far they come is theirs.
        await new Promise((resolve) => setTimeout(resolve, 40 + round * 7));
        await one.kill();
      }
    }
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      assert.equal(readFileSync(path).length, statSync(path).size);
      unlinkSync(path);
    }
    assert.deepEqual(readdirSync(dir), []);
  },
  'a mapping sees what write(2) wrote, and zeros past the end': (dir) => {
    const path = file(dir, 'f', 'mapped');
    assert.equal(call('map-read', path, 0, 8), '6d6170706564' + '0000');
    writeFileSync(path, 'remade');
    assert.equal(call('map-read', path, 0, 6), Buffer.from('remade').toString('hex'));
  },
  'copies are equal, also of a range': (dir) => {
    const bytes = pattern(MiB + 77);
    const path = file(dir, 'f', bytes);
    copyFileSync(path, join(dir, 'copy'));
    assert.ok(readFileSync(join(dir, 'copy')).equals(bytes));
    try {
      const copied = Number(call('copy-range', path, join(dir, 'range'), 1_000, 50, 70_000));
      assert.ok(readFileSync(join(dir, 'range')).equals(Buffer.concat([Buffer.alloc(50), bytes.subarray(1_000, 1_000 + copied)])));
    } catch (error) {
      // A filesystem may leave it to read and write.
      assert.equal((error as NodeJS.ErrnoException).code, 'EOPNOTSUPP');
    }
  },
  'fsync and fdatasync of files and directories work': (dir) => {
    const fd = openSync(join(dir, 'f'), 'w');
    writeSync(fd, 'x');
    fdatasyncSync(fd);
    fsyncSync(fd);
    closeSync(fd);
    const folder = openSync(dir, 'r');
    fsyncSync(folder);
    closeSync(folder);
    const reader = openSync(join(dir, 'f'), 'r');
    fsyncSync(reader);
    closeSync(reader);
  },
  'O_SYNC and O_DSYNC writes arrive': (dir) => {
    for (const flag of [constants.O_SYNC, constants.O_DSYNC]) {
      const path = file(dir, `f${flag}`);
      call('pwrite', path, flag, 2, 'sync');
      assert.equal(readFileSync(path, 'latin1'), '\0\0sync');
    }
  },
  'what a killed client wrote is there': async (dir) => {
    const held = await heldClient('hold-written', join(dir, 'f'), 'not synced');
    await held.kill();
    assert.equal(readFileSync(join(dir, 'f'), 'utf8'), 'not synced');
    client('append', join(dir, 'f'), ' - more', 1);
    assert.equal(readFileSync(join(dir, 'f'), 'utf8'), 'not synced - more 000000\n');
  },
  'a killed client takes its unlinked file along': async (dir) => {
    const held = await heldClient('hold-unlinked', join(dir, 'f'), 'x');
    fails('ENOENT', () => statSync(join(dir, 'f')));
    await held.kill();
    writeFileSync(join(dir, 'f'), 'new');
    unlinkSync(join(dir, 'f'));
  },
};
