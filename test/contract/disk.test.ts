// Every disk and every wrapper against the one contract.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SystemClock } from '../../src/base/clock.js';
import { asDiskId } from '../../src/base/ids.js';
import { SeededRandom } from '../../src/base/random.js';
import { DeadlineDisk } from '../../src/disk/deadline-disk.js';
import type { Disk } from '../../src/disk/disk.js';
import { FaultyDisk } from '../../src/disk/faulty-disk.js';
import { LocalDisk } from '../../src/disk/local-disk.js';
import { MemoryDisk } from '../../src/disk/memory-disk.js';
import { MeteredDisk } from '../../src/disk/metered-disk.js';
import { SlowDisk } from '../../src/disk/slow-disk.js';
import { QuickClock } from '../support/quick-clock.js';
import { describeDisk, type DiskUnderTest } from './disk-contract.js';

const id = asDiskId('11111111-1111-4111-8111-111111111111');

async function onLocal(wrap: (disk: Disk) => Disk, parent = tmpdir()): Promise<DiskUnderTest> {
  const path = await mkdtemp(join(parent, 'holdfast-disk-'));
  const disk = wrap(await LocalDisk.open(path, id));
  const done = async (): Promise<void> => {
    await disk.close();
    await rm(path, { recursive: true });
  };
  return { disk, done };
}

async function onMemory(wrap: (disk: Disk) => Disk): Promise<DiskUnderTest> {
  const disk = wrap(new MemoryDisk({ id }));
  return { disk, done: () => disk.close() };
}

/** Tasks run in any order, as many at a time as there are. */
function shuffledMemoryDisk(seed: number): Promise<DiskUnderTest> {
  const random = new SeededRandom(seed);
  const tasks: (() => void)[] = [];
  const schedule = (task: () => void): void => {
    tasks.push(task);
    setImmediate(() => tasks.splice(random.below(tasks.length), 1)[0]?.());
  };
  const disk = new MemoryDisk({ id, schedule });
  return Promise.resolve({ disk, done: () => disk.close() });
}

describeDisk('LocalDisk', () => onLocal((disk) => disk));
describeDisk('LocalDisk where direct I/O is not to be had (tmpfs)', () => onLocal((disk) => disk, '/dev/shm'));
describeDisk('MemoryDisk', () => onMemory((disk) => disk));
describeDisk('MemoryDisk with shuffled completion', () => shuffledMemoryDisk(7));
describeDisk('FaultyDisk without faults', () => onMemory((disk) => new FaultyDisk(disk)));
describeDisk('DeadlineDisk in time', () => onLocal((disk) => new DeadlineDisk(disk, new SystemClock(), 60_000)));
describeDisk('MeteredDisk', () => onMemory((disk) => new MeteredDisk(disk, new SystemClock(), () => {})));
describeDisk('SlowDisk', () => onLocal((disk) => new SlowDisk(disk, new QuickClock(), 10)));

test('what a SlowDisk syncs takes its time, and nothing else does', async () => {
  const clock = new QuickClock();
  const disk = new SlowDisk(new MemoryDisk({ id }), clock, 10);
  const log = await disk.openLog('log', 8192);
  await log.write(0, [Buffer.alloc(4096)]);
  await log.sync();
  await log.writeDurably(4096, [Buffer.alloc(4096)]);
  await disk.create('made', [Buffer.from('bytes')]);
  await disk.read('made', 0, Buffer.alloc(5));
  await log.close();
  await disk.close();
  assert.deepEqual(clock.delays, [10, 10, 10, 10]);
});
