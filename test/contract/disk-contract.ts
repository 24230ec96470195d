// What every Disk must do, whatever it is made of. Each implementation and each wrapper runs this suite.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isErrorOf, type ErrorKind } from '../../src/base/errors.js';
import { cellBytes } from '../../src/base/limits.js';
import { alignedBuffer, crc32c } from '../../src/native/checksum.js';
import type { CellRead, Disk } from '../../src/disk/disk.js';

export interface DiskUnderTest {
  readonly disk: Disk;
  readonly done: () => Promise<void>;
}

export function describeDisk(name: string, make: () => Promise<DiskUnderTest>): void {
  const test = (sentence: string, body: (disk: Disk) => Promise<void>): void => {
    it(sentence, async () => {
      const { disk, done } = await make();
      try {
        await body(disk);
      } finally {
        await done();
      }
    });
  };

  describe(name, () => {
    describeFiles(test);
    describeReads(test);
    describeLogs(test);
    describeDirectories(test);
    describeEnd(test);
  });
}

type Test = (sentence: string, body: (disk: Disk) => Promise<void>) => void;

const fails = async (promise: Promise<unknown>, kind: ErrorKind, code: string): Promise<void> => {
  await assert.rejects(promise, (error) => isErrorOf(error, kind) && error.code === code);
};

/** Bytes that differ everywhere, so that a wrong place shows. */
const pattern = (length: number, salt = 1): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + salt) & 0xff;
  return bytes;
};

const aligned = (bytes: Buffer): Buffer => {
  const copy = alignedBuffer(bytes.length);
  bytes.copy(copy);
  return copy;
};

function describeFiles(test: Test): void {
  test('what was created is read back', async (disk) => {
    await disk.create('a', [Buffer.from('hello '), Buffer.alloc(0), Buffer.from('world')]);
    assert.equal((await disk.readAll('a', 100)).toString(), 'hello world');
    assert.equal(await disk.size('a'), 11);
  });

  test('an empty file can be created', async (disk) => {
    await disk.create('empty', []);
    assert.equal(await disk.size('empty'), 0);
    assert.equal((await disk.readAll('empty', 0)).length, 0);
  });

  for (const length of [4095, 4096, 4097, 131072, 131073, 3 * 1024 * 1024 + 17]) {
    test(`a file of ${length} bytes keeps them, from aligned and from odd memory`, async (disk) => {
      const bytes = pattern(length);
      await disk.create('odd', [bytes.subarray(0, 13), bytes.subarray(13, 2000), bytes.subarray(2000)]);
      await disk.create('aligned', [aligned(bytes)]);
      assert.ok((await disk.readAll('odd', length)).equals(bytes));
      assert.ok((await disk.readAll('aligned', length)).equals(bytes));
      assert.equal(await disk.size('odd'), length);
    });
  }

  test('many buffers become one file', async (disk) => {
    const pieces = Array.from({ length: 300 }, (_, index) => pattern(index * 7, index));
    await disk.create('many', pieces);
    assert.ok((await disk.readAll('many', 1 << 20)).equals(Buffer.concat(pieces)));
  });

  test('create never overwrites', async (disk) => {
    await disk.create('a', [Buffer.from('first')]);
    await fails(disk.create('a', [Buffer.from('second')]), 'conflict', 'disk-file-exists');
    assert.equal((await disk.readAll('a', 100)).toString(), 'first');
  });

  test('replace makes a file and overwrites one', async (disk) => {
    await disk.replace('d/a', [Buffer.from('first')]);
    assert.equal((await disk.readAll('d/a', 100)).toString(), 'first');
    await disk.replace('d/a', [Buffer.from('second and longer')]);
    assert.equal((await disk.readAll('d/a', 100)).toString(), 'second and longer');
    assert.deepEqual(await disk.list('d'), ['a']);
  });

  test('replacements of one file at the same time leave one of them whole', async (disk) => {
    const all = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(5000));
    await Promise.all(all.map((text) => disk.replace('x', [Buffer.from(text)])));
    assert.ok(all.includes((await disk.readAll('x', 10_000)).toString()));
  });

  test('a removed file is missing and its name can be used again', async (disk) => {
    await disk.create('a', [Buffer.from('old')]);
    await disk.read('a', 0, Buffer.alloc(3));
    await disk.remove('a');
    assert.equal(await disk.size('a'), null);
    await fails(disk.readAll('a', 10), 'missing', 'disk-file-missing');
    await disk.create('a', [Buffer.from('new')]);
    assert.equal((await disk.readAll('a', 10)).toString(), 'new');
    await disk.remove('never there');
    await disk.remove('no/such/folder/file');
  });
}

