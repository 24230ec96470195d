// A scrub finds what has rotted, wherever it lies, heals it from what there is, names what no source has, and is in nobody's way.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import { dataOffset, tableOffset } from '../../src/format/shard.js';
import { shapes } from '../simulation/shapes.js';
import { Faults } from './support/faults.js';
import { fourDisks, House } from './support/house.js';
import { Logs } from './support/logs.js';
import { assertClean, beats, files, flip, scrub, sealed, sizeOf } from './support/rot.js';

test('a flipped bit in the header, the table or any cell of a shard is found and healed from parity', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = await sealed(house);
    for (const [index, shard] of files(house, 'shards/').entries()) {
      const size = dataOffset(32 * 1024) + 32 * 1024;
      for (const [at, fault] of [[1, 'header'], [4_000, 'header'], [tableOffset + 3, 'cells'], [dataOffset(32 * 1024) + 5, 'cells'], [size - 1, 'cells']] as const) {
        flip(shard, at);
        const report = await scrub(house);
        const place = report.findings.map(({ kind, disk, file, segment, index: found, fault: said, healedFrom }) => [kind, disk, file, segment, found, said, healedFrom]);
        assert.deepEqual(place, [['shard', shard[0].path, shard[1], 1, index, fault, 'parity']], `byte ${at} of shard ${index}`);
        assert.deepEqual([report.segments, report.shards, report.healed, report.lost], [1, 4, 1, []]);
        await assertClean(house);
      }
    }
    await house.expect('a', bytes);
    await house.close();
  });
});

test('a shard file that is gone, and one that is cut short, are made again', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = await sealed(house);
    const [first, second] = files(house, 'shards/');
    assert(first !== undefined && second !== undefined);
    first[0].tamper(first[1], () => null);
    second[0].tamper(second[1], (whole) => whole.subarray(0, whole.length - 5_000));
    const report = await scrub(house);
    assert.deepEqual(report.findings.map(({ fault, healedFrom }) => [fault, healedFrom]), [['missing', 'parity'], ['cells', 'parity']]);
    await assertClean(house);
    await house.expect('a', bytes);
    await house.close();
  });
});

test('fewer than k good shards: the segment comes from the backup, and what is left of the old layout goes', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = await sealed(house);
    await house.flush();
    const before = files(house, 'shards/');
    assert.equal(before.length, 3, 'the delta shard went with the flush');
    for (const shard of before.slice(0, 2)) flip(shard, dataOffset(32 * 1024) + 100);
    const report = await scrub(house);
    assert.deepEqual(report.findings.map(({ healedFrom }) => healedFrom), ['backup', 'backup']);
    assert.deepEqual(report.healedFrom, { backup: 2 });
    assert.deepEqual(report.lost, []);
    const old = new Set(before.map(([, path]) => path));
    assert.ok(files(house, 'shards/').every(([, path]) => !old.has(path)));
    await assertClean(house);
    await house.expect('a', bytes);
    await house.close();
  });
});

test('what the backup should have is not called lost while that does not answer, and is healed when it does', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = await sealed(house);
    await house.flush();
    for (const shard of files(house, 'shards/').slice(0, 2)) flip(shard, dataOffset(32 * 1024) + 100);
    house.world.storeFault = () => 'error';
    const away = await scrub(house);
    assert.deepEqual([away.found, away.healed, away.lost], [2, 0, []]);
    house.world.storeFault = () => null;
    assert.equal((await scrub(house)).healedFrom.backup, 2);
    await house.expect('a', bytes);
    await house.close();
  });
});

test('without the backup, from the journal, where that keeps the bytes', async () => {
  await House.with({ disks: 4, parity: 1, tolerance: 2, scheme: 'copy', backup: true, journalDisks: 3 }, async (house) => {
    await house.mount();
    const bytes = await sealed(house);
    for (const shard of files(house, 'shards/').slice(0, 2)) flip(shard, 9_000);
    const report = await scrub(house);
    assert.deepEqual(report.findings.map(({ healedFrom }) => healedFrom), ['journal', 'journal']);
    await assertClean(house);
    await house.expect('a', bytes);
    await house.close();
  });
});

