// A disk is removed from a volume in use: what is on it goes to the others, and at no moment, wherever the work is cut short, is less
// protected than was promised. The list of disks of the House stands for the configuration file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskRemovalReport } from '../../src/volume/disk-removal.js';
import type { WorldShape } from '../simulation/world.js';
import { configured } from './support/configured.js';
import { type Death, dieAt } from './support/deaths.js';
import { Faults } from './support/faults.js';
import { fiveDisks, fourDisks, House, threeDisks } from './support/house.js';

type Files = ReadonlyMap<string, Buffer>;

/** Of several segments, some of them in the backup, and some bytes in the journal alone. */
async function furnish(house: House): Promise<Files> {
  const files = new Map<string, Buffer>();
  const save = async (name: string, length: number): Promise<void> => {
    const bytes = house.bytes(length);
    files.set(name, bytes);
    await house.save(name, bytes);
  };
  await save('flushed', 150_000);
  if (house.world.settings.backup !== null) await house.flush();
  await save('sealed', 150_000);
  await house.run(house.volume.core.pool.sealAll());
  await save('journal', 3_000);
  return files;
}

async function expectAll(house: House, files: Files, why: string): Promise<void> {
  for (const [name, bytes] of files) await house.expect(name, bytes, why);
}

const remove = (house: House, path: string): Promise<DiskRemovalReport> => house.volume.removeDisk(path, configured(house), () => {});
const named = (house: House, path: string): boolean => house.settings.disks.some((disk) => disk.path === path);

async function remaining(house: House): Promise<number> {
  return (await house.run(Promise.resolve(house.volume.status()))).redundancy.remainingTolerance;
}

/** Power is lost, with these disks; the rest gives every byte. */
async function expectWithout(house: House, gone: readonly string[], files: Files, why: string): Promise<void> {
  house.losePower();
  for (const path of gone) house.world.absent.add(path);
  await house.mount();
  await expectAll(house, files, `${why}, without ${gone.join(' ')}`);
  await house.close();
}

const shapes: readonly WorldShape[] = [fiveDisks, fourDisks, threeDisks, { ...fiveDisks, backup: false }, { disks: 2, parity: 0, tolerance: 0, scheme: 'parity', backup: true }];

for (const shape of shapes) {
  test(`${shape.disks} disks, tolerance ${shape.tolerance}, ${shape.backup ? 'a backup' : 'no backup'}: whichever is removed, the others hold all of it, as safe as before`, async () => {
    for (let index = 0; index < shape.disks; index++) {
      await House.with(shape, async (house) => {
        await house.mount();
        const files = await furnish(house);
        const path = `/disk${index}`;
        const { disk } = house.volume.core.disks.members[index] ?? {};
        const report = await house.run(remove(house, path));
        assert.ok(report.segmentsMoved + report.segmentsAnew > 0 && report.emptied);
        assert.equal(named(house, path), false);
        assert.deepEqual(house.world.slots.get(path)?.paths(), [], 'nothing is left on it');
        const { core } = house.volume;
        assert.equal(core.generation.members.length, shape.disks - 1);
        assert.ok(!core.generation.members.includes(disk?.id as never) && !core.generation.journalDisks.includes(disk?.id as never));
        assert.equal(await remaining(house), shape.tolerance);
        await expectAll(house, files, path);
        await house.save('later', house.bytes(100_000));
        await house.check();
        const others = house.settings.disks.map((one) => one.path);
        await expectWithout(house, others.slice(index % 2, (index % 2) + shape.tolerance), files, path);
      });
    }
  });
}

/** With a disk to spare only what was on the one that goes is moved; without, every segment is written anew. */
const cases = [...shapes.filter(({ disks, backup }) => disks < 4 || (disks === 5 && !backup)), fourDisks, { ...fourDisks, backup: false }].map((shape) => ({ shape, toSpare: shape.disks === 4 }));

for (const { shape, toSpare } of cases) {
  test(`${shape.disks} disks${toSpare ? ' and one to spare' : ''}, tolerance ${shape.tolerance}, ${shape.backup ? 'a backup' : 'no backup'}: ended at each place of it, by a kill or a loss of power, nothing is less safe, and it goes on`, async () => {
    const seen = new Set<string>();
    for (let nth = 1; ; nth++) {
      const place = await cutShort(shape, toSpare, nth, nth % 2 === 0 ? 'kill' : 'power');
      if (place === null) break;
      seen.add(place);
    }
    for (const place of [
      ...(toSpare ? ['disk-remove-copied-before-record'] : ['disk-remove-read-before-store', 'disk-remove-stored-before-removal']),
      'disk-remove-begun-before-commit',
      'disk-remove-leaving',
      'disk-remove-moved-before-term',
      'disk-remove-left-before-configured',
      'disk-remove-configured-before-gone',
      'disk-remove-gone-before-emptied',
      'disk-emptied-before-label',
      'journal-generation-before-rewrite',
    ]) {
      assert.ok(seen.has(place), `${place} was visited`);
    }
  });
}

