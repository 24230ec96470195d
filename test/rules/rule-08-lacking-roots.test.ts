// Rule 8: what no source has any more keeps nothing else from the backup. The root names what it lacks, loudly; what is left of it stays;
// a restore gives everything else, and EIO with a list for the rest; a later complete root supersedes it. Long flushes leave partial roots.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from '../../src/base/clock.js';
import { isErrorOf } from '../../src/base/errors.js';
import { asSegmentNumber } from '../../src/base/ids.js';
import type { RestoreReport, RestoreRequest } from '../../src/recovery/contract.js';
import { restoreVolumeWith } from '../../src/recovery/restore.js';
import { decodeRoot } from '../../src/backup/root-body.js';
import type { RootBody } from '../../src/backup/contract.js';
import { fourDisks, House } from './support/house.js';
import { Logs } from './support/logs.js';

async function restoreElsewhere(house: House, name: string, at: RestoreRequest['at'] = null): Promise<RestoreReport> {
  const settings = { ...house.settings, stateDir: `${house.world.stateDir}/${name}`, disks: house.settings.disks.map((_, i) => ({ path: `/${name}${i}` })) };
  for (const { path } of settings.disks) house.world.insertDisk(path);
  const report = await house.run(restoreVolumeWith({ settings, at }, house.world.ports(), () => {}));
  house.settings = settings;
  return report;
}

function shardsOf(house: House, segment: number): readonly (readonly [string, string])[] {
  const name = `-${segment.toString(16).padStart(12, '0')}`;
  return [...house.world.slots].flatMap(([slot, disk]) => disk.paths().filter((path) => path.startsWith('shards/') && path.includes(name)).map((path) => [slot, path] as const));
}

async function roots(house: House): Promise<readonly RootBody[]> {
  const keys = house.world.store.keys().filter((key) => key.startsWith('roots/'));
  const all = await Promise.all(keys.map(async (key) => decodeRoot(await house.run(house.world.store.get(key)), Number(key.slice(6)), key)));
  return all.filter((root) => root.kind === 'root');
}

/** `before` in a complete root; then `lost`, sealed, in no journal and with one shard left, which is given back by the answer. */
async function withLostFile(house: House): Promise<{ readonly before: Buffer; readonly lost: Buffer; readonly segment: number; readonly giveBack: () => void }> {
  await house.mount();
  const before = house.bytes(40_000);
  await house.write('before', before);
  await house.flush();
  const lost = house.bytes(40_000);
  await house.write('lost', lost);
  await house.run(house.volume.core.pool.sealAll());
  const segment = house.volume.core.skeleton.segments(asSegmentNumber(0), 100, 'needs-upload')[0]?.segment ?? 0;
  const shards = shardsOf(house, segment);
  assert.equal(shards.length, 4);
  const kept: (() => void)[] = [];
  for (const [slot, path] of shards.slice(1)) {
    const disk = house.world.slots.get(slot);
    disk?.tamper(path, (bytes) => {
      kept.push(() => disk.tamper(path, () => bytes));
      return Buffer.alloc(bytes.length);
    });
  }
  return { before, lost, segment, giveBack: () => kept.forEach((give) => give()) };
}

