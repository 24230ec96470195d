import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { imageChunkBytes } from '../../../src/base/limits.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { ImageSource } from '../../../src/skeleton/contract.js';
import { createImageSource } from '../../../src/skeleton/image-source.js';
import { findings, freshSkeleton, Hand, pointAt, reopen, scratch } from './fixture.js';

const folder = scratch();
after(() => folder.remove());

async function readAll(source: ImageSource): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = 0; chunk * imageChunkBytes < source.bytes; chunk++) chunks.push(await source.read(chunk));
  return Buffer.concat(chunks);
}

/** Brings a copy up to date with the changed chunks only, as a publisher does. */
async function update(copy: Buffer, source: ImageSource, chunks: readonly number[]): Promise<Buffer> {
  const next = Buffer.alloc(source.bytes);
  copy.copy(next);
  for (const chunk of chunks) (await source.read(chunk)).copy(next, chunk * imageChunkBytes);
  return next;
}

for (const inline of [true, false]) {
  const how = inline ? 'inline' : 'in a worker';

  test(`a captured image is the committed state and stays still until release (${how})`, async () => {
    const path = `${folder.dir}/still-${inline}.db`;
    const skeleton = freshSkeleton(path);
    const source = createImageSource(skeleton, { inline });
    const hand = new Hand(skeleton);
    for (let i = 0; i < 2000; i++) hand.create(`file-${i}`);
    await hand.commit(() => source.capture());
    const point = pointAt(skeleton);
    const image = await readAll(source);
    for (let i = 0; i < 2000; i++) hand.create(`later-${i}`);
    await hand.commit();
    await source.checkpoint();
    assert.ok((await readAll(source)).equals(image));
    source.release();
    await assert.rejects(source.read(0), /while an image is captured/);
    const copy = `${folder.dir}/copy-${inline}.db`;
    writeFileSync(copy, image);
    const again = reopen(copy);
    assert.deepEqual(again.commitPoint(), point);
    assert.deepEqual(await findings(again), []);
    again.close();
    await source.close();
    skeleton.close();
  });

  test(`changed chunks alone keep a copy equal to the file, whatever checkpoints come between (${how})`, async () => {
    const seed = 4711;
    const random = new SeededRandom(seed);
    const skeleton = freshSkeleton(`${folder.dir}/changed-${inline}.db`, { walBytesMax: 2_000_000 });
    const source = createImageSource(skeleton, { inline });
    const hand = new Hand(skeleton);
    hand.open(1);
    const files = Array.from({ length: 10_000 }, (_, i) => hand.create(`file-${i}`));
    await hand.commit(() => source.capture());
    assert.equal(source.changed('disks'), null, 'nothing is known at first');
    assert.equal(source.changed('backup'), null);
    let disks = await readAll(source);
    let backup = disks;
    source.published('disks');
    source.published('backup');
    source.release();
    let partial = 0;
    for (let round = 0; round < 30; round++) {
      const first = random.below(files.length - 10);
      for (let i = random.below(30); i >= 0; i--) {
        const ino = files[first + random.below(10)] as never;
        hand.write(ino, random.below(100) * 4096, 4096, 1, random.below(1000) * 4096);
      }
      if (random.below(3) === 0) await Promise.all([source.checkpoint(), hand.commit(), source.checkpoint()]);
      if (random.below(3) === 0) await source.checkpoint();
      if (random.below(2) === 0) continue;
      await hand.commit(() => source.capture());
      const whole = await readAll(source);
      const forDisks = source.changed('disks') ?? assert.fail('known');
      if (forDisks.length < whole.length / imageChunkBytes) partial += 1;
      assert.ok(forDisks.includes(0));
      disks = await update(disks, source, forDisks);
      assert.ok(disks.equals(whole), `seed ${seed}, round ${round}: the disks' copy equals the file`);
      if (random.below(4) > 0) source.published('disks');
      if (random.below(3) === 0) {
        backup = await update(backup, source, source.changed('backup') ?? assert.fail('known'));
        assert.ok(backup.equals(whole), `seed ${seed}, round ${round}: the backup's copy equals the file`);
        source.published('backup');
      }
      source.release();
    }
    assert.ok(partial > 3, 'most images change in part only');
    await source.close();
    skeleton.close();
  });
}

test('what changed between a capture and its publication is not forgotten', async () => {
  const skeleton = freshSkeleton(`${folder.dir}/late.db`);
  const source = createImageSource(skeleton, { inline: true });
  const hand = new Hand(skeleton);
  const ino = hand.create('file');
  await hand.commit(() => source.capture());
  source.changed('backup');
  source.release();
  // A second image, for the disks, is captured before the first one has reached the backup.
  hand.do({ type: 'xattr', ino, name: Buffer.from('user.big'), value: Buffer.alloc(60_000 * 8, 1).subarray(0, 65_536), time: hand.time() });
  await hand.commit(() => source.capture());
  source.release();
  source.published('backup');
  await hand.commit(() => source.capture());
  const changed = source.changed('backup');
  assert.ok(changed !== null && changed.length > 1, `chunks ${changed}`);
  source.release();
  await source.close();
  skeleton.close();
});
