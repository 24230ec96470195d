// The parts of the backup together, as a flush uses them: whatever dies wherever, no root points to something missing.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Backup } from '../../../src/backup/backup.js';
import { commonHorizon } from '../../../src/backup/garbage.js';
import { segmentKey } from '../../../src/backup/keys.js';
import { isErrorOf } from '../../../src/base/errors.js';
import { failpointsSeen, setFailpointAction } from '../../../src/base/failpoint.js';
import { asLsn, type SegmentId } from '../../../src/base/ids.js';
import { SeededRandom } from '../../../src/base/random.js';
import { FaultyObjectStore, type StoreFault } from '../../../src/objectstore/faulty-object-store.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import type { ObjectStore } from '../../../src/objectstore/object-store.js';
import { backupOn, claimBody, failureOf, generation, otherVolume, point, readAll, rootOf, segmentId, TestDatabase, volume } from './support.js';

afterEach(() => setFailpointAction(undefined));

interface Saved {
  readonly database: Buffer;
  readonly segments: ReadonlyMap<number, Buffer>;
}

/** A tiny volume: a database, live segments, and what each LSN looked like. */
class World {
  readonly history = new Map<number, Saved>();
  readonly died = new Map<number, number>();
  readonly random: SeededRandom;
  readonly database: TestDatabase;
  segments = new Map<number, Buffer>();
  lsn = 1;
  #next = 1;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.database = new TestDatabase(3 * 65_536, this.random);
  }

  change(): void {
    this.lsn++;
    this.database.change(this.random.below(3));
    this.segments = new Map(this.segments);
    this.segments.set(this.#next++, this.random.bytes(1 + this.random.below(9000)));
    const [oldest] = this.segments.keys();
    if (this.segments.size > 4 && oldest !== undefined) {
      this.segments.delete(oldest);
      this.died.set(oldest, this.lsn);
    }
    this.history.set(this.lsn, { database: this.database.data, segments: this.segments });
  }

  async flush(backup: Backup): Promise<void> {
    const intent = await backup.beginFlush(asLsn(this.lsn));
    try {
      const { image } = await backup.images.publish(this.database, null, point(this.lsn), false);
      for (const [number, bytes] of this.segments) await backup.segments.put(segmentId(number), bytes);
      await backup.roots.publish(rootOf(this.lsn, image));
    } finally {
      await intent.end();
    }
  }

  collect(backup: Backup): Promise<unknown> {
    const dead = (horizon: number): SegmentId[] => [...this.died].filter(([, lsn]) => lsn <= horizon).map(([number]) => segmentId(number));
    return backup.collect({ keepRoots: 2, dead });
  }

  /** Every root that is listed gives back exactly what was there at its cut. */
  async verify(store: ObjectStore, what: string): Promise<number> {
    const backup = backupOn(store, 77);
    const roots = await backup.roots.list();
    for (const root of roots) {
      const saved = this.history.get(root.cut);
      assert.ok(saved !== undefined && root.image !== null);
      assert.ok((await readAll(backup.images.chunks(root.image))).equals(saved.database), `${what}: image of root ${root.sequence}`);
      for (const [number, bytes] of saved.segments) assert.ok((await backup.segments.get(segmentId(number), 0, bytes.length)).equals(bytes), `${what}: segment ${number} of root ${root.sequence}`);
    }
    return roots.length;
  }
}

async function owner(store: ObjectStore, seed: number): Promise<Backup> {
  const backup = backupOn(store, seed);
  await backup.checkMarker();
  await backup.roots.claim(claimBody());
  return backup;
}

async function rounds(world: World, backup: Backup, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.change();
    await world.flush(backup);
    await world.collect(backup);
  }
}

test('a flush or collection that dies at any failpoint never leaves a root that points to something missing', async () => {
  setFailpointAction(() => {});
  const dry = new MemoryObjectStore();
  await backupOn(dry).claimMarker();
  await rounds(new World(1), await owner(dry, 1), 8);
  const names = failpointsSeen();
  assert.ok(names.length >= 10, names.join());
  for (const name of names) {
    for (const skip of [0, 1, 5]) {
      const store = new MemoryObjectStore();
      const world = new World(2);
      await backupOn(store).claimMarker();
      let left = skip + 1;
      setFailpointAction((at) => {
        if (at === name && --left === 0) throw new Error(`died at ${name}`);
      });
      const failure = await failureOf(owner(store, 3).then((backup) => rounds(world, backup, 8)));
      setFailpointAction(undefined);
      await world.verify(store, `${name}, ${skip}`);
      if (failure !== null) assert.match(String(failure), /died at/);
      await rounds(world, await owner(store, 4), 3);
      assert.equal(await world.verify(store, `${name}, ${skip}, taken up again`), 2);
      const expected = new Set([...(world.history.get(world.lsn)?.segments.keys() ?? []), ...(world.history.get(world.lsn - 1)?.segments.keys() ?? [])].map((n) => segmentKey(segmentId(n))));
      assert.deepEqual(new Set(store.keys().filter((key) => key.startsWith('segments/'))), expected, 'nothing is left over');
      assert.deepEqual(
        store.keys().filter((key) => key.startsWith('intents/')),
        [],
      );
      assert.ok(store.keys().filter((key) => key.startsWith('packs/')).length <= 16);
    }
  }
});

