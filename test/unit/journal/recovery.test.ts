import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HoldfastError } from '../../../src/base/errors.js';
import { asLsn, type GenerationId } from '../../../src/base/ids.js';
import { storeGenerations } from '../../../src/journal/generations.js';
import { collect, diskId, JournalWorld, someGeneration, volume } from './journal-world.js';

test('an empty volume has an empty history', async () => {
  const recovered = await new JournalWorld({ disks: 3, tolerance: 1, seed: 1 }).recover();
  assert.equal(recovered.end.lsn, 0);
  assert.deepEqual(recovered.generations, []);
  assert.deepEqual(await collect(recovered), []);
});

test('a disk that was away comes back with a longer void tail, and changes nothing', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 1, seed: 3 });
  const mounted = await world.mount();
  for (let i = 0; i < 5; i++) world.append(mounted, 50);
  await world.commit(mounted);
  // Disk 1 takes a group that disk 0 never gets; then the process dies.
  world.flaky[0]?.faults.add('write');
  for (let i = 0; i < 30; i++) world.append(mounted, 50);
  void mounted.journal.commit().catch(() => {});
  for (let i = 0; i < 12; i++) await Promise.resolve();
  world.crash('process');
  const longer = await world.recover([1, 2, 3]);
  assert.ok(longer.end.lsn > 5, 'the tail is there');
  // The history goes on without disk 1 ...
  const without = await world.mount([0, 2, 3]);
  assert.equal(without.recovered.end.lsn, 5);
  for (let i = 0; i < 3; i++) world.append(without, 60);
  await world.commit(without);
  await without.journal.close();
  // ... and it comes back.
  const recovered = await world.recover();
  assert.equal(recovered.end.lsn, 8);
  await world.check(recovered);
  assert.ok(!(await recovered.contains(longer.end)));
  const again = await world.mount();
  world.append(again);
  await world.commit(again);
  await world.check(await world.recover());
});

test('too few members of the last generation are refused, and named', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 1, seed: 4 });
  const mounted = await world.mount();
  world.append(mounted);
  await world.commit(mounted);
  await assert.rejects(world.recover([0, 1]), (error: Error & { code?: string; context?: { missing?: string } }) => {
    assert.equal(error.code, 'journal-members-missing');
    assert.equal(error.context?.missing, `${diskId(2)} ${diskId(3)}`);
    return true;
  });
  assert.equal((await world.recover([0, 2, 3])).end.lsn, 1);
});

/** Two halves of four disks, mounted apart: records 2 on the left, 2 and 3 on the right. */
async function halves(): Promise<{ world: JournalWorld; left: GenerationId; right: GenerationId }> {
  const world = new JournalWorld({ disks: 4, tolerance: 2, seed: 5 });
  const both = await world.mount();
  world.append(both);
  await world.commit(both);
  await both.journal.close();
  const left = await world.mount([0, 1]);
  world.append(left);
  await world.commit(left);
  await left.journal.close();
  world.model.length = 1;
  world.acknowledged = asLsn(1);
  const right = await world.mount([2, 3]);
  world.append(right, 77);
  world.append(right);
  await world.commit(right);
  await right.journal.close();
  return { world, left: left.journal.generation.id, right: right.journal.generation.id };
}

