// Rule 9: one owner at a time, and never somebody else taken for the owner.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { restoreVolumeWith } from '../../src/recovery/restore.js';
import { openVolumeWith } from '../../src/volume/open.js';
import { fourDisks, House } from './support/house.js';

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

async function keys(house: House): Promise<string[]> {
  const found: string[] = [];
  const collect = async (): Promise<void> => {
    for await (const { key } of house.world.store.list('')) found.push(key);
  };
  await house.run(collect());
  return found;
}
