// Rule 6: the live database and every image stand for durable records, and are made again when they do not.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { publishLocalImage } from '../../src/volume/image-point.js';
import { skeletonPath } from '../../src/volume/skeleton-path.js';
import { Faults } from './support/faults.js';
import { fourDisks, House, oneDisk } from './support/house.js';

test('no image is on a disk before its records are durable: a power loss in between leaves a volume that mounts', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    await House.with(
      oneDisk,
      async (house) => {
        const faults = Faults.of(house);
        await house.mount();
        const bytes = house.bytes(1_000);
        await house.save('a', bytes);
        await house.write('b', house.bytes(1_000));
        const { core, points } = house.volume;
        faults.decide = (_, call) => (call.operation === 'log-sync' ? { type: 'hang' } : undefined);
        void publishLocalImage(core, points).catch(() => false);
        await house.let(300);
        house.losePower();
        faults.none();
        await house.mount();
        await house.expect('a', bytes);
        await house.close();
      },
      seed,
    );
  }
});

test('the same for the image of a flush', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    await House.with(
      oneDisk,
      async (house) => {
        const faults = Faults.of(house);
        await house.mount();
        const bytes = house.bytes(1_000);
        await house.save('a', bytes);
        await house.write('b', house.bytes(1_000));
        faults.decide = (_, call) => (call.operation === 'log-sync' ? { type: 'hang' } : undefined);
        void house.volume.flush().catch(() => null);
        await house.let(400);
        house.losePower();
        faults.none();
        await house.mount();
        await house.expect('a', bytes);
        await house.close();
      },
      seed,
    );
  }
});

for (const [what, spoil] of [
  ['is lost', (path: string) => rmSync(path)],
  ['is garbage', (path: string) => writeFileSync(path, Buffer.alloc(100_000, 7))],
] as const) {
  test(`a live database that ${what} is made again from an image and the journal`, async () => {
    await House.with(fourDisks, async (house) => {
      await house.mount();
      const bytes = house.bytes(200_000);
      await house.save('a', bytes);
      house.kill();
      spoil(skeletonPath(house.settings));
      await house.mount();
      await house.expect('a', bytes);
      await house.check();
      await house.close();
    });
  });
}

test('a live database of another boot is not believed, nor one that is ahead of the journal', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    await House.with(
      fourDisks,
      async (house) => {
        const faults = Faults.of(house);
        await house.mount();
        const bytes = house.bytes(3_000);
        await house.save('a', bytes);
        // Committed to the database, written to the journal, synced nowhere.
        faults.decide = (_, call) => (call.operation === 'log-sync' ? { type: 'hang' } : undefined);
        await house.write('b', house.bytes(3_000));
        await house.run(house.volume.points.cut());
        house.losePower();
        faults.none();
        await house.mount();
        await house.expect('a', bytes);
        await house.check();
        await house.close();
      },
      seed,
    );
  }
});

test('an older copy of the database, put back by hand, is a starting point or is thrown away, never the truth', async () => {
  await House.with(fourDisks, async (house) => {
    const { copyFileSync } = await import('node:fs');
    await house.mount();
    await house.save('a', house.bytes(3_000));
    await house.close();
    const path = skeletonPath(house.settings);
    copyFileSync(path, `${path}.old`);
    await house.mount();
    const bytes = house.bytes(70_000);
    await house.save('b', bytes);
    await house.close();
    copyFileSync(`${path}.old`, path);
    await house.mount();
    await house.expect('b', bytes);
    await house.check();
    await house.close();
  });
  assert.ok(true);
});
