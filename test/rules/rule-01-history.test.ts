// Rule 1: of all that the disks say, one history is true, and a disk that was away never brings back another one.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import type { GenerationId } from '../../src/base/ids.js';
import { skeletonPath } from '../../src/volume/skeleton-path.js';
import { Faults } from './support/faults.js';
import { fiveDisks, fourDisks, House } from './support/house.js';

test('what was written while a disk was away wins over what that disk remembers', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await house.save('a', house.bytes(100_000));
    await house.save('gone', house.bytes(3_000));
    await house.close();
    house.world.absent.add('/disk0');
    await house.mount();
    const bytes = house.bytes(100_000);
    await house.save('a', bytes);
    await house.remove('gone');
    await house.sync();
    house.kill();
    // It comes back, and two of those that know better are away now.
    house.world.absent.delete('/disk0');
    house.world.absent.add('/disk1').add('/disk2');
    await house.mount();
    await house.expect('a', bytes);
    assert.equal(house.has('gone'), false);
    await house.check();
    await house.close();
  });
});

test('a future that reached one disk only is void once the others went on without it', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    house.quiet();
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    const { journalDisks } = house.volume.core.generation;
    const alone = house.volume.core.disks.members.find((member) => member.disk?.id === journalDisks[0])?.path ?? '';
    faults.decide = (disk, call) => (call.operation === 'log-write' && disk.path !== alone ? { type: 'hang' } : undefined);
    await house.write('lost', bytes);
    void house.volume.sync().catch(() => null); // never answered
    await house.let(500);
    house.kill();
    faults.none();
    house.world.absent.add(alone);
    await house.mount();
    assert.equal(house.has('lost'), false);
    await house.save('b', bytes);
    house.kill();
    house.world.absent.clear();
    rmSync(skeletonPath(house.settings));
    await house.mount();
    assert.equal(house.has('lost'), false);
    await house.expect('a', bytes);
    await house.expect('b', bytes);
    await house.check();
    await house.close();
  });
});

test('too few disks of the last generation are refused, whatever older ones say', async () => {
  await House.with(fiveDisks, async (house) => {
    await house.mount();
    await house.close();
    house.world.absent.add('/disk0').add('/disk1').add('/disk2');
    await assert.rejects(house.mount(), (error) => isErrorOf(error, 'unavailable'));
    house.world.absent.delete('/disk2');
    await house.mount();
    await house.close();
  });
});

test('of two halves the backup accepts the one that came first, and together they are refused', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await house.close();
    house.world.absent.add('/disk2').add('/disk3');
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.close();
    const half = { absent: ['/disk0', '/disk1'] };
    house.world.absent.clear();
    for (const path of half.absent) house.world.absent.add(path);
    await assert.rejects(house.mount(), (error) => isErrorOf(error, 'conflict'), 'the backup knows of the other half');
    // That half has begun a generation of its own before it was refused: nothing was answered in it.
    house.world.absent.clear();
    house.world.absent.add('/disk2').add('/disk3');
    await house.mount();
    await house.expect('a', bytes);
    await house.close();
  });
});

test('a generation that began and answered nothing is no history', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    for (let life = 0; life < 4; life++) {
      house.kill();
      await house.mount();
    }
    await house.expect('a', bytes);
    await house.close();
  });
});

const damaged = (source: RegExp) => (error: unknown) => isErrorOf(error, 'corrupt') && error.code === 'journal-damaged' && source.test(error.message);

test('disks that were put back in time are found out by the label of one that was not', async () => {
  await House.with({ ...fourDisks, backup: false }, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.close();
    const before = new Map([...house.world.slots].map(([path, disk]) => [path, disk.afterCrash(house.world.random, 'process')]));
    await house.mount();
    const old = house.volume.core.generations.at(-2)?.id;
    await house.save('b', bytes);
    await house.close();
    // The fourth carries neither journal nor image, and alone knows the last term: without its mark that one was never answered in.
    for (const path of ['/disk0', '/disk1', '/disk2']) house.world.slots.set(path, before.get(path) ?? assert.fail());
    rmSync(skeletonPath(house.settings));
    await assert.rejects(house.mount(), damaged(/the label of \/disk3 knows record \d+ as durable/));
    // Whoever knows that it is so goes on with what is there, once.
    assert.ok(old !== undefined);
    house.settings = { ...house.settings, preferHistory: old };
    await house.mount();
    assert.equal(house.has('b'), false);
    await house.expect('a', bytes);
    await house.check();
    house.kill();
    house.settings = { ...house.settings, preferHistory: null };
    await house.mount();
    await house.close();
  });
});

