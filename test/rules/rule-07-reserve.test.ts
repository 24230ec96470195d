// Rule 7: full is an error of write; what gives space back, and what keeps data, always has room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import { fourDisks, House, threeDisks } from './support/house.js';

for (const [name, shape] of [['four disks', fourDisks], ['three disks', threeDisks]] as const) {
  test(`${name} filled to the brim: nothing accepted is lost, deleting, flushing and remounting work, and room comes back`, async () => {
    await House.with(shape, async (house) => {
      const diskBytes = 512 * 1024 ** 2;
      const roomBytes = 6 * 1024 ** 2;
      house.adapt = (ports) => ({ ...ports, poolSettings: { ...ports.poolSettings, reserveBytes: () => diskBytes - roomBytes } });
      house.settings = { ...house.settings, budget: { ...house.settings.budget, bytes: 1024 ** 3 } };
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
      await house.pass(120_000);
      await house.write('again', bytes);
      await house.expect('again', bytes);
      for (const file of files.slice(Math.ceil(files.length / 2))) await house.expect(file.name, file.bytes);
      await house.check();
      await house.close();
    });
  });
}
