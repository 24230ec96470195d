// Faults where they were asked for, and deadlines on a clock that the test owns.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Clock, Timer } from '../../../src/base/clock.js';
import { asDiskId } from '../../../src/base/ids.js';
import { SeededRandom } from '../../../src/base/random.js';
import { HoldfastError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { DeadlineDisk, buffersReleased } from '../../../src/disk/deadline-disk.js';
import { FaultyDisk, atNth } from '../../../src/disk/faulty-disk.js';
import { MemoryDisk } from '../../../src/disk/memory-disk.js';
import { PatientDisk } from '../../../src/disk/patient-disk.js';
import { MeteredDisk, type DiskObservation } from '../../../src/disk/metered-disk.js';

import { WrappedDisk } from '../../../src/disk/wrapped-disk.js';

const id = asDiskId('33333333-3333-4333-8333-333333333333');
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class HandClock implements Clock {
  #ms = 0;
  #timers = new Set<{ readonly atMs: number; readonly action: () => void }>();
  now = (): { sec: number; nsec: number } => ({ sec: 0, nsec: 0 });
  monotonicMs = (): number => this.#ms;
  turn = (): Promise<void> => settle();
  after(delayMs: number, action: () => void): Timer {
    const timer = { atMs: this.#ms + delayMs, action };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  advance(byMs: number): void {
    this.#ms += byMs;
    for (const timer of this.#timers)
      if (timer.atMs <= this.#ms) {
        this.#timers.delete(timer);
        timer.action();
      }
  }
  get timers(): number {
    return this.#timers.size;
  }
}

it('fails the nth call of an operation and no other', async () => {
  const inner = new MemoryDisk({ id });
  const disk = new FaultyDisk(inner, atNth('create', 2, { type: 'io' }));
  await disk.create('a', []);
  await assert.rejects(disk.create('b', []), { kind: 'unavailable', code: 'disk-io' });
  await disk.create('c', []);
  assert.deepEqual(inner.paths(), ['a', 'c']);
  assert.equal(disk.counters().errors, 1);
});

it('a failed sync abandons the log and leaves its un-synced data undefined', async () => {
  const inner = new MemoryDisk({ id });
  const disk = new FaultyDisk(inner, atNth('log-sync', 2, { type: 'io' }));
  const log = await disk.openLog('log', 8192);
  await log.write(0, [Buffer.alloc(4096, 'a')]);
  await log.sync();
  await log.write(4096, [Buffer.alloc(4096, 'b')]);
  await assert.rejects(log.sync(), { code: 'disk-io' });
  await assert.rejects(log.sync(), { code: 'disk-log-abandoned' });
  await assert.rejects(log.write(4096, [Buffer.alloc(1)]), { code: 'disk-log-abandoned' });
  await log.close();
  const kept = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const left = await inner.afterCrash(new SeededRandom(seed)).readAll('log', 8192);
    assert.equal(left.subarray(0, 4096).toString(), 'a'.repeat(4096));
    kept.add(left.subarray(4096, 4097).toString());
  }
  assert.equal(kept.size, 2);
});

it('abandons a log of any disk after a failed sync', async () => {
  const disk = new FaultyDisk(new DeadlineDisk(new MemoryDisk({ id }), new HandClock(), 1), atNth('log-sync', 1, { type: 'io' }));
  const log = await disk.openLog('log', 4096);
  await assert.rejects(log.sync(), { code: 'disk-io' });
  await assert.rejects(log.sync(), { code: 'disk-log-abandoned' });
});

it('done but failed did it', async () => {
  const inner = new MemoryDisk({ id });
  const disk = new FaultyDisk(inner, atNth('create', 1, { type: 'done-but-failed' }));
  await assert.rejects(disk.create('a', []), { code: 'disk-io' });
  assert.deepEqual(inner.paths(), ['a']);
});

it('hangs until released, and full is full', async () => {
  const disk = new FaultyDisk(new MemoryDisk({ id }), atNth('create', 1, { type: 'hang' }));
  let done = false;
  const creating = disk.create('a', []).then(() => (done = true));
  await settle();
  assert.equal(done, false);
  assert.equal(disk.hanging, 1);
  disk.release();
  await creating;
  disk.decide = () => ({ type: 'full' });
  await assert.rejects(disk.create('b', []), { kind: 'full' });
});

it('a disk that is gone stays gone, with everything that hung', async () => {
  const disk = new FaultyDisk(new MemoryDisk({ id }));
  const log = await disk.openLog('log', 4096);
  disk.decide = atNth('read', 1, { type: 'hang' });
  const reading = disk.read('log', 0, Buffer.alloc(1));
  disk.disappear();
  disk.release();
  const gone = { kind: 'unavailable', code: 'disk-gone' };
  await assert.rejects(reading, gone);
  await assert.rejects(log.sync(), gone);
  await assert.rejects(disk.space(), gone);
  disk.reappear();
  await log.sync();
  disk.disappear();
  await disk.close();
});

it('flipped bits are in what is read, and are seen by cell checks', async () => {
  const inner = new MemoryDisk({ id });
  await inner.create('a', [Buffer.alloc(8)]);
  const disk = new FaultyDisk(inner, () => ({ type: 'flip', bit: 9 }));
  const into = Buffer.alloc(8);
  await disk.read('a', 0, into);
  assert.equal(into[1], 2);
  assert.equal((await disk.readAll('a', 8))[1], 2);
  await inner.create('cells', [Buffer.alloc(4096 * 3)]);
  const cells = { tableOffset: 0, dataOffset: 4096, firstCell: 1, cellCount: 1, seed: 0 };
  assert.deepEqual(await disk.readCells('cells', cells, Buffer.alloc(4096)), [1]);
});

it('a call past its limit fails as hanging, and its buffers are free when it ends', async () => {
  const clock = new HandClock();
  const faulty = new FaultyDisk(new MemoryDisk({ id }), atNth('create', 1, { type: 'hang' }));
  const disk = new DeadlineDisk(faulty, clock, 1000);
  const creating = disk.create('a', [Buffer.from('late')]);
  clock.advance(999);
  await settle();
  clock.advance(1);
  const error: unknown = await creating.then(
    () => assert.fail('it was to give up'),
    (thrown: unknown) => thrown,
  );
  assert.deepEqual((error as { code: string }).code, 'disk-hanging');
  assert.equal(disk.hanging, 1);
  let released = false;
  const waiting = buffersReleased(error).then(() => (released = true));
  await settle();
  assert.equal(released, false);
  faulty.release();
  await waiting;
  assert.equal(disk.hanging, 0);
  assert.equal((await disk.readAll('a', 10)).toString(), 'late');
  await buffersReleased(new Error('any other'));
  assert.equal(clock.timers, 0, 'a call in time leaves no timer');
});

it('while a call hangs past its limit later ones fail at once, reads only behind a read; when it ends they work again', async () => {
  const clock = new HandClock();
  const inner = new MemoryDisk({ id });
  await inner.create('old', [Buffer.from('old')]);
  const faulty = new FaultyDisk(inner);
  const disk = new DeadlineDisk(faulty, clock, 1000);
  const log = await disk.openLog('log', 4096);
  const hang = async (call: Promise<unknown>): Promise<void> => {
    const failed = assert.rejects(call, { code: 'disk-hanging' });
    await settle();
    clock.advance(1000);
    await failed;
  };
  faulty.decide = atNth('create', 1, { type: 'hang' });
  await hang(disk.create('a', []));
  await assert.rejects(disk.create('b', []), { code: 'disk-hanging', message: /was not begun/ });
  await assert.rejects(log.sync(), { code: 'disk-hanging' });
  assert.equal((await disk.readAll('old', 10)).toString(), 'old');
  faulty.decide = (call) => (call.operation === 'read-all' ? { type: 'hang' } : undefined);
  await hang(disk.readAll('old', 10));
  faulty.decide = () => undefined;
  await assert.rejects(disk.size('old'), { code: 'disk-hanging' });
  assert.equal(disk.hanging, 2);
  faulty.release();
  await settle();
  assert.equal(disk.hanging, 0);
  assert.deepEqual([...inner.paths()].sort(), ['a', 'log', 'old'], 'what was not begun has not happened');
  await disk.create('b', []);
  await log.sync();
  assert.equal((await disk.readAll('old', 10)).toString(), 'old');
});

it('closing a disk that hangs is not waited for, and happens when it comes back', async () => {
  const clock = new HandClock();
  const inner = new MemoryDisk({ id });
  const faulty = new FaultyDisk(inner, atNth('create', 1, { type: 'hang' }));
  const disk = new DeadlineDisk(faulty, clock, 1000);
  const creating = assert.rejects(disk.create('a', []), { code: 'disk-hanging' });
  await settle();
  clock.advance(1000);
  await creating;
  await assert.rejects(disk.close(), { code: 'disk-hanging' });
  await settle();
  await assert.rejects(inner.list(''), { code: 'disk-closed' });
  faulty.release();
});

it('errors in time are passed on as they are', async () => {
  const disk = new DeadlineDisk(new MemoryDisk({ id }), new HandClock(), 1000);
  await assert.rejects(disk.readAll('a', 1), { code: 'disk-file-missing' });
});

it('the metered disk tells what went through it', async () => {
  const seen: DiskObservation[] = [];
  const disk = new MeteredDisk(new MemoryDisk({ id }), new HandClock(), (observation) => seen.push(observation));
  const log = await disk.openLog('log', 4096);
  await log.write(0, [Buffer.alloc(10), Buffer.alloc(20)]);
  await disk.readAll('none', 1).catch(() => {});
  const brief = seen.map(({ operation, bytes, failed }) => [operation, bytes, failed]);
  assert.deepEqual(brief, [['open-log', 4096, false], ['log-write', 30, false], ['read-all', 0, true]]);
});

/** Fails for want of descriptors as long as it is asked to. */
class StarvedDisk extends WrappedDisk {
  starved = true;
  attempts = 0;
  protected override around<Result>(_call: unknown, work: () => Promise<Result>): Promise<Result> {
    this.attempts++;
    return this.starved ? Promise.reject(new HoldfastError('full', 'no further file can be opened', { code: 'too-many-files' })) : work();
  }
}

async function pass(clock: HandClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await settle();
    clock.advance(50);
  }
  await settle();
}

it('waits while no file can be opened, says so once in a while, and goes on by itself', async () => {
  const clock = new HandClock();
  const lines: string[] = [];
  const starved = new StarvedDisk(new MemoryDisk({ id }));
  const disk = new PatientDisk(starved, clock, { ...silentLogger, error: (_about, message) => void lines.push(message) });
  let done = false;
  const creating = disk.create('file', [Buffer.from('kept')]).then(() => (done = true));
  await pass(clock, 60_000);
  assert.equal(done, false);
  assert.ok(starved.attempts > 40 && starved.attempts < 100, `${starved.attempts} attempts in a minute`);
  assert.ok(lines.length >= 5 && lines.length <= 7, `${lines.length} lines in a minute`);
  starved.starved = false;
  await pass(clock, 1_000);
  await creating;
  assert.equal((await disk.readAll('file', 10)).toString(), 'kept');
});

it('a read of data gives up after a while, other errors come at once', async () => {
  const clock = new HandClock();
  const starved = new StarvedDisk(new MemoryDisk({ id }));
  const disk = new PatientDisk(starved, clock, silentLogger);
  const reading = disk.readCells('file', { tableOffset: 0, dataOffset: 0, firstCell: 0, cellCount: 1, seed: 0 }, Buffer.alloc(4096));
  const failed = assert.rejects(reading, { code: 'too-many-files' });
  await pass(clock, 12_000);
  await failed;
  starved.starved = false;
  await assert.rejects(disk.readAll('nothing', 10), { code: 'disk-file-missing' });
});
