// Rule 11: no turn touches more than about a thousand rows, however much is deleted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsPerTurnMax } from '../../src/base/limits.js';
import { fourDisks, House } from './support/house.js';

const extents = 8_000;

for (const way of ['unlink', 'truncate'] as const) {
  test(`${way} of ${extents} extents goes in slices, each in a turn of its own`, async () => {
    await House.with(fourDisks, async (house) => {
      await house.mount();
      const { core } = house.volume;
      await house.write('a', Buffer.alloc(1));
      const ino = house.ino('a');
      for (let i = 0; i < extents; i++) {
        await house.admitted(1);
        house.volume.write(ino, i * 10_000, Buffer.from([i % 251]));
      }
      await house.sync();
      const content = house.volume.view.inode(ino)?.content;
      assert.ok(content);
      const count = (): number => core.skeleton.extentCount(content, 0, Number.MAX_SAFE_INTEGER, extents * 2);
      assert.ok(count() >= extents, 'the extents do not merge');
      // Rows gone in one turn: the world takes one step at a time.
      let most = 0;
      let before = count();
      const look = (): void => {
        const now = count();
        most = Math.max(most, before - now);
        before = now;
      };
      if (way === 'unlink') await house.remove('a');
      else house.volume.apply({ type: 'truncate', ino, size: 0, time: house.volume.clock.now() });
      look();
      for (let step = 0; step < 4_000 && before > 0; step++) {
        await house.let(1);
        look();
      }
      assert.equal(before, 0, 'all is gone in the end');
      assert.ok(most <= rowsPerTurnMax + 1, `${most} rows in one turn`);
      await house.check();
      await house.close();
    });
  });
}
