// CRC-32C against the vectors of RFC 3720 (B.4), its continuation, cell checks and aligned memory.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cellBytes } from '../../../src/base/limits.js';
import { alignedBuffer, crc32c, verifyCells } from '../../../src/native/checksum.js';

it('matches the vectors of RFC 3720', () => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(Buffer.from(ascending).reverse()), 0x113fdb5c);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

it('continues: the checksum of two pieces is that of their concatenation', () => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 255));
  for (const cut of [0, 1, 3, 64, 500, 999, 1000])
    assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes));
});

it('names bad cells by their absolute number', () => {
  const data = Buffer.alloc(3 * cellBytes, 9);
  const table = Buffer.alloc(12);
  for (let i = 0; i < 3; i++) {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(10 + i);
    table.writeUInt32LE(crc32c(data.subarray(i * cellBytes, (i + 1) * cellBytes), crc32c(number, 5)), 4 * i);
  }
  assert.deepEqual(verifyCells(data, table, 10, 5), []);
  data[cellBytes] = 8;
  assert.deepEqual(verifyCells(data, table, 10, 5), [11]);
  assert.deepEqual(verifyCells(data, table, 11, 5), [10, 11, 12].map((cell) => cell + 1));
  assert.throws(() => verifyCells(data, table.subarray(4), 10, 5));
});

it('aligned memory is zeroed, of the asked length and writable', () => {
  for (const length of [0, 1, 4096, 65_535, 65_536, 1 << 20]) {
    const buffer = alignedBuffer(length);
    assert.equal(buffer.length, length);
    assert.ok(buffer.equals(Buffer.alloc(length)));
    buffer.fill(1);
  }
  assert.throws(() => alignedBuffer(-1));
});
