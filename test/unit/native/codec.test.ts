// The erasure code against an independent one in plain TypeScript, every loss pattern, and packing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cellBytes } from '../../../src/base/limits.js';
import { SeededRandom } from '../../../src/base/random.js';
import { crc32c } from '../../../src/native/checksum.js';
import type { Codec } from '../../../src/native/codec.js';
import { InlineCodec } from '../../../src/native/inline-codec.js';
import { ThreadedCodec } from '../../../src/native/threaded-codec.js';

// ---- the reference: GF(2^8) with 0x11d, element by element ----------------------------------

function product(a: number, b: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) {
    if ((b >> bit) & 1) result ^= a;
    a = a & 0x80 ? (a << 1) ^ 0x11d : a << 1;
  }
  return result;
}

function inverse(a: number): number {
  for (let b = 1; b < 256; b++) if (product(a, b) === 1) return b;
  throw new Error('no inverse');
}

function parityByte(k: number, row: number, column: readonly number[]): number {
  return column.reduce((sum, byte, i) => sum ^ product(inverse((k + row) ^ i), byte), 0);
}

function cellTable(shard: Buffer, seed: number): Buffer {
  const table = Buffer.alloc((4 * shard.length) / cellBytes);
  for (let cell = 0; cell * cellBytes < shard.length; cell++) {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(cell);
    const crc = crc32c(shard.subarray(cell * cellBytes, (cell + 1) * cellBytes), crc32c(number, seed));
    table.writeUInt32LE(crc, 4 * cell);
  }
  return table;
}

// ---- helpers --------------------------------------------------------------------------------

interface Encoded {
  readonly shards: readonly Buffer[];
  readonly tables: readonly Buffer[];
  readonly seeds: readonly number[];
}

async function encode(codec: Codec, k: number, r: number, shardBytes: number, seed: number): Promise<Encoded> {
  const random = new SeededRandom(seed);
  const data = Array.from({ length: k }, () => random.bytes(shardBytes));
  const parity = Array.from({ length: r }, () => Buffer.alloc(shardBytes, 0xee));
  const tables = Array.from({ length: k + r }, () => Buffer.alloc((4 * shardBytes) / cellBytes));
  const seeds = tables.map((_, i) => i * 1_000_003);
  await codec.encode({ k, data, parity, tables, seeds });
  return { shards: [...data, ...parity], tables, seeds };
}

async function decodesFrom(codec: Codec, k: number, all: readonly Buffer[], present: readonly number[]): Promise<void> {
  const wanted = all.map((_, i) => i).filter((i) => !present.includes(i));
  const out = wanted.map(() => Buffer.alloc(all[0]?.length ?? 0));
  await codec.decode({ k, present, shards: present.map((i) => all[i] ?? Buffer.alloc(0)), wanted, out });
  wanted.forEach((index, i) => {
    assert.ok(out[i]?.equals(all[index] ?? Buffer.alloc(0)), `shard ${index} from ${present.join()}`);
  });
}

function* choices(n: number, k: number, from = 0): Generator<number[]> {
  if (k === 0) yield [];
  for (let first = from; first <= n - k; first++)
    for (const rest of k === 0 ? [] : choices(n, k - 1, first + 1)) yield [first, ...rest];
}

const codecs = [
  ['InlineCodec', new InlineCodec()],
  ['ThreadedCodec', new ThreadedCodec()],
] as const;