function describeReads(test: Test): void {
  test('read gives exactly the asked range', async (disk) => {
    const bytes = pattern(10_000);
    await disk.create('a', [bytes]);
    for (const [offset, length] of [[0, 1], [4090, 12], [9_999, 1], [0, 10_000], [123, 0]] as const) {
      const into = Buffer.alloc(length);
      await disk.read('a', offset, into);
      assert.ok(into.equals(bytes.subarray(offset, offset + length)));
    }
  });

  test('reading past the end is corrupt, reading nothing is missing, a long file is refused', async (disk) => {
    await disk.create('a', [Buffer.alloc(100)]);
    await fails(disk.read('a', 90, Buffer.alloc(11)), 'corrupt', 'disk-short-read');
    await fails(disk.read('b', 0, Buffer.alloc(1)), 'missing', 'disk-file-missing');
    await fails(disk.readAll('a', 99), 'invalid', 'disk-file-too-big');
  });

  test('a replaced file is read in its new form at once', async (disk) => {
    await disk.create('a', [Buffer.from('1')]);
    const into = Buffer.alloc(1);
    for (const digit of '23456') {
      await disk.read('a', 0, into);
      await disk.replace('a', [Buffer.from(digit)]);
      await disk.read('a', 0, into);
      assert.equal(into.toString(), digit);
    }
  });

  test('more files than descriptors are kept can be read at the same time', async (disk) => {
    const count = 300;
    for (let i = 0; i < count; i++) await disk.create(`f${i}`, [Buffer.from(String(i).padStart(4))]);
    const buffers = Array.from({ length: count }, () => Buffer.alloc(4));
    for (let round = 0; round < 2; round++) {
      await Promise.all(buffers.map((into, i) => disk.read(`f${i}`, 0, into)));
      buffers.forEach((into, i) => assert.equal(Number(into.toString()), i));
    }
  });

  test('cells are verified, and exactly the bad ones are named', async (disk) => {
    const { file, cells, data } = shardFile(8);
    await disk.create('good', [file]);
    const into = alignedBuffer(8 * cellBytes);
    assert.deepEqual(await disk.readCells('good', { ...cells, firstCell: 0, cellCount: 8 }, into), []);
    assert.ok(into.equals(data));
    const bad = Buffer.from(file);
    for (const cell of [2, 5]) bad[cells.dataOffset + cell * cellBytes + 99]! ^= 1; // inside the file
    await disk.create('bad', [bad]);
    assert.deepEqual(await disk.readCells('bad', { ...cells, firstCell: 0, cellCount: 8 }, into), [2, 5]);
    const two = into.subarray(0, 2 * cellBytes);
    assert.deepEqual(await disk.readCells('bad', { ...cells, firstCell: 5, cellCount: 2 }, two), [5]);
    assert.deepEqual(await disk.readCells('bad', { ...cells, firstCell: 6, cellCount: 2 }, two), []);
  });

  test('cells that were read before may be had at once, and only when they are right', async (disk) => {
    const { file, cells, data } = shardFile(8);
    await disk.create('good', [file]);
    const whole = { ...cells, firstCell: 0, cellCount: 8 };
    const [into, now] = [alignedBuffer(8 * cellBytes), alignedBuffer(8 * cellBytes)];
    await disk.readCells('good', whole, into);
    if (disk.readCellsNow('good', whole, now)) assert.ok(now.equals(data));
    if (disk.readCellsNow('good', { ...cells, firstCell: 3, cellCount: 2 }, now.subarray(0, 2 * cellBytes))) {
      assert.ok(now.subarray(0, 2 * cellBytes).equals(data.subarray(3 * cellBytes, 5 * cellBytes)));
    }
    assert.equal(disk.readCellsNow('good', { ...whole, seed: cells.seed + 1 }, now), false);
    assert.equal(disk.readCellsNow('good', { ...cells, firstCell: 4, cellCount: 8 }, now), false, 'past the end');
    assert.equal(disk.readCellsNow('none', whole, now), false);
    const bad = Buffer.from(file);
    bad[cells.dataOffset + 5 * cellBytes + 99]! ^= 1; // inside the file
    await disk.create('bad', [bad]);
    await disk.readCells('bad', whole, into);
    assert.equal(disk.readCellsNow('bad', whole, now), false);
    await disk.remove('good');
    assert.equal(disk.readCellsNow('good', whole, now), false, 'removed');
  });

  test('cells that a short file lacks are bad, with another seed all are', async (disk) => {
    const { file, cells } = shardFile(4);
    const into = alignedBuffer(4 * cellBytes);
    await disk.create('short', [file.subarray(0, file.length - cellBytes - 1)]);
    assert.deepEqual(await disk.readCells('short', { ...cells, firstCell: 0, cellCount: 4 }, into), [2, 3]);
    await disk.create('stub', [file.subarray(0, 10)]);
    assert.deepEqual(await disk.readCells('stub', { ...cells, firstCell: 0, cellCount: 4 }, into), [0, 1, 2, 3]);
    await disk.create('other', [file]);
    const otherSeed = { ...cells, seed: cells.seed + 1, firstCell: 0, cellCount: 4 };
    assert.deepEqual(await disk.readCells('other', otherSeed, into), [0, 1, 2, 3]);
    await fails(disk.readCells('none', { ...cells, firstCell: 0, cellCount: 4 }, into), 'missing', 'disk-file-missing');
  });
}