test('two halves that went on separately are a fork: both are named, and a person chooses', async () => {
  const { world, left, right } = await halves();
  await assert.rejects(world.recover(), (error: HoldfastError) => {
    assert.deepEqual([error.code, error.kind], ['journal-fork', 'conflict']);
    assert.match(error.message, /two histories that went apart after record 1: /);
    assert.match(error.message, new RegExp(`generation 2 \\(${left}\\), up to record 2, last changed 1970-01-01T00:00:02.000Z, on /disks/0, /disks/1`));
    assert.match(error.message, new RegExp(`generation 2 \\(${right}\\), up to record 3, last changed 1970-01-01T00:00:03.000Z, on /disks/2, /disks/3`));
    assert.match(error.hint ?? '', new RegExp(`--prefer-history.*${left}|--prefer-history.*${right}`));
    return true;
  });
  const before = await Promise.all([0, 1].map((index) => bytesOf(world, index)));
  const chosen = await world.recover(world.all(), { prefer: right });
  assert.deepEqual(chosen.setAside.map(({ disk }) => disk), [diskId(0), diskId(1)]);
  await world.check(chosen);
  const again = await world.mount(world.all(), { prefer: right });
  assert.equal(again.journal.generation.number, 3, 'above every number seen');
  world.append(again);
  await world.commit(again);
  await again.journal.close();
  // The other half is as it was, byte for byte, and can be had the same way.
  assert.deepEqual(await Promise.all([0, 1].map((index) => bytesOf(world, index))), before);
  await assert.rejects(world.recover(), { code: 'journal-fork' });
  await world.check(await world.recover(world.all(), { prefer: right }));
  const other = await world.recover(world.all(), { prefer: left });
  assert.equal(other.end.lsn, 2);
  assert.deepEqual(other.setAside.map(({ disk }) => disk), [diskId(2), diskId(3)]);
  // A choice that both histories fit is none.
  await assert.rejects(world.recover(world.all(), { prefer: other.generations[0]?.id ?? left }), { code: 'journal-fork' });
});

test('a disk that was away during both is of either history, and joins the one that is chosen', async () => {
  const world = new JournalWorld({ disks: 5, tolerance: 3, seed: 6 });
  const all = await world.mount();
  world.append(all);
  await world.commit(all);
  await all.journal.close();
  const left = await world.mount([0, 1]);
  await left.journal.close();
  const right = await world.mount([2, 3]);
  world.append(right);
  await world.commit(right);
  await right.journal.close();
  await assert.rejects(world.recover(), { code: 'journal-fork' });
  const mounted = await world.mount(world.all(), { prefer: right.journal.generation.id });
  assert.deepEqual(mounted.journal.generation.members, [diskId(2), diskId(3), diskId(4)]);
  assert.deepEqual(mounted.recovered.setAside.map(({ disk }) => disk), [diskId(0), diskId(1)]);
});

async function bytesOf(world: JournalWorld, index: number): Promise<readonly [string, string][]> {
  const disk = world.disks[index];
  assert.ok(disk !== undefined);
  return Promise.all(disk.paths().map(async (path): Promise<[string, string]> => [path, (await disk.readAll(path, 1e9)).toString('base64')]));
}

test('a generation whose begin was cut short on one disk is no fork', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 1, seed: 6 });
  const mounted = await world.mount();
  world.append(mounted);
  await world.commit(mounted);
  await mounted.journal.close();
  const recovered = await world.recover();
  const begun = { number: 2, id: someGeneration, parentLsn: asLsn(1), members: world.disks.map((disk) => disk.id), journalDisks: [diskId(0), diskId(1)], tolerance: 1 };
  await storeGenerations(world.disks.slice(0, 1), volume, [...recovered.generations, begun]);
  const without = await world.mount([1, 2, 3]);
  world.append(without);
  await world.commit(without);
  await without.journal.close();
  const all = await world.recover();
  await world.check(all);
  assert.equal(all.end.lsn, 2);
});

