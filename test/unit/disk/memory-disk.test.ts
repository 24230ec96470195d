// What a power loss and a killed process leave of a MemoryDisk: always something that could be, over many seeds every
// single thing that could be, and never the loss of what was promised to be durable.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { asDiskId } from '../../../src/base/ids.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { Disk } from '../../../src/disk/disk.js';
import { MemoryDisk } from '../../../src/disk/memory-disk.js';

const id = asDiskId('22222222-2222-4222-8222-222222222222');
const seeds = Array.from({ length: 300 }, (_, seed) => seed);

/** A disk whose tasks run only when told. */
function stoppedDisk(capacityBytes = 1e9): { disk: MemoryDisk; run: (count?: number) => void } {
  const tasks: (() => void)[] = [];
  const disk = new MemoryDisk({ id, capacityBytes, schedule: (task) => void tasks.push(task) });
  const run = (count = tasks.length): void => tasks.splice(0, count).forEach((task) => task());
  return { disk, run };
}

/** MemoryDisk keeps the scheduler; what a crash leaves of a stopped disk is read from the inside. */
const contentOf = (disk: MemoryDisk, path: string): Buffer | null => {
  let found: Buffer | null = null;
  if (!disk.paths().includes(path)) return null;
  disk.tamper(path, (bytes) => (found = Buffer.from(bytes)));
  return found;
};

async function logWith(disk: Disk, ...texts: string[]): Promise<void> {
  const log = await disk.openLog('log', 64 * 1024);
  for (const [i, text] of texts.entries()) await log.write(i * 4096, [Buffer.alloc(4096, text)]);
}

it('synced log writes survive every power loss', async () => {
  const disk = new MemoryDisk({ id });
  const log = await disk.openLog('log', 64 * 1024);
  await log.write(0, [Buffer.alloc(4096, 'a')]);
  await log.sync();
  await log.write(4096, [Buffer.alloc(4096, 'b')]);
  for (const seed of seeds) {
    const left = await disk.afterCrash(new SeededRandom(seed)).readAll('log', 65_536);
    assert.ok(left.subarray(0, 4096).equals(Buffer.alloc(4096, 'a')));
    assert.equal(left.length, 65_536);
  }
});

it('un-synced log writes are lost, kept or torn at sectors, in any combination', async () => {
  const disk = new MemoryDisk({ id });
  await logWith(disk, 'a', 'b');
  const outcomes = new Set<string>();
  for (const seed of seeds) {
    const left = await disk.afterCrash(new SeededRandom(seed)).readAll('log', 65_536);
    const fate = [0, 4096].map((at, i) => {
      const sectors = Array.from({ length: 8 }, (_, s) => left.subarray(at + s * 512, at + (s + 1) * 512));
      const kept = sectors.map((sector) => sector.equals(Buffer.alloc(512, i === 0 ? 'a' : 'b')));
      sectors.forEach((sector, s) => assert.ok(kept[s] || sector.equals(Buffer.alloc(512)), 'a sector is whole or absent'));
      return kept.every(Boolean) ? 'kept' : kept.some(Boolean) ? 'torn' : 'lost';
    });
    outcomes.add(fate.join());
  }
  assert.equal(outcomes.size, 9, [...outcomes].join(' '));
});

it('an overwritten sector is the old or the new one', async () => {
  const disk = new MemoryDisk({ id });
  const log = await disk.openLog('log', 8192);
  await log.write(0, [Buffer.alloc(4096, 'o')]);
  await log.sync();
  await log.write(0, [Buffer.alloc(4096, 'n')]);
  const seen = new Set<string>();
  for (const seed of seeds) {
    const left = await disk.afterCrash(new SeededRandom(seed)).readAll('log', 8192);
    for (let at = 0; at < 4096; at += 512) {
      const sector = left.subarray(at, at + 512).toString();
      assert.ok(sector === 'o'.repeat(512) || sector === 'n'.repeat(512));
      seen.add(sector.charAt(0));
    }
  }
  assert.equal(seen.size, 2);
});

it('what a power loss left is on the disk: a second one takes nothing more', async () => {
  const disk = new MemoryDisk({ id });
  await logWith(disk, 'a', 'b');
  for (const seed of seeds.slice(0, 50)) {
    const once = disk.afterCrash(new SeededRandom(seed));
    const twice = once.afterCrash(new SeededRandom(seed + 1));
    assert.ok((await once.readAll('log', 65_536)).equals(await twice.readAll('log', 65_536)));
  }
});

it('a killed process loses nothing that was written, and a later power loss may', async () => {
  const disk = new MemoryDisk({ id });
  await logWith(disk, 'a');
  let lost = 0;
  for (const seed of seeds) {
    const killed = disk.afterCrash(new SeededRandom(seed), 'process');
    assert.ok((await killed.readAll('log', 65_536)).subarray(0, 4096).equals(Buffer.alloc(4096, 'a')));
    const left = await killed.afterCrash(new SeededRandom(seed), 'power').readAll('log', 65_536);
    if (!left.subarray(0, 4096).equals(Buffer.alloc(4096, 'a'))) lost += 1;
  }
  assert.ok(lost > 0);
});