test('a shard of a later segment knows that the journal has lost its end', async () => {
  await House.with(fourDisks, async (house) => {
    house.quiet();
    await house.mount();
    await house.save('a', house.bytes(3_000));
    const earlier = await journals(house);
    await house.save('b', house.bytes(3_000));
    await house.save('large', house.bytes(300_000));
    house.kill();
    const whole = await journals(house);
    // All copies end after `a` now, as if the disks had lied.
    replaceJournals(house, earlier);
    rmSync(skeletonPath(house.settings), { force: true });
    await assert.rejects(house.mount(), damaged(/the shard of a later segment on \/disk\d knows record \d+ as durable/));
    replaceJournals(house, whole);
    await house.mount();
    assert.ok(house.has('large'));
    await house.check();
    await house.close();
  });
});

test('two halves that were mounted apart are named, and each can be had without a byte of the other changing', async () => {
  await House.with({ ...fourDisks, backup: false }, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('common', bytes);
    await house.close();
    const ids: GenerationId[] = [];
    for (const [name, away] of [['left', ['/disk2', '/disk3']], ['right', ['/disk0', '/disk1']]] as const) {
      house.world.absent.clear();
      for (const path of away) house.world.absent.add(path);
      await house.mount();
      await house.save(name, bytes);
      ids.push(house.volume.core.generation.id);
      await house.close();
    }
    house.world.absent.clear();
    await assert.rejects(house.mount(), (error) => isErrorOf(error, 'conflict') && error.code === 'journal-fork' && ids.every((id) => error.message.includes(id)) && error.message.includes('/disk0, /disk1'));
    const [left, right] = ids;
    assert.ok(left !== undefined && right !== undefined);
    house.settings = { ...house.settings, preferHistory: right };
    const before = await contentOf(house, ['/disk0', '/disk1']);
    await house.mount();
    await house.expect('right', bytes);
    assert.equal(house.has('left'), false);
    assert.deepEqual(house.volume.core.disks.members.map(({ state }) => state), ['foreign', 'foreign', 'healthy', 'healthy']);
    await house.save('more', house.bytes(200_000));
    await house.close();
    assert.deepEqual(await contentOf(house, ['/disk0', '/disk1']), before);
    house.settings = { ...house.settings, preferHistory: left };
    await house.mount();
    await house.expect('left', bytes);
    await house.expect('common', bytes);
    assert.equal(house.has('right'), false);
    await house.close();
  });
});

async function contentOf(house: House, paths: readonly string[]): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const path of paths) {
    const disk = house.world.slots.get(path)?.afterCrash(house.world.random, 'process');
    for (const file of disk?.paths() ?? []) content[`${path} ${file}`] = (await house.run(disk?.readAll(file, 1e9) ?? assert.fail())).toString('base64');
  }
  return content;
}

async function journals(house: House): Promise<ReadonlyMap<string, ReadonlyMap<string, Buffer>>> {
  const all = new Map<string, Map<string, Buffer>>();
  for (const [path, slot] of house.world.slots) {
    const disk = slot.afterCrash(house.world.random, 'process');
    const files = new Map<string, Buffer>();
    for (const file of disk.paths()) if (file.startsWith('journal/')) files.set(file, await house.run(disk.readAll(file, 1e9)));
    all.set(path, files);
  }
  return all;
}

function replaceJournals(house: House, journalFiles: ReadonlyMap<string, ReadonlyMap<string, Buffer>>): void {
  for (const [path, disk] of house.world.slots) {
    for (const file of disk.paths()) if (file.startsWith('journal/')) disk.tamper(file, () => journalFiles.get(path)?.get(file) ?? null);
  }
}