test('a store that fails at any single call, in any way, is survived', async () => {
  const kinds: StoreFault[] = ['error', 'lost-reply', 'busy', 'full', 'credentials'];
  for (let call = 0; call < 60; call++) {
    const memory = new MemoryObjectStore();
    const world = new World(call);
    await backupOn(memory).claimMarker();
    let calls = 0;
    let active = true;
    const store = new FaultyObjectStore(memory, () => (active && calls++ === call ? (kinds[call % kinds.length] ?? null) : null));
    const failure = await failureOf(owner(store, 5).then((backup) => rounds(world, backup, 3)));
    if (failure !== null) assert.ok(isErrorOf(failure, 'unavailable', 'full', 'invalid', 'conflict'), String(failure));
    active = false;
    await world.verify(memory, `call ${call}`);
    await rounds(world, await owner(store, 6), 3);
    assert.ok((await world.verify(memory, `call ${call}, again`)) >= 2);
  }
});

test('nothing is deleted while a flush of the present epoch is announced; those of older epochs are void', async () => {
  const store = new MemoryObjectStore();
  await backupOn(store).claimMarker();
  const world = new World(9);
  const backup = await owner(store, 1);
  await rounds(world, backup, 3);
  world.change();
  await world.flush(backup);
  const intent = await backup.beginFlush(asLsn(99));
  await assert.rejects(world.collect(backup), (error) => isErrorOf(error, 'conflict') && error.code === 'flush-busy');
  await world.verify(store, 'while a flush runs');
  await intent.end();
  await world.collect(backup);
  await backup.beginFlush(asLsn(99));
  const next = backupOn(store, 2);
  await next.roots.claim(claimBody());
  world.change();
  await world.flush(next);
  await world.collect(next);
  await world.verify(store, 'after a dead flush of an older epoch');
});

test('the epoch is read again before every batch of deletes', async () => {
  const store = new MemoryObjectStore();
  await backupOn(store).claimMarker();
  const backup = await owner(store, 1);
  const ids = Array.from({ length: 2500 }, (_, i) => segmentId(i));
  for (const id of ids) await store.put(segmentKey(id), [Buffer.from('x')], { ifAbsent: true });
  let batches = 0;
  setFailpointAction((at) => {
    if (at === 'backup-before-delete-batch') batches++;
  });
  const rival = backupOn(store, 2);
  const inner = store.delete.bind(store);
  store.delete = async (keys) => {
    await inner(keys);
    if (batches === 2) await rival.roots.claim(claimBody(2));
  };
  await assert.rejects(backup.segments.delete(ids), (error) => isErrorOf(error, 'conflict') && error.code === 'backup-fenced');
  assert.equal(store.keys().filter((key) => key.startsWith('segments/')).length, 500);
});

test('the prefix of another volume, or one without its marker, is refused and left as it is', async () => {
  const store = new MemoryObjectStore();
  const mine = backupOn(store);
  await assert.rejects(mine.checkMarker(), (error) => isErrorOf(error, 'invalid') && error.code === 'backup-not-initialised');
  await mine.claimMarker();
  await mine.claimMarker();
  await mine.checkMarker();
  const keys = store.keys();
  const other = backupOn(store, 3, otherVolume);
  for (const action of [() => other.claimMarker(), () => other.checkMarker()]) await assert.rejects(action(), (error) => isErrorOf(error, 'conflict') && error.code === 'backup-prefix-taken' && error.message.includes(volume));
  assert.deepEqual(store.keys(), keys);
  await (await owner(store, 4)).roots.publish(rootOf(1));
  await store.delete(['holdfast.json']);
  await assert.rejects(other.claimMarker(), (error) => isErrorOf(error, 'conflict') && error.code === 'backup-prefix-taken');
});

test('two volumes that claim one prefix at once: one has it', async () => {
  const store = new MemoryObjectStore({ pause: () => new Promise((resolve) => setImmediate(resolve)) });
  const results = await Promise.allSettled([backupOn(store, 1).claimMarker(), backupOn(store, 2, otherVolume).claimMarker()]);
  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
  const lost = new FaultyObjectStore(new MemoryObjectStore(), (operation) => (operation === 'put' ? 'lost-reply' : null));
  await backupOn(lost).claimMarker();
});

test('a root of a history that was given up agrees with the present one only up to the branch', () => {
  let sequence = 0;
  const entry = (kind: 'root' | 'epoch', lsn: number, term: number, parentLsn: number) => ({ ...rootOf(lsn, null, term), generation: generation(term, parentLsn), kind, sequence: ++sequence, epoch: 1, nonce: '' });
  const horizon = (...entries: ReturnType<typeof entry>[]): number =>
    commonHorizon(
      entries.filter(({ kind }) => kind === 'root'),
      entries,
    );
  assert.equal(horizon(entry('root', 100, 1, 0), entry('root', 200, 1, 0)), 100);
  assert.equal(horizon(entry('root', 100, 1, 0), entry('root', 96, 2, 90)), 90);
  assert.equal(horizon(entry('root', 100, 1, 0), entry('epoch', 0, 2, 90), entry('root', 300, 3, 250)), 90);
  assert.equal(horizon(entry('root', 100, 1, 0), entry('root', 300, 2, 250)), 100);
  assert.equal(horizon(), 0);
});