/** What pool and images do between their own steps is visited by their own tests. */
const inQuestion = (name: string): boolean => !/^(image-|pool-(before|encoded|shard))/.test(name);

async function cutShort(shape: WorldShape, toSpare: boolean, nth: number, how: Death): Promise<string | null> {
  let diedAt: string | null = null;
  const path = '/disk1';
  await House.with(
    shape,
    async (house) => {
      await house.mount();
      const files = await furnish(house);
      if (toSpare) {
        house.world.insertDisk('/new');
        await house.run(house.volume.addDisk('/new', configured(house)));
      }
      house.stopHeart();
      diedAt = await dieAt(house, nth, how, inQuestion, () => remove(house, path));
      if (diedAt === null) return;
      const why = `${nth}: ${diedAt}`;
      // Whatever was promised for the disks that are named now holds now: before anything is made good.
      const all = house.settings.disks.map((one) => one.path);
      const from = nth % (all.length - shape.tolerance + 1);
      for (const gone of all.slice(from, from + shape.tolerance)) house.world.absent.add(gone);
      await house.mount();
      await expectAll(house, files, why);
      house.kill();
      house.world.absent.clear();
      await house.mount();
      if (named(house, path)) await house.run(remove(house, path));
      assert.equal(named(house, path), false, why);
      assert.equal(house.volume.core.disks.members.length, shape.disks - (toSpare ? 0 : 1), why);
      assert.ok(
        house.volume.core.skeleton.disks().every((row) => row.state !== 'leaving'),
        why,
      );
      await expectAll(house, files, why);
      await house.check();
      const others = house.settings.disks.map((one) => one.path);
      await expectWithout(house, others.slice(0, shape.tolerance), files, why);
    },
    shape.disks,
  );
  return diedAt;
}

test('it is refused where the disks that remain cannot hold the promise, and nothing is changed', async () => {
  await House.with({ disks: 3, parity: 1, tolerance: 2, scheme: 'parity', backup: true }, async (house) => {
    await house.mount();
    await assert.rejects(house.run(remove(house, '/disk0')), { code: 'disk-remove-too-few' });
    await assert.rejects(house.run(remove(house, '/elsewhere')), { code: 'disk-unknown' });
    assert.ok(house.volume.core.disks.members.every(({ leaving }) => leaving === undefined));
    await house.close();
  });
});

test('it is refused where the disks that remain cannot hold the data, and nothing is changed', async () => {
  await House.with({ ...fourDisks, backup: false, diskBytes: 8 * 1024 ** 2 }, async (house) => {
    await house.mount();
    for (let file = 0; house.volume.space().freeBytes > 600_000; file++) await house.save(`file ${file}`, house.bytes(100_000));
    await house.run(house.volume.core.pool.sealAll());
    await assert.rejects(house.run(remove(house, '/disk0')), { code: 'disk-remove-no-room' });
    assert.ok(house.volume.core.disks.members.every(({ leaving }) => leaving === undefined));
    await house.close();
  });
});

test('a lost disk can be removed as well: what was on it is decoded', async () => {
  await House.with(fiveDisks, async (house) => {
    await house.mount();
    const files = await furnish(house);
    await house.close();
    house.world.absent.add('/disk1');
    await house.mount();
    const report = await house.run(remove(house, '/disk1'));
    assert.equal(report.emptied, false, 'nobody can empty it');
    const status = await house.run(Promise.resolve(house.volume.status()));
    assert.equal(status.redundancy.held, true, status.redundancy.reasons.join('; '));
    await expectWithout(house, ['/disk0', '/disk2'], files, 'afterwards');
  });
});

test('a disk that fails while it leaves is emptied by decoding', async () => {
  await House.with(fiveDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const files = await furnish(house);
    let moves = 0;
    faults.decide = (disk, call) => (disk.path === '/disk1' && call.operation === 'read-cells' && ++moves > 2 ? { type: 'gone' } : undefined);
    await house.run(remove(house, '/disk1'));
    assert.ok(moves > 2);
    faults.none();
    assert.equal(named(house, '/disk1'), false);
    await expectAll(house, files, 'then');
    await expectWithout(house, ['/disk0', '/disk2'], files, 'afterwards');
  });
});