for (const [name, codec] of codecs) {
  describe(name, () => {
    for (const [k, r] of [[1, 1], [1, 3], [2, 2], [3, 1], [4, 3], [6, 4]] as const) {
      it(`${k} + ${r}: every choice of ${k} shards gives all others`, async () => {
        const { shards } = await encode(codec, k, r, cellBytes, k * 100 + r);
        for (const present of choices(k + r, k)) await decodesFrom(codec, k, shards, present);
      });
    }

    it('parity and tables are those of the documented matrix and checksum', async () => {
      const { shards, tables, seeds } = await encode(codec, 3, 3, 17 * cellBytes, 5);
      for (let row = 0; row < 3; row++)
        for (const at of [0, 1, 4095, 4096, 65_535, 65_536, 17 * cellBytes - 1]) {
          const column = shards.slice(0, 3).map((shard) => shard[at] ?? 0);
          assert.equal(shards[3 + row]?.[at], parityByte(3, row, column));
        }
      shards.forEach((shard, i) => assert.ok(tables[i]?.equals(cellTable(shard, seeds[i] ?? 0))));
    });

    it('no parity at all still makes tables', async () => {
      const { shards, tables, seeds } = await encode(codec, 2, 0, 2 * cellBytes, 6);
      shards.forEach((shard, i) => assert.ok(tables[i]?.equals(cellTable(shard, seeds[i] ?? 0))));
    });

    it('rows do not depend on how many there are', async () => {
      const few = await encode(codec, 4, 1, cellBytes, 9);
      const many = await encode(codec, 4, 5, cellBytes, 9);
      assert.ok(few.shards[4]?.equals(many.shards[4] ?? Buffer.alloc(0)));
    });

    it('any k of k + r decode, in any order, also for parts of shards', async () => {
      const shape = fc.record({
        k: fc.integer({ min: 1, max: 20 }),
        r: fc.integer({ min: 1, max: 12 }),
        cells: fc.integer({ min: 1, max: 20 }),
        seed: fc.nat(),
      });
      await fc.assert(
        fc.asyncProperty(shape, async ({ k, r, cells, seed }) => {
          const { shards } = await encode(codec, k, r, cells * cellBytes, seed);
          const random = new SeededRandom(seed);
          const order = shards.map((_, i) => ({ i, key: random.below(1 << 30) })).sort((a, b) => a.key - b.key);
          const from = random.below(cells) * cellBytes;
          const parts = shards.map((shard) => shard.subarray(from));
          await decodesFrom(codec, k, parts, order.slice(0, k).map(({ i }) => i));
        }),
        { numRuns: 40 },
      );
    });

    it('refuses jobs that make no sense, before any memory is touched', async () => {
      const cell = (): Buffer => Buffer.alloc(cellBytes);
      const bug = { name: 'AssertionFailure' };
      const good = { k: 1, data: [cell()], parity: [cell()], tables: [Buffer.alloc(4), Buffer.alloc(4)], seeds: [1, 2] };
      await codec.encode(good);
      await assert.rejects(codec.encode({ ...good, k: 2 }), bug);
      await assert.rejects(codec.encode({ ...good, parity: [Buffer.alloc(100)] }), bug);
      await assert.rejects(codec.encode({ ...good, tables: [Buffer.alloc(4), Buffer.alloc(3)] }), bug);
      await assert.rejects(codec.encode({ ...good, seeds: [1] }), bug);
      await assert.rejects(codec.encode({ ...good, data: [Buffer.alloc(100)] }), bug);
      const decode = { k: 2, present: [0, 2], shards: [cell(), cell()], wanted: [1], out: [cell()] };
      await codec.decode(decode);
      await assert.rejects(codec.decode({ ...decode, present: [2, 2] }), bug);
      await assert.rejects(codec.decode({ ...decode, present: [0, 99] }), bug);
      await assert.rejects(codec.decode({ ...decode, out: [] }), bug);
      await assert.rejects(codec.decode({ ...decode, out: [Buffer.alloc(1)] }), bug);
    });

    it('packs pieces in order, with their SHA-256', async () => {
      const random = new SeededRandom(3);
      const pieces = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? random.bytes(i * 999) : Buffer.alloc(i * 999, i)));
      const packed = await codec.compress(pieces);
      assert.equal(packed.length, pieces.length);
      for (const [i, piece] of pieces.entries()) {
        assert.ok(packed[i]?.hash.equals(createHash('sha256').update(piece).digest()));
        assert.ok((await codec.decompress(packed[i]?.packed ?? Buffer.alloc(0), piece.length)).equals(piece));
      }
      assert.deepEqual(await codec.compress([]), []);
    });

    it('a frame that does not give the recorded size is corrupt', async () => {
      const [{ packed } = { packed: Buffer.alloc(0) }] = await codec.compress([Buffer.alloc(5000, 1)]);
      const corrupt = { kind: 'corrupt', code: 'zstd-frame' };
      const flipped = Buffer.from(packed);
      flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 0xff;
      await assert.rejects(codec.decompress(packed, 4999), corrupt);
      await assert.rejects(codec.decompress(packed, 5001), corrupt);
      await assert.rejects(codec.decompress(packed.subarray(0, -1), 5000), corrupt);
      await assert.rejects(codec.decompress(Buffer.concat([packed, Buffer.alloc(1)]), 5000), corrupt);
      await assert.rejects(codec.decompress(Buffer.from('not a frame'), 5000), corrupt);
      await assert.rejects(codec.decompress(packed, 2 ** 40), corrupt);
      // Without a checksum in the frame zstd need not notice; what it gives then has the right size.
      await codec.decompress(flipped, 5000).catch((error: unknown) => assert.ok(error));
    });
  });
}
