import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isErrorOf } from '../../../src/base/errors.js';
import { asGenerationId, asLsn, asSegmentNumber, asVolumeId } from '../../../src/base/ids.js';
import { segmentBytesMax } from '../../../src/base/limits.js';
import { cellChecksum, cellSeed, cellsCovering, dataOffset, decodeShardHeader, encodeShardHeader, fileBytes, parseShardName, type ShardInfo, shardBytesFor, shardHeaderBytes, shardPath, tableBytes } from '../../../src/format/shard.js';

const sample: ShardInfo = {
  volume: asVolumeId('00112233-4455-6677-8899-aabbccddeeff'),
  id: { generation: asGenerationId('0123456789abcdef'), number: asSegmentNumber(0x1234567) },
  length: 10_000,
  layout: { number: 3, k: 2, m: 1, e: 1, shardBytes: 8192 },
  index: 3,
  durableLsn: asLsn(2 ** 40 + 5),
};

const anyInfo = fc
  .record({
    generation: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    number: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    k: fc.integer({ min: 1, max: 16 }),
    m: fc.nat({ max: 8 }),
    e: fc.nat({ max: 8 }),
    length: fc.nat({ max: segmentBytesMax }),
    layout: fc.nat({ max: 0xffffffff }),
    lsn: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    pick: fc.nat(),
  })
  .map(
    (r): ShardInfo => ({
      volume: sample.volume,
      id: { generation: asGenerationId(r.generation.toString(16).padStart(16, '0')), number: asSegmentNumber(r.number) },
      length: r.length,
      layout: { number: r.layout, k: r.k, m: r.m, e: r.e, shardBytes: shardBytesFor(r.length, r.k) },
      index: r.pick % (r.k + r.m + r.e),
      durableLsn: asLsn(r.lsn),
    }),
  );

test('a header reads back as what was written', () => {
  fc.assert(fc.property(anyInfo, (info) => assert.deepEqual(decodeShardHeader(encodeShardHeader(info)), info)));
});

test('any changed byte of a header is noticed', () => {
  const good = encodeShardHeader(sample);
  for (const position of [...Array(96).keys(), 1000, 4091, 4092, 4095]) {
    const bad = Buffer.from(good);
    bad[position] = (bad[position] ?? 0) ^ 0x10;
    assert.throws(
      () => decodeShardHeader(bad),
      (error) => isErrorOf(error, 'corrupt') && error.code === 'shard-header',
      `byte ${position}`,
    );
  }
  assert.throws(
    () => decodeShardHeader(good.subarray(0, 4095)),
    (error) => isErrorOf(error, 'corrupt'),
  );
});

test('the first bytes of the header are those of docs/format/shard.md', () => {
  const block = encodeShardHeader(sample);
  assert.equal(block.toString('hex', 0, 88), '484653484152440001000000001000000011223344556677' + '8899aabbccddeeff0123456789abcdef6745230100000000' + '0300000003000200010001000010000010270000000000000020000000000000' + '0500000000010000');
});

test('table and data lie one after another in whole blocks', () => {
  assert.equal(tableBytes(4096), 4096);
  assert.equal(tableBytes(1024 * 4096), 4096);
  assert.equal(tableBytes(1025 * 4096), 8192);
  assert.equal(dataOffset(8192), shardHeaderBytes + 4096);
  assert.equal(fileBytes(segmentBytesMax), 4096 + 32768 + segmentBytesMax);
});

test('seeds differ by generation, number, layout and index', () => {
  const seeds = new Set([
    cellSeed(sample),
    cellSeed({ ...sample, id: { ...sample.id, generation: asGenerationId('0123456789abcdee') } }),
    cellSeed({ ...sample, id: { ...sample.id, number: asSegmentNumber(0x1234568) } }),
    cellSeed({ ...sample, layout: { ...sample.layout, number: 4 } }),
    cellSeed({ ...sample, index: 2 }),
  ]);
  assert.equal(seeds.size, 5);
  assert.notEqual(cellChecksum(1, 0, Buffer.alloc(4096)), cellChecksum(1, 1, Buffer.alloc(4096)));
});

test('a range is covered by whole cells', () => {
  const cells = cellsCovering({ id: sample.id, layout: { ...sample.layout, shardBytes: 40_960 }, index: 0 }, 4095, 2);
  assert.deepEqual([cells.firstCell, cells.cellCount, cells.tableOffset, cells.dataOffset], [0, 2, 4096, 8192]);
});

test('names of shards read back and foreign names do not', () => {
  const path = shardPath(sample.id, 3, 11);
  assert.equal(path, 'shards/48d1/0123456789abcdef-000001234567.3.11');
  assert.deepEqual(parseShardName(path.slice(path.lastIndexOf('/') + 1)), { id: sample.id, layoutNumber: 3, index: 11 });
  for (const name of ['', 'x', '0123456789abcdef-000001234567.3', '0123456789abcdef-000001234567.03.1', '0123456789abcdef-1.3.1', '0123456789ABCDEF-000001234567.3.1', '0123456789abcdef-000001234567.3.1.tmp'])
    assert.equal(parseShardName(name), null, name);
});
