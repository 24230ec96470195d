// Rule 7: full is an error of write; what gives space back, and what keeps data, always has room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { asSegmentNumber } from '../../src/base/ids.js';
import { fourDisks, House, threeDisks } from './support/house.js';

for (const [name, shape] of [['four disks', fourDisks], ['three disks', threeDisks]] as const) {
  test(`${name} filled to the brim: nothing accepted is lost, deleting, flushing and remounting work, and room comes back`, async () => {
    await House.with(shape, async (house) => {
      const diskBytes = 512 * 1024 ** 2;
      const roomBytes = 6 * 1024 ** 2;
      house.adapt = (ports) => ({ ...ports, poolSettings: { ...ports.poolSettings, reserveBytes: () => diskBytes - roomBytes } });
      house.unbudgeted();
      await house.mount();
      const files: { readonly name: string; readonly bytes: Buffer }[] = [];
      const bytes = house.bytes(200_000);
      let full: unknown = null;
      for (let i = 0; i < 200 && full === null; i++) {
        try {
          await house.write(`f${i}`, bytes);
          files.push({ name: `f${i}`, bytes });
        } catch (error) {
          full = error;
        }
      }
      assert.ok(isErrorOf(full, 'full'), 'write says that it is full');
      await house.sync();
      assert.equal(house.volume.core.failure, null);
      await house.run(house.volume.core.pool.sealAll());
      for (const file of files) await house.expect(file.name, file.bytes);
      await house.flush();
      for (const file of files.slice(0, files.length / 2)) await house.remove(file.name);
      await house.sync();
      await house.close();
      await house.mount();
      for (let round = 0; round < 20 && house.volume.space().freeBytes < bytes.length; round++) await house.pass(60_000);
      await house.write('again', bytes);
      await house.expect('again', bytes);
      for (const file of files.slice(Math.ceil(files.length / 2))) await house.expect(file.name, file.bytes);
      await house.check();
      await house.close();
    });
  });
}

test('however many dead segments the backup still has, those that die on the disks give their room back soon', async () => {
  await House.with(threeDisks, async (house) => {
    await house.mount();
    const names = Array.from({ length: 70 }, (_, file) => `f${file}`);
    const write = async (name: string): Promise<void> => {
      await house.write(name, house.bytes(5_000));
      await house.run(house.volume.core.pool.sealAll());
    };
    for (const name of names) await write(name);
    await house.flush();
    for (const name of names) await house.remove(name);
    const dead = (filter: 'dead' | 'dead-here'): number => house.volume.core.skeleton.segments(asSegmentNumber(0), 1_000, filter).length;
    const swept = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) await house.pass(20_000);
    };
    await swept();
    assert.ok(dead('dead') >= 70, `${dead('dead')}: the root in the backup keeps them`);
    assert.equal(dead('dead-here'), 0);
    await write('late');
    await house.remove('late');
    await swept();
    assert.equal(dead('dead-here'), 0, 'room comes back');
    await house.check();
    await house.close();
  });
});

test('what died last gives its room back although nothing happens any more', async () => {
  await House.with(fourDisks, async (house) => {
    await house.mount();
    await house.write('only', house.bytes(50_000));
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    await house.remove('only');
    for (let round = 0; round < 6; round++) await house.pass(20_000);
    assert.equal(house.volume.core.skeleton.segments(asSegmentNumber(0), 10, 'dead-here').length, 0);
    const { newest } = house.volume.core.localImages;
    await house.pass(60_000);
    assert.equal(house.volume.core.localImages.newest, newest, 'and then there is nothing to make images for');
    await house.check();
    await house.close();
  });
});