test('what no source has is named by file and range, is in the status, and nothing is made up', async () => {
  await House.with({ ...fourDisks, backup: false }, async (house) => {
    await house.mount();
    await house.write('whole', house.bytes(8_192));
    const bytes = house.bytes(50_000);
    await house.write('a', bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    // The fourth cell of all shards but the first: bytes 45,056 to 49,152 of the segment, where `a` begins at 8,192.
    for (const shard of files(house, 'shards/').slice(1)) flip(shard, dataOffset(32 * 1024) + 3 * 4096);
    const report = await scrub(house);
    assert.equal(report.findings.length, 3);
    assert.ok(report.findings.every(({ healedFrom }) => healedFrom === null));
    assert.deepEqual(report.lost, [{ path: '/a', offset: 36_864, length: 4_096 }]);
    assert.deepEqual([report.lostRanges, report.lostBytes], [1, 4_096]);
    const { redundancy, scrub: told } = await house.run(house.volume.status());
    assert.equal(redundancy.held, false);
    assert.match(redundancy.reasons.join('; '), /a scrub found 1 range/);
    assert.equal(told.last?.lostRanges, 1);
    await assert.rejects(house.read('a'), { code: 'segment-unreadable' });
    assert.equal((await house.read('whole')).length, 8_192);
    await house.close();
  });
});

test('a copy of a journal file, a skeleton image and the list of generations are made whole as well', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    for (let round = 0; round < 30; round++) await house.save(`f${round}`, house.bytes(9_000));
    await house.flush();
    await house.save('b', house.bytes(9_000));
    for (const folder of ['image/packs/', 'generations']) {
      const [file] = files(house, folder);
      assert(file !== undefined, folder);
      flip(file, Math.floor(sizeOf(file) / 2));
      const report = await scrub(house);
      assert.deepEqual(report.findings.map(({ kind, disk, healedFrom }) => [kind, disk, healedFrom]), [[folder === 'generations' ? 'generations' : 'image', file[0].path, 'memory']]);
      await assertClean(house);
    }
    await house.close();
    await house.mount();
    // Those of the life before are not written any more.
    const journal = files(house, 'journal/').filter(([, path]) => path === files(house, 'journal/')[0]?.[1]);
    assert(journal.length === 3, 'the journal is on three disks');
    const [first] = journal;
    assert(first !== undefined);
    flip(first, 4096 + 150);
    const report = await scrub(house);
    assert.deepEqual(report.findings.map(({ kind, disk, file, healedFrom }) => [kind, disk, file, healedFrom]), [['journal', first[0].path, first[1], 'copies']]);
    await assertClean(house);
    for (const copy of journal) flip(copy, 4096 + 150);
    const nowhere = await scrub(house);
    assert.deepEqual(nowhere.findings.map(({ kind, healedFrom }) => [kind, healedFrom]), [['journal', 'memory']], 'an image of now needs it no more');
    house.kill();
    await house.mount();
    assert.equal((await house.read('b')).length, 9_000);
    await house.close();
  });
});

test('a damaged label is named; a damaged live database ends changes, and is made anew by the next mount', async () => {
  const logs = new Logs();
  await House.with(
    fourDisks,
    async (house) => {
      await house.mount();
      const bytes = house.bytes(30_000);
      for (let round = 0; round < 300; round++) await house.write(`a file with a name of some length ${round}`, house.bytes(10));
      await house.save('a', bytes);
      const [label] = files(house, 'holdfast.label');
      assert(label !== undefined);
      flip(label, 100);
      const report = await scrub(house);
      assert.deepEqual(report.findings.map(({ kind, healedFrom }) => [kind, healedFrom]), [['label', null]]);
      flip(label, 100);
      await assertClean(house);
      const database = `${house.settings.stateDir}/skeleton.db`;
      damagePages(database);
      const found = await scrub(house);
      assert.deepEqual(found.findings.map(({ kind, healedFrom }) => [kind, healedFrom]), [['database', null]]);
      assert.equal((await house.run(house.volume.status())).state, 'failed');
      assert.ok(logs.told('error', /the live database is damaged/));
      await assert.rejects(house.close(), { code: 'volume-failed' });
      house.kill();
      await house.mount();
      await house.expect('a', bytes);
      await house.check();
      await house.close();
    },
    1,
    logs.logger,
  );
});

test('a segment that dies while it is looked at is nobody’s business', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    await sealed(house);
    for (const shard of files(house, 'shards/')) flip(shard, 20_000);
    let removed = false;
    faults.decide = (_disk, call) => {
      if (call.operation !== 'read-cells' || removed) return undefined;
      removed = true;
      house.volume.apply({ type: 'unlink', ino: house.ino('a'), parent: house.volume.view.parentOf(1 as never), name: Buffer.from('a'), time: house.volume.clock.now() });
      return undefined;
    };
    const report = await scrub(house);
    assert.ok(removed);
    assert.deepEqual(report.lost, []);
    faults.none();
    await beats(house, 30);
    assert.equal(house.volume.core.pinned(asSegmentNumber(1)), false);
    await assertClean(house);
    await house.close();
  });
});

test('one by hand at a time; the simulation scrubs as well', async () => {
  assert.ok(shapes.some((shape) => shape.scrubPeriodSeconds !== undefined));
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await sealed(house);
    const first = house.volume.scrub();
    await assert.rejects(house.volume.scrub(), { code: 'scrub-busy' });
    assert.equal((await house.run(first)).segments, 1);
    await house.close();
  });
});

function damagePages(path: string): void {
  const bytes = readFileSync(path);
  // All but the first page, whose header an open database believes.
  for (let at = 4096 + 8; at < bytes.length; at += 4096) bytes.fill(0xee, at, at + 200);
  writeFileSync(path, bytes);
}