test('a durable mark beyond the end is refused', async () => {
  const world = new JournalWorld({ disks: 3, tolerance: 1, seed: 7 });
  const mounted = await world.mount();
  for (let i = 0; i < 3; i++) {
    world.append(mounted);
    await world.commit(mounted);
  }
  const label = (lsn: number, generation = 1) => ({ labels: new Map([[diskId(2), { generation, durableLsn: asLsn(lsn) }]]) });
  const recovered = await world.recover(world.all(), label(3));
  assert.equal(recovered.end.lsn, 3);
  await assert.rejects(world.recover(world.all(), label(4)), { code: 'journal-damaged', kind: 'corrupt', message: /the label of \/disks\/2 knows record 4 as durable, .* ends at record 3/ });
  // A term that nobody here knows, and that has durable records: so it was answered in.
  await assert.rejects(world.recover(world.all(), label(1, 2)), { code: 'journal-damaged' });
  assert.equal((await world.recover(world.all(), label(0, 0))).end.lsn, 3, 'a fresh label says nothing');
  const mark = (lsn: number, id = mounted.journal.generation.id) => [{ generation: { id }, lsn: asLsn(lsn), source: 'an image' }];
  recovered.requireDurable(mark(3));
  recovered.requireDurable(mark(9, someGeneration));
  assert.throws(() => recovered.requireDurable(mark(4)), { code: 'journal-damaged' });
  assert.throws(() => recovered.requireDurable([{ generation: null, lsn: asLsn(4), source: 'a shard' }]), { code: 'journal-damaged' });
  // A person may go on without those records.
  const accepted = await world.recover(world.all(), { ...label(4), prefer: mounted.journal.generation.id });
  assert.equal(accepted.end.lsn, 3);
  await assert.rejects(world.recover(world.all(), { prefer: someGeneration }), { code: 'journal-generation-unknown' });
});

test('a mark of an older term counts up to where the next one began', async () => {
  const world = new JournalWorld({ disks: 3, tolerance: 1, seed: 17 });
  for (let life = 0; life < 3; life++) {
    const mounted = await world.mount();
    world.append(mounted);
    await world.commit(mounted);
    await mounted.journal.close();
  }
  const label = (generation: number, lsn: number) => ({ labels: new Map([[diskId(0), { generation, durableLsn: asLsn(lsn) }]]) });
  assert.equal((await world.recover(world.all(), label(1, 1))).end.lsn, 3);
  await assert.rejects(world.recover(world.all(), label(1, 2)), { code: 'journal-damaged' });
});

for (const [what, damage] of [
  ['zeroed', (bytes: Buffer) => bytes.fill(0, 8192, 12288)],
  ['truncated', (bytes: Buffer) => bytes.subarray(0, 8192)],
] as const) {
  test(`a batch that is ${what} on every disk with a valid one behind it, or a mark above it, is damage`, async () => {
    const world = new JournalWorld({ disks: 3, tolerance: 1, seed: 8 });
    const mounted = await world.mount();
    for (let i = 0; i < 3; i++) {
      world.append(mounted, 40);
      await world.commit(mounted);
    }
    for (const disk of world.disks.slice(0, 2)) disk.tamper('journal/00000001-000001.log', damage);
    const damaged = (async () => collect(await world.recover(world.all(), { labels: new Map([[diskId(2), { generation: 1, durableLsn: asLsn(3) }]]) })))();
    await assert.rejects(damaged, { code: 'journal-damaged' });
  });
}

test('healing makes copies whole where they are missing, and they survive alone', async () => {
  const world = new JournalWorld({ disks: 4, tolerance: 2, seed: 9 });
  const mounted = await world.mount();
  for (let i = 0; i < 50; i++) {
    world.append(mounted, 700);
    await world.commit(mounted);
  }
  await mounted.journal.close();
  for (const path of world.disks[0]?.paths().filter((name) => name.endsWith('.log')) ?? []) world.disks[0]?.tamper(path, () => null);
  world.disks[1]?.tamper('journal/00000001-000001.log', (bytes) => bytes.fill(1, 0, 20000));
  const recovered = await world.recover([0, 1, 2, 3], { journalDisks: [diskId(3)] });
  assert.equal(await recovered.heal(asLsn(0), 3), 3);
  for (const pair of [
    [0, 3],
    [1, 3],
    [2, 3],
  ]) {
    const left = await world.recover(pair);
    assert.equal(left.end.lsn, 50);
    await world.check(left);
  }
});

test('a disk without its generations file does not count as a member', async () => {
  const world = new JournalWorld({ disks: 3, tolerance: 1, seed: 10 });
  const mounted = await world.mount();
  world.append(mounted);
  await world.commit(mounted);
  world.disks[0]?.tamper('generations', (bytes) => bytes.fill(7, 30, 31));
  assert.equal((await world.recover()).end.lsn, 1);
  await assert.rejects(world.recover([0, 1]), { code: 'journal-members-missing' });
});
