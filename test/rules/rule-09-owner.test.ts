// Rule 9: one owner at a time, and never somebody else taken for the owner.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { restoreVolumeWith } from '../../src/recovery/restore.js';
import { openVolumeWith } from '../../src/volume/open.js';
import type { ObjectStore } from '../../src/objectstore/object-store.js';
import { fourDisks, House } from './support/house.js';
import { Logs } from './support/logs.js';

test('a volume that was mounted many times without reaching its backup is still its owner', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.flush();
    await house.close();
    house.world.storeFault = () => 'error';
    for (let day = 0; day < 24; day++) {
      await house.mount();
      await house.save(`day-${day}`, bytes);
      await house.close();
    }
    house.world.storeFault = () => null;
    await house.mount();
    await house.flush();
    await house.expect('day-23', bytes);
    await house.close();
  });
});

test('after a restore elsewhere the old machine can neither flush nor delete, and its data stays readable', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.flush();
    await house.save('b', bytes);
    const settings = { ...house.settings, stateDir: `${house.world.stateDir}/bare`, disks: house.settings.disks.map((_, i) => ({ path: `/bare${i}` })) };
    for (const { path } of settings.disks) house.world.insertDisk(path);
    await house.run(restoreVolumeWith({ settings, at: null }, house.world.ports(), () => {}));
    const objects = await keys(house);
    await assert.rejects(house.flush(), (error) => isErrorOf(error, 'conflict'));
    const after = new Set(await keys(house));
    assert.deepEqual(objects.filter((key) => !after.has(key) && !key.startsWith('intents/')), [], 'the fenced one deletes nothing');
    await house.expect('b', bytes);
    await house.close();
    const restored = await house.run(openVolumeWith(settings, house.world.ports()));
    await house.run(restored.flush());
    await house.run(restored.close());
  });
});

test('a machine that finds another owner in the backup does not mount, and writes nothing there', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await house.save('a', house.bytes(3_000));
    await house.flush();
    await house.close();
    const settings = { ...house.settings, stateDir: `${house.world.stateDir}/bare`, disks: house.settings.disks.map((_, i) => ({ path: `/bare${i}` })) };
    for (const { path } of settings.disks) house.world.insertDisk(path);
    await house.run(restoreVolumeWith({ settings, at: null }, house.world.ports(), () => {}));
    const objects = await keys(house);
    await assert.rejects(house.mount(), (error) => isErrorOf(error, 'conflict'));
    assert.deepEqual(await keys(house), objects);
  });
});

function lastEntry(house: House): string {
  return house.world.store.keys().filter((key) => key.startsWith('roots/')).at(-1) ?? '';
}

const torn = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);

test('behind a damaged last entry that may be somebody else’s nothing is written, until the user says that it is nobody’s', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.flush();
    await house.close();
    // The claim of a mount that wrote no root: of this machine or of another, nobody can tell.
    await house.mount();
    await house.close();
    house.world.store.damage(lastEntry(house), torn);
    const before = await keys(house);
    await house.mount();
    await house.save('b', bytes);
    await house.expect('a', bytes);
    const { backup } = await house.run(house.volume.status());
    assert.match(backup?.lastError ?? '', /is damaged: it may be another owner's/);
    await assert.rejects(house.flush(), (error) => isErrorOf(error, 'corrupt') && error.code === 'backup-root-damaged' && /--past-damaged-root/.test(error.hint ?? ''));
    assert.deepEqual(await keys(house), before, 'nothing is written there');
    await house.run(house.volume.flush(undefined, { pastDamagedRoot: true }));
    assert.equal((await house.run(house.volume.status())).backup?.reachable, true);
    await house.close();
    await house.mount();
    await house.save('c', bytes);
    await house.flush();
    await house.close();
  });
});