/** A file with a table at 64 and cells behind it. */
function shardFile(count: number): { file: Buffer; data: Buffer; cells: Omit<CellRead, 'firstCell' | 'cellCount'> } {
  const seed = 77;
  const tableOffset = 64;
  const dataOffset = 4096;
  const data = pattern(count * cellBytes);
  const file = Buffer.alloc(dataOffset + data.length);
  data.copy(file, dataOffset);
  for (let cell = 0; cell < count; cell++) {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(cell);
    const crc = crc32c(data.subarray(cell * cellBytes, (cell + 1) * cellBytes), crc32c(number, seed));
    file.writeUInt32LE(crc, tableOffset + 4 * cell);
  }
  return { file, data, cells: { tableOffset, dataOffset, seed } };
}

function describeLogs(test: Test): void {
  const logBytes = 256 * 1024;

  test('a new log is as long as asked and reads as zeros', async (disk) => {
    const log = await disk.openLog('j/1', logBytes);
    assert.equal(await disk.size('j/1'), logBytes);
    assert.ok((await disk.readAll('j/1', logBytes)).equals(Buffer.alloc(logBytes)));
    await log.close();
  });

  test('log writes are read back, from aligned and from odd memory', async (disk) => {
    const log = await disk.openLog('1', logBytes);
    const [first, second, third] = [pattern(8192, 1), pattern(5000, 2), pattern(4096, 3)];
    await log.write(0, [aligned(first)]);
    await log.write(8192, [second.subarray(0, 1), second.subarray(1)]);
    await log.writeDurably(16384, [aligned(third), aligned(third)]);
    const all = await disk.readAll('1', logBytes);
    assert.ok(all.subarray(0, 8192).equals(first));
    assert.ok(all.subarray(8192, 13192).equals(second));
    assert.ok(all.subarray(16384, 20480).equals(third));
    assert.ok(all.subarray(20480, 24576).equals(third));
    assert.equal(all.length, logBytes);
    await log.close();
  });

  test('a log that exists is opened with what it holds', async (disk) => {
    const log = await disk.openLog('1', logBytes);
    await log.write(4096, [Buffer.from('kept')]);
    await log.sync();
    await log.close();
    const again = await disk.openLog('1', logBytes);
    assert.equal((await disk.readAll('1', logBytes)).subarray(4096, 4100).toString(), 'kept');
    await again.write(8192, [Buffer.from('more')]);
    await again.close();
    const larger = await disk.openLog('1', 2 * logBytes);
    assert.equal(await disk.size('1'), 2 * logBytes);
    await larger.close();
  });

  test('where a log was never written is known, or taken for written', async (disk) => {
    const log = await disk.openLog('1', 4 * logBytes);
    await log.write(0, [pattern(4096)]);
    await log.write(2 * logBytes, [Buffer.alloc(4096)]);
    await log.write(3 * logBytes, [pattern(4096, 2)]);
    // Never past something that was written, be it zeros, synced or not.
    assert.equal(await disk.nextData('1', 0), 0);
    for (const from of [4096, logBytes, 2 * logBytes]) {
      const found = await disk.nextData('1', from);
      assert.ok(found !== null && found >= from && found <= 3 * logBytes, `${found} from ${from}`);
    }
    await log.sync();
    assert.equal(await disk.nextData('1', 3 * logBytes), 3 * logBytes);
    const behind = await disk.nextData('1', 3 * logBytes + 4096);
    assert.ok(behind === null || behind >= 3 * logBytes + 4096);
    assert.equal(await disk.nextData('1', 5 * logBytes), null);
    await fails(disk.nextData('none', 0), 'missing', 'disk-file-missing');
    await log.close();
  });

  test('what is read after the operating system forgot a file is what was written', async (disk) => {
    await disk.create('f', [pattern(70_000)]);
    await disk.uncache('f');
    assert.ok((await disk.readAll('f', 70_000)).equals(pattern(70_000)));
    await fails(disk.uncache('none'), 'missing', 'disk-file-missing');
  });

  test('closing a log twice is fine', async (disk) => {
    const log = await disk.openLog('1', 4096);
    await log.close();
    await log.close();
  });

  test('syncs and written bytes are counted', async (disk) => {
    const log = await disk.openLog('1', logBytes);
    const before = disk.counters();
    await log.write(0, [Buffer.alloc(2048)]);
    await log.sync();
    await log.writeDurably(4096, [Buffer.alloc(2048)]);
    await disk.create('a', [Buffer.alloc(1000)]);
    await disk.readAll('a', 1000);
    const after = disk.counters();
    assert.equal(after.bytesWritten - before.bytesWritten, 5096);
    assert.equal(after.bytesRead - before.bytesRead, 1000);
    assert.ok(after.syncs - before.syncs >= 3);
    assert.equal(after.errors, before.errors);
    await log.close();
  });
}

