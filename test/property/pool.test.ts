// Random histories of a pool: writes, seals, batches, disks that fail, fill up, rot and come back, restarts that refill from
// the journal. After every step each byte ever accepted is read back right, from memory, shards or decoding.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../src/base/random.js';
import type { SegmentNumber } from '../../src/base/ids.js';
import { dataOffset, shardPath } from '../../src/format/shard.js';
import { World, diskError } from '../unit/pool/world.js';

const KiB = 1024;

interface Written {
  readonly segment: SegmentNumber;
  readonly offset: number;
  readonly bytes: Buffer;
}

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('write' as const), amount: fc.integer({ min: 1, max: 90 * KiB }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('rotate' as const, 'sealAll' as const, 'batch' as const), amount: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'rot' as const, 'return' as const, 'rebuild' as const), amount: fc.nat(1000) }) },
  ),
  { minLength: 5, maxLength: 40 },
);

for (const scheme of ['parity', 'copy'] as const) {
  test(`whatever happens to up to tolerance disks, every accepted byte is read back right (${scheme})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 3, max: 6 }), fc.nat(1_000_000), steps, async (disks, seed, history) => {
        const run = new Run(await World.make({ disks, shape: { parity: 1, tolerance: scheme === 'copy' ? 1 : 2, scheme }, settings: { segmentBytes: 64 * KiB, sealEarlyBytes: 8 * KiB, buffersMax: 3 } }), seed);
        for (const step of history) await run.step(step.kind, step.amount);
        await run.finish();
      }),
      { numRuns: 60, seed: 20240607 },
    );
  });
}

class Run {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #written: Written[] = [];
  /** The disk that is out now: one at a time, so that fresh segments keep what the old ones have left. */
  #out: number | null = null;
  readonly #journal = new Map<SegmentNumber, number>();

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new SeededRandom(seed);
    world.dropFailed = false;
  }

  async step(kind: string, amount: number): Promise<void> {
    if (kind === 'write') await this.#write(amount);
    else if (kind === 'rotate') this.#world.pool.rotate();
    else if (kind === 'sealAll') await this.#world.pool.sealAll();
    else if (kind === 'batch') await this.#batch();
    else if (kind === 'fail') this.#fail(amount);
    else if (kind === 'return') this.#bringBack();
    else if (kind === 'rot') await this.#rot(amount);
    else await this.#rebuild();
    await this.#check(3);
  }

  async finish(): Promise<void> {
    await this.#world.pool.sealAll();
    await this.#check(this.#written.length);
    await this.#batch();
    assert.equal(this.#world.pool.room() % (64 * KiB), 0, 'all buffers are back');
    assert.equal(this.#world.pool.room(), 3 * 64 * KiB);
    await this.#world.pool.close();
  }

  async #write(length: number): Promise<void> {
    for (let at = 0; at < length; ) {
      const part = Math.min(length - at, 32 * KiB);
      // Under scheme 'copy' room may come only from a batch.
      if (this.#world.pool.room() < part) {
        const room = this.#world.pool.waitForRoom(part);
        await this.#batch();
        await room;
      }
      this.#written.push(...this.#world.write(this.#random.bytes(part)));
      at += part;
    }
  }

  /** As the journal does it: every range goes on where the one before it ended. */
  async #batch(): Promise<void> {
    const cut = this.#world.payload.cut();
    await cut.ready;
    for (const range of cut.collect()) {
      assert.equal(range.offset, this.#journal.get(range.segment) ?? 0);
      this.#journal.set(range.segment, range.offset + range.bytes.length);
      for (const one of this.#written.filter((w) => w.segment === range.segment && w.offset >= range.offset && w.offset + w.bytes.length <= range.offset + range.bytes.length)) {
        assert.ok(range.bytes.subarray(one.offset - range.offset, one.offset - range.offset + one.bytes.length).equals(one.bytes));
      }
    }
    cut.release();
  }

  #fail(amount: number): void {
    if (this.#out !== null) return;
    this.#out = amount % this.#world.disks.length;
    const disk = this.#world.disk(this.#out);
    if (amount % 2 === 0) disk.hook = () => Promise.reject(diskError());
    else this.#world.lose(this.#out);
    this.#world.pool.disksChanged();
  }

  #bringBack(): void {
    if (this.#out === null) return;
    this.#world.disk(this.#out).hook = null;
    this.#world.lost.clear();
    this.#out = null;
    this.#world.pool.disksChanged();
  }

  /** One cell of one shard rots. With one disk out, only where there is redundancy for both. */
  async #rot(amount: number): Promise<void> {
    const places = [...this.#world.places.values()];
    const place = places[amount % Math.max(1, places.length)];
    if (place === undefined || this.#out !== null || place.layout.m + place.layout.e < 1) return;
    if ((await this.#world.pool.verify(place)).length > 0) return;
    const index = amount % place.disks.length;
    const disk = this.#world.disks.find((one) => one.id === place.disks[index]);
    assert.ok(disk);
    if (place.layout.m + place.layout.e >= 2) this.#world.flip(disk, shardPath(place.id, place.layout.number, index), dataOffset(place.layout.shardBytes) + this.#random.below(place.layout.shardBytes));
  }

  /** Scrub: whatever is damaged or away goes to where it can. */
  async #rebuild(): Promise<void> {
    for (const place of [...this.#world.places.values()]) {
      const found = await this.#world.pool.verify(place);
      if (found.length === 0) continue;
      const free = this.#world.disks.length - (this.#out === null ? 0 : 1) - (place.disks.length - found.length);
      if (free < found.length) continue;
      const rebuilt = await this.#world.pool.rebuild(place, found.map(({ index }) => index), {});
      const disks = [...place.disks];
      for (const { index, disk } of rebuilt) disks[index] = disk;
      assert.equal(new Set(disks).size, disks.length, 'shards lie on different disks');
      this.#world.places.set(place.id.number, { ...place, disks });
      assert.deepEqual(await this.#world.pool.verify({ ...place, disks }), []);
    }
  }

  async #check(count: number): Promise<void> {
    for (let i = 0; i < count && this.#written.length > 0; i++) {
      const one = count === this.#written.length ? this.#written[i] : this.#written[this.#random.below(this.#written.length)];
      assert.ok(one);
      const from = this.#random.below(one.bytes.length);
      const length = 1 + this.#random.below(one.bytes.length - from);
      const got = await this.#world.read(one.segment, one.offset + from, length);
      assert.ok(got.equals(one.bytes.subarray(from, from + length)), `segment ${one.segment}, ${one.offset + from}+${length}`);
    }
  }
}