test('when our own newest root is damaged a flush is due, and its root is what a restore takes', async () => {
  const logs = new Logs();
  await House.with(
    fourDisks,
    async (house) => {
      await house.mount();
      const bytes = house.bytes(3_000);
      await house.save('a', bytes);
      await house.flush();
      await house.close();
      house.world.store.damage(lastEntry(house), torn);
      await house.mount();
      assert.ok(logs.told('error', /newest root in the backup is damaged/));
      assert.notDeepEqual(house.volume.due(), []);
      await house.flush();
      assert.deepEqual(house.volume.due(), []);
      await house.close();
      const settings = { ...house.settings, stateDir: `${house.world.stateDir}/bare`, disks: house.settings.disks.map((_, i) => ({ path: `/bare${i}` })) };
      for (const { path } of settings.disks) house.world.insertDisk(path);
      const report = await house.run(restoreVolumeWith({ settings, at: null }, house.world.ports(), () => {}));
      assert.deepEqual([report.lost, report.notes], [[], []]);
      house.settings = settings;
      await house.mount();
      await house.expect('a', bytes);
      await house.close();
    },
    1,
    logs.logger,
  );
});

test('a restore falls back behind a damaged newest root, says so, and owns the backup', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    await house.flush();
    await house.save('b', bytes);
    await house.flush();
    house.kill();
    house.world.store.damage(lastEntry(house), torn);
    const settings = { ...house.settings, stateDir: `${house.world.stateDir}/bare`, disks: house.settings.disks.map((_, i) => ({ path: `/bare${i}` })) };
    for (const { path } of settings.disks) house.world.insertDisk(path);
    const report = await house.run(restoreVolumeWith({ settings, at: null }, house.world.ports(), () => {}));
    assert.ok(report.notes.some((note) => /last one of the backup, is damaged/.test(note)));
    house.settings = settings;
    await house.mount();
    await house.expect('a', bytes);
    assert.equal(house.has('b'), false);
    await house.save('c', bytes);
    await house.flush();
    await house.close();
  });
});

/** A store that lets everybody win. */
function withoutConditions(house: House): void {
  house.adapt = (ports) => ({
    ...ports,
    openStore: async (backup) => {
      const store = await ports.openStore(backup);
      const lax: ObjectStore = {
        description: store.description,
        put: (key, buffers, options) => store.put(key, buffers, { ifAbsent: options.ifAbsent && !key.startsWith('probes/') }),
        get: (key, range) => store.get(key, range),
        head: (key) => store.head(key),
        list: (prefix, after) => store.list(prefix, after),
        delete: (keys) => store.delete(keys),
        close: () => store.close(),
      };
      return lax;
    },
  });
}

test('a mounted volume asks its store whether it can fence, and says so where it cannot', async () => {
  for (const can of [true, false]) {
    const logs = new Logs();
    await House.with(
      fourDisks,
      async (house) => {
        if (!can) withoutConditions(house);
        await house.mount();
        assert.equal((await house.run(house.volume.status())).backup?.fences, null, 'not asked yet');
        await house.until(() => house.volume.ownership.fences !== null, 'it is asked');
        const { backup, redundancy } = await house.run(house.volume.status());
        assert.equal(backup?.fences, can);
        assert.equal(redundancy.reasons.some((reason) => /cannot fence a second owner/.test(reason)), !can);
        assert.equal(redundancy.held, true, 'a note, no loss of protection');
        assert.equal(logs.told('warn', /cannot fence a second owner/), !can);
        await house.close();
        assert.deepEqual((await keys(house)).filter((key) => key.startsWith('probes/')), []);
      },
      1,
      logs.logger,
    );
  }
});

test('neither a mount nor what follows waits for the answer', async () => {
  await House.with(fourDisks, async (house) => {
    let answer = (): void => {};
    const waitFor = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let asked = 0;
    house.world.storeFault = (_, key) => {
      if (!key.startsWith('probes/')) return null;
      asked++;
      return { waitFor };
    };
    await house.mount();
    await house.until(() => asked > 0, 'it is asked');
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    for (let beat = 0; beat < 30; beat++) await house.pass(1_000);
    await house.expect('a', bytes);
    assert.equal(house.volume.ownership.fences, null);
    answer();
    await house.until(() => house.volume.ownership.fences === true, 'the answer comes');
    await house.close();
  });
});

async function keys(house: House): Promise<string[]> {
  const found: string[] = [];
  const collect = async (): Promise<void> => {
    for await (const { key } of house.world.store.list('')) found.push(key);
  };
  await house.run(collect());
  return found;
}