test('users go on meanwhile: what they write goes to the others, and what they delete and overwrite is gone', async () => {
  await House.with({ ...fiveDisks, backup: false }, async (house) => {
    await house.mount();
    const files = new Map(await furnish(house));
    const removal = remove(house, '/disk2');
    let done = false;
    const ended = removal.finally(() => {
      done = true;
    });
    for (let round = 0; !done && round < 40; round++) {
      const bytes = house.bytes(40_000);
      files.set(`new ${round % 7}`, bytes);
      await house.save(`new ${round % 7}`, bytes);
      if (round === 3) {
        await house.remove('sealed');
        files.delete('sealed');
      }
      await house.let(40);
    }
    await house.run(ended);
    await expectAll(house, files, 'then');
    await house.check();
    await expectWithout(house, ['/disk0', '/disk1'], files, 'afterwards');
  });
});

test('given up, the disk is a member like the others, and its strays are gone; without room it stops, and goes on with another disk', async () => {
  await House.with({ ...fiveDisks, backup: false }, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const files = await furnish(house);
    faults.decide = (disk, call) => (disk.path !== '/disk3' && call.operation === 'replace' && call.path.startsWith('shards/') ? { type: 'full' } : undefined);
    // What finds no room by moving is written anew with create: that is refused as well.
    const moved = faults.decide;
    faults.decide = (disk, call) => moved(disk, call) ?? (call.operation === 'create' && call.path.startsWith('shards/') ? { type: 'full' } : undefined);
    await assert.rejects(house.run(remove(house, '/disk3')), { code: 'disk-remove-no-room' });
    const status = await house.run(Promise.resolve(house.volume.status()));
    assert.match(status.disks[3]?.reason ?? '', /no room/);
    assert.equal(status.disks[3]?.state, 'leaving');
    assert.equal(status.redundancy.remainingTolerance, 2);
    faults.none();
    await house.run(house.volume.keepDisk('/disk3'));
    assert.deepEqual([house.volume.core.disks.members[3]?.leaving, house.volume.core.disks.members[3]?.state], [undefined, 'healthy']);
    await assert.rejects(house.run(house.volume.keepDisk('/disk3')), { code: 'disk-not-leaving' });
    await house.save('more', house.bytes(100_000));
    await house.run(house.volume.core.pool.sealAll());
    assert.ok(house.volume.core.skeleton.segmentsOn(house.volume.core.disks.members[3]?.disk?.id as never, 0 as never, 100).length > 0, 'it is used again');
    house.world.insertDisk('/new');
    await house.run(house.volume.addDisk('/new', configured(house)));
    await house.run(remove(house, '/disk3'));
    await expectWithout(house, ['/new', '/disk0'], files, 'afterwards');
  });
});

test('journal files of earlier lives that were on it are released as always', async () => {
  await House.with(fourDisks, async (house) => {
    for (let life = 0; life < 2; life++) {
      await house.mount();
      for (let file = 0; file < 12; file++) await house.save(`${life} ${file}`, house.bytes(9_000));
      await house.close();
    }
    await house.mount();
    const [first] = house.volume.core.generation.journalDisks;
    const path = house.volume.core.disks.members.find((member) => member.disk?.id === first)?.path ?? '';
    await house.run(remove(house, path));
    for (let image = 0; image < 3; image++) {
      await house.save('later', house.bytes(90_000));
      await house.run(house.volume.settle());
    }
    assert.ok(house.volume.core.journal.retainedBytes < 3 * 128 * 1024, 'they are gone');
    await house.run(house.volume.scrub(() => {}));
    await house.close();
  });
});

test('an interrupted one goes on by itself after the mount, and whoever asks again joins it', async () => {
  await House.with(fiveDisks, async (house) => {
    await house.mount();
    const files = await furnish(house);
    house.stopHeart();
    await dieAt(
      house,
      2,
      'power',
      (name) => name === 'disk-remove-copied-before-record' || name === 'disk-remove-read-before-store',
      () => remove(house, '/disk0'),
    );
    await house.mount();
    assert.equal(house.volume.core.disks.members[0]?.leaving, 'moving');
    assert.ok(!house.volume.core.generation.journalDisks.includes(house.volume.core.disks.members[0]?.disk?.id as never), 'the journal is not on it');
    const failures: unknown[] = [];
    house.volume.resumeRemovals(configured(house), (_, error) => failures.push(error));
    await house.run(remove(house, '/disk0'));
    assert.deepEqual(failures, []);
    assert.equal(named(house, '/disk0'), false);
    await expectWithout(house, ['/disk1', '/disk2'], files, 'afterwards');
  });
});