function describeDirectories(test: Test): void {
  test('directories are made as needed and listed', async (disk) => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => disk.create(`s/${i % 3}/${i}`, [])));
    assert.deepEqual([...(await disk.list('s'))].sort(), ['0', '1', '2']);
    assert.deepEqual([...(await disk.list('s/2'))].sort(), ['11', '14', '17', '2', '5', '8']);
    assert.ok((await disk.list('')).includes('s'));
    assert.deepEqual(await disk.list('nothing/here'), []);
  });

  test('paths that leave the disk are a bug of the caller', async (disk) => {
    const paths = ['', '/etc/passwd', '../up', 'a/../../b', 'a//b', 'a/', './a', 'a\0b', 'a.replacing'];
    for (const path of paths)
      await assert.rejects(async () => disk.size(path), { name: 'AssertionFailure' }, JSON.stringify(path));
  });

  test('space is known', async (disk) => {
    const { totalBytes, freeBytes } = await disk.space();
    assert.ok(freeBytes > 0 && totalBytes >= freeBytes);
  });
}

function describeEnd(test: Test): void {
  test('close waits for what is under way, then calls are refused', async (disk) => {
    let created = false;
    const creating = disk.create('last', [Buffer.alloc(100_000)]).then(() => (created = true));
    await disk.close();
    await creating;
    assert.ok(created);
    await fails(disk.size('last'), 'closed', 'disk-closed');
    await fails(disk.create('more', []), 'closed', 'disk-closed');
    await disk.close();
    assert.ok(disk.counters().bytesWritten >= 100_000);
  });
}