it('a failed sync keeps nothing for certain, and the next sync does not bring it back', async () => {
  const disk = new MemoryDisk({ id });
  const log = await disk.openLog('log', 8192);
  await log.write(0, [Buffer.alloc(4096, 'a')]);
  log.failSync();
  await assert.rejects(log.sync(), { code: 'disk-log-abandoned' });
  const again = await disk.openLog('log', 8192);
  await again.write(4096, [Buffer.alloc(4096, 'b')]);
  await again.sync();
  let lost = 0;
  for (const seed of seeds) {
    const left = await disk.afterCrash(new SeededRandom(seed)).readAll('log', 8192);
    assert.ok(left.subarray(4096).equals(Buffer.alloc(4096, 'b')));
    if (!left.subarray(0, 4096).equals(Buffer.alloc(4096, 'a'))) lost += 1;
  }
  assert.ok(lost > 0 && lost < seeds.length);
});

it('created and replaced files survive every power loss', async () => {
  const disk = new MemoryDisk({ id });
  await disk.create('d/a', [Buffer.from('one')]);
  await disk.replace('d/a', [Buffer.from('two')]);
  for (const seed of seeds)
    assert.equal((await disk.afterCrash(new SeededRandom(seed)).readAll('d/a', 10)).toString(), 'two');
});

it('a removed file may come back until its directory is synced', async () => {
  const disk = new MemoryDisk({ id });
  await disk.create('d/a', [Buffer.from('one')]);
  await disk.remove('d/a');
  const back = async (): Promise<number> => {
    let count = 0;
    for (const seed of seeds) if ((await disk.afterCrash(new SeededRandom(seed)).size('d/a')) !== null) count += 1;
    return count;
  };
  const before = await back();
  assert.ok(before > 0 && before < seeds.length);
  await disk.create('other/b', []);
  assert.ok((await back()) > 0);
  await disk.create('d/b', []);
  assert.equal(await back(), 0);
});

it('a create under way leaves nothing, all, or any part', async () => {
  const { disk } = stoppedDisk();
  void disk.create('a', [Buffer.alloc(3000, 'x')]);
  const outcomes = new Set<string>();
  for (const seed of seeds) {
    const left = contentOf(disk.afterCrash(new SeededRandom(seed)), 'a');
    if (left === null) outcomes.add('absent');
    else if (left.equals(Buffer.alloc(3000, 'x'))) outcomes.add('whole');
    else outcomes.add(left.length === 3000 ? 'torn' : 'short');
  }
  assert.deepEqual([...outcomes].sort(), ['absent', 'short', 'torn', 'whole']);
});

it('a replace under way leaves the old or the new file, whole', async () => {
  const { disk, run } = stoppedDisk();
  const first = disk.create('a', [Buffer.from('old')]);
  run();
  await first;
  void disk.replace('a', [Buffer.from('newer')]);
  const outcomes = new Set(seeds.map((seed) => contentOf(disk.afterCrash(new SeededRandom(seed)), 'a')?.toString()));
  assert.deepEqual([...outcomes].sort(), ['newer', 'old']);
});

it('after a crash nothing under way settles, and the old disk is silent', async () => {
  const { disk, run } = stoppedDisk();
  let settled = false;
  const mark = (): void => void (settled = true);
  disk.create('a', [Buffer.from('x')]).then(mark, mark);
  disk.crash(new SeededRandom(1));
  disk.size('a').then(mark, mark);
  run();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(settled, false);
  await disk.close();
});

it('the scheduler decides what takes effect and when', async () => {
  const { disk, run } = stoppedDisk();
  const order: string[] = [];
  const writes = ['a', 'b'].map((name) => disk.create(name, []).then(() => order.push(name)));
  assert.deepEqual(disk.paths(), []);
  run(1);
  assert.deepEqual(disk.paths(), ['a']);
  run();
  await Promise.all(writes);
  assert.deepEqual(order, ['a', 'b']);
});

it('a full disk says so and writes nothing', async () => {
  const disk = new MemoryDisk({ id, capacityBytes: 10_000 });
  await disk.create('a', [Buffer.alloc(6000)]);
  await assert.rejects(disk.create('b', [Buffer.alloc(4001)]), { kind: 'full', code: 'disk-full' });
  await assert.rejects(disk.openLog('l', 4001), { kind: 'full' });
  assert.deepEqual(disk.paths(), ['a']);
  assert.deepEqual(await disk.space(), { totalBytes: 10_000, freeBytes: 4000, fileRoomBytes: Number.POSITIVE_INFINITY });
  await disk.remove('a');
  await disk.create('b', [Buffer.alloc(10_000)]);
});

it('changing a buffer before the call resolved is a bug that does not go unnoticed', async () => {
  const { disk, run } = stoppedDisk();
  const buffer = Buffer.from('before');
  void disk.create('a', [buffer]);
  buffer.write('after!');
  assert.throws(() => run(), { name: 'AssertionFailure' });
});

it('the same seed leaves the same disk', async () => {
  const disk = new MemoryDisk({ id });
  await logWith(disk, 'a', 'b', 'c', 'd');
  await disk.create('x', [Buffer.alloc(10)]);
  await disk.remove('x');
  for (const seed of seeds.slice(0, 20)) {
    const [one, two] = [0, 0].map(() => disk.afterCrash(new SeededRandom(seed)));
    assert.deepEqual(one?.paths(), two?.paths());
    assert.ok((await one?.readAll('log', 65_536))?.equals((await two?.readAll('log', 65_536)) ?? Buffer.alloc(0)));
  }
});
