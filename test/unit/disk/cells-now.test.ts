// Small reads that need no thread: cells that the operating system has in memory are read at once, and not from a disk that hangs.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asDiskId } from '../../../src/base/ids.js';
import { cellBytes } from '../../../src/base/limits.js';
import { DeadlineDisk } from '../../../src/disk/deadline-disk.js';
import { type CellRead, cellsNowMax } from '../../../src/disk/disk.js';
import { atNth, FaultyDisk } from '../../../src/disk/faulty-disk.js';
import { LocalDisk } from '../../../src/disk/local-disk.js';
import { MemoryDisk } from '../../../src/disk/memory-disk.js';
import { alignedBuffer, crc32c } from '../../../src/native/checksum.js';
import { HandClock } from '../daemon/hand-clock.js';

const id = asDiskId('11111111-1111-4111-8111-111111111111');
const cellCount = cellsNowMax;
const data = alignedBuffer(cellCount * cellBytes).fill(7);
const cells: CellRead = { tableOffset: 0, dataOffset: cellBytes, firstCell: 0, cellCount, seed: 3 };
const file = Buffer.alloc(cellBytes + data.length);
data.copy(file, cellBytes);
for (let cell = 0; cell < cellCount; cell++) {
  const index = Buffer.alloc(4);
  index.writeUInt32LE(cell);
  file.writeUInt32LE(crc32c(data.subarray(cell * cellBytes, (cell + 1) * cellBytes), crc32c(index, cells.seed)), 4 * cell);
}

test('what was read before is there at once', async () => {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-now-'));
  const disk = await LocalDisk.open(path, id);
  await disk.create('shard', [file]);
  const into = alignedBuffer(data.length);
  assert.equal(disk.readCellsNow('shard', cells, into), false, 'never opened');
  assert.deepEqual(await disk.readCells('shard', cells, into), []);
  into.fill(0);
  assert.equal(disk.readCellsNow('shard', cells, into), true);
  assert.ok(into.equals(data));
  await disk.close();
  assert.equal(disk.readCellsNow('shard', cells, into), false, 'closed');
  await rm(path, { recursive: true });
});

test('while a read hangs nothing is read from that disk', async () => {
  const clock = new HandClock();
  const faulty = new FaultyDisk(new MemoryDisk({ id }), atNth('read-cells', 1, { type: 'hang' }));
  faulty.readCellsNow = () => true;
  const disk = new DeadlineDisk(faulty, clock, 1_000);
  await disk.create('shard', [file]);
  const into = alignedBuffer(data.length);
  assert.equal(disk.readCellsNow('shard', cells, into), true);
  const failed = assert.rejects(disk.readCells('shard', cells, into), { code: 'disk-hanging' });
  await clock.pass(1_000);
  await failed;
  assert.equal(disk.readCellsNow('shard', cells, into), false);
});