test('a flush with a lost segment brings everything else to the backup, says what it lacks, and gives up nothing of it', async () => {
  const logs = new Logs();
  await House.with(
    fourDisks,
    async (house) => {
      const { lost, segment, giveBack } = await withLostFile(house);
      const after = house.bytes(30_000);
      await house.write('after', after);
      const report = await house.run(house.volume.flush());
      assert.equal(report.lacks.segments, 1);
      assert.deepEqual([...new Set(report.lacks.ranges.map(({ path }) => path.replace(/^\//, '')))], ['lost']);
      assert.ok(logs.told('error', /root lacks/));
      assert.equal(house.volume.backlog().deltas, 0);
      assert.equal(shardsOf(house, segment).length, 4, 'what is left of it stays');
      const [root] = (await roots(house)).slice(-1);
      assert.deepEqual(root?.lost.map(({ first, last }) => [first, last]), [[segment, segment]]);
      const { redundancy, backup } = await house.run(house.volume.status());
      assert.equal(redundancy.held, false);
      assert.ok(redundancy.reasons.some((reason) => /last root lacks 1 segment/.test(reason)));
      assert.equal(backup?.lacksSegments, 1);
      // Later flushes go on as well, and the first one that finds it again is complete.
      await house.write('later', after);
      assert.equal((await house.run(house.volume.flush())).lacks.segments, 1);
      giveBack();
      await house.write('still later', after);
      assert.equal((await house.run(house.volume.flush())).lacks.segments, 0);
      assert.deepEqual((await roots(house)).at(-1)?.lost, []);
      await house.expect('lost', lost);
      await house.close();
    },
    1,
    logs.logger,
  );
});

test('a restore from a root that lacks a segment gives all else, names the files, and points to the newest complete root', async () => {
  await House.with(fourDisks, async (house) => {
    const { before } = await withLostFile(house);
    const after = house.bytes(30_000);
    await house.write('after', after);
    await house.flush();
    house.kill();
    const report = await restoreElsewhere(house, 'bare');
    assert.deepEqual([...new Set(report.lost.map(({ path }) => path.replace(/^\//, '')))], ['lost']);
    assert.ok(report.notes.some((note) => /lacks 1 segments that had no source left.*newest complete one is root \d+/.test(note)), report.notes.join('; '));
    await house.mount();
    await house.expect('before', before);
    await house.expect('after', after);
    await assert.rejects(house.read('lost'), (error) => isErrorOf(error, 'unavailable'));
    await house.check();
    // It lacks it still, and goes on being flushed.
    await house.write('new', after);
    assert.equal((await house.run(house.volume.flush())).lacks.segments, 1);
    // Without the file nothing is lacking.
    await house.remove('lost');
    await house.sync();
    for (let beat = 0; beat < 60; beat++) await house.pass(1_000);
    assert.equal((await house.run(house.volume.flush())).lacks.segments, 0);
    await house.close();
  });
});

test('the newest complete root stays, however many roots that lack something come after it', async () => {
  await House.with(fourDisks, async (house) => {
    house.settings = { ...house.settings, retention: { keepRoots: 2 } };
    const { before } = await withLostFile(house);
    const complete = (await roots(house)).at(-1)?.sequence ?? 0;
    for (let round = 0; round < 5; round++) {
      await house.write(`round-${round}`, house.bytes(2_000));
      if (round === 2) await house.remove('before');
      await house.flush();
      for (let beat = 0; beat < 30; beat++) await house.pass(1_000);
    }
    assert.deepEqual((await roots(house)).map(({ lost }) => lost.length), [0, 1, 1]);
    house.kill();
    const report = await restoreElsewhere(house, 'bare', { sequence: complete });
    assert.deepEqual(report.lost, []);
    await house.mount();
    await house.expect('before', before);
    await house.close();
  });
});

/** The last root was made on the way. */
function partialRoot(house: House): boolean {
  return house.volume.core.partialRoots;
}

/** Ten minutes for each object; ends when there is a partial root. */
async function slowFlush(house: House): Promise<Map<string, Buffer>> {
  await house.mount();
  const files = new Map<string, Buffer>();
  for (let number = 0; number < 12; number++) files.set(`f${number}`, house.bytes(60_000));
  for (const [name, bytes] of files) await house.write(name, bytes);
  await house.run(house.volume.core.pool.sealAll());
  // Open at the cut: the image of the root shows it so, and a root that lacked it could not be mounted.
  files.set('tail', house.bytes(1_000));
  await house.write('tail', files.get('tail') ?? Buffer.alloc(0));
  const { clock } = house.world.scheduler;
  house.world.storeFault = (operation, key) => (operation === 'put' && key.startsWith('segments/') ? { waitFor: sleep(clock, 600_000) } : null);
  void house.volume.flush().catch(() => null);
  // Second by second: a leap would end waits that have not begun yet.
  for (let second = 0; second < 3_600 && !partialRoot(house); second++) await house.pass(1_000);
  assert.ok(partialRoot(house), 'there is a partial root');
  return files;
}

test('a flush that takes hours leaves partial roots: a machine that dies within it is restored as far as it had come', async () => {
  await House.with(fourDisks, async (house) => {
    const files = await slowFlush(house);
    const [partial] = await roots(house);
    const pending = partial?.pending.reduce((sum, { first, last }) => sum + last - first + 1, 0) ?? 0;
    assert.ok(pending > 0 && pending < 12, `${pending} pending`);
    assert.equal(house.volume.core.skeleton.lastRoot(), null, 'nothing stands for it here');
    assert.ok(house.volume.backlog().deltas > 0, 'and nothing is released');
    house.kill();
    house.world.storeFault = () => null;
    const report = await restoreElsewhere(house, 'bare');
    assert.ok(report.notes.some((note) => /were not uploaded yet/.test(note)), report.notes.join('; '));
    const named = new Set(report.lost.map(({ path }) => path.replace(/^\//, '')));
    assert.ok(!named.has('tail'));
    await house.mount();
    let whole = 0;
    for (const [name, bytes] of files) {
      if (named.has(name)) continue;
      await house.expect(name, bytes);
      whole++;
    }
    assert.ok(whole > 0 && named.size > 0, `${whole} whole, ${named.size} named`);
    await house.check();
    await house.close();
  });
});

test('a machine that survives finishes: the whole root takes the place of the partial ones', async () => {
  await House.with(fourDisks, async (house) => {
    const files = await slowFlush(house);
    house.losePower();
    house.world.storeFault = () => null;
    await house.mount();
    await house.flush();
    assert.deepEqual((await roots(house)).map(({ lost, pending }) => [lost.length, pending.length]), [[0, 0]]);
    await house.close();
    const report = await restoreElsewhere(house, 'bare');
    assert.deepEqual([report.lost, report.notes], [[], []]);
    await house.mount();
    for (const [name, bytes] of files) await house.expect(name, bytes);
    await house.close();
  });
});

test('a partial root that is newer than a whole one is offered, not taken', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const old = house.bytes(5_000);
    await house.write('f0', old);
    await house.flush();
    await house.close();
    await slowFlush(house);
    house.kill();
    house.world.storeFault = () => null;
    const report = await restoreElsewhere(house, 'bare');
    assert.deepEqual(report.lost, []);
    assert.ok(report.notes.some((note) => /partial root \d+ of .* is newer/.test(note)), report.notes.join('; '));
    await house.mount();
    await house.expect('f0', old);
    await house.close();
  });
});
