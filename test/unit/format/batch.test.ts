import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asDiskId, asGenerationId, asLsn, asVolumeId } from '../../../src/base/ids.js';
import { SeededRandom } from '../../../src/base/random.js';
import { type BatchHeader, batchHeaderBytes, decodeBatchHeader, encodeBatchHeader } from '../../../src/format/batch.js';
import { decodeFileHeader, encodeFileHeader, fileHeaderBytes, journalFilePath, parseJournalFileName } from '../../../src/format/batch-file.js';
import type { Generation } from '../../../src/format/generation.js';
import { decodeGenerations, encodeGenerations } from '../../../src/format/generation-codec.js';

const volume = asVolumeId('6a5fbd5a-3b55-4a57-8a0f-9e0c4c1d2e3f');
const diskId = (index: number) => asDiskId(`00000000-0000-4000-8000-${String(index).padStart(12, '0')}`);
const generation: Generation = {
  number: 7,
  id: asGenerationId('0123456789abcdef'),
  parentLsn: asLsn(2 ** 40),
  members: Array.from({ length: 64 }, (_, index) => diskId(index)),
  journalDisks: Array.from({ length: 64 }, (_, index) => diskId(index)),
  tolerance: 63,
};
const header: Omit<BatchHeader, 'link'> = {
  volume,
  generation: generation.id,
  generationNumber: 7,
  sequence: 5,
  partIndex: 1,
  partCount: 3,
  firstLsn: asLsn(100),
  lastLsn: asLsn(102),
  groupFirstLsn: asLsn(90),
  groupLastLsn: asLsn(120),
  durableLsn: asLsn(89),
  recordCount: 3,
  recordsBytes: 77,
  payloadCount: 2,
  payloadBytes: 1234,
  fileNumber: 3,
  fileOffset: 4096,
  origin: { generation: asGenerationId('fedcba9876543210'), link: 99 },
  indexCrc: 1,
  bodyCrc: 2,
  previousLink: 0xffff_fff0,
};

test('a batch header is read back, and no changed bit is overlooked', () => {
  const block = Buffer.alloc(batchHeaderBytes);
  const link = encodeBatchHeader(block, header);
  assert.deepEqual(decodeBatchHeader(block), { ...header, link });
  for (let bit = 0; bit < batchHeaderBytes * 8; bit++) {
    block[bit >> 3] = (block[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(decodeBatchHeader(block), null, `bit ${bit}`);
    block[bit >> 3] = (block[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
});

test('the link depends on the batch before', () => {
  const block = Buffer.alloc(batchHeaderBytes);
  assert.notEqual(encodeBatchHeader(block, header), encodeBatchHeader(block, { ...header, previousLink: 0 }));
});

test('a file header with the largest generation fits its block and is read back', () => {
  const file = { volume, generation, fileNumber: 9, fileBytes: 2 ** 26, firstSequence: 4, firstLsn: asLsn(8), previousLink: 3, previousEnd: asLsn(9), durableLsn: asLsn(7) };
  const block = encodeFileHeader(file);
  assert.equal(block.length, fileHeaderBytes);
  assert.deepEqual(decodeFileHeader(block), { version: 4, ...file });
  assert.deepEqual(decodeFileHeader(encodeFileHeader({ version: 1, ...file })), { version: 1, ...file });
  for (let at = 0; at < block.length; at += 3) {
    const changed = Buffer.from(block);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    assert.equal(decodeFileHeader(changed), null);
  }
});

test('file names carry generation and file number', () => {
  assert.equal(journalFilePath(12, 34), 'journal/00000012-000034.log');
  assert.deepEqual(parseJournalFileName('00000012-000034.log'), { generationNumber: 12, fileNumber: 34 });
  assert.deepEqual(parseJournalFileName('123456789-1234567.log'), { generationNumber: 123456789, fileNumber: 1234567 });
  for (const other of ['x', '1-2.log', '00000012-000034.log~', '00000012-000034.log.tmp']) assert.equal(parseJournalFileName(other), null);
});

test('the generations file is read back, and any damage is refused as corrupt', () => {
  const generations = [{ ...generation, number: 3, members: [] }, generation];
  const bytes = encodeGenerations(volume, generations);
  assert.deepEqual(decodeGenerations(bytes), { volume, generations });
  const random = new SeededRandom(1);
  for (let i = 0; i < 500; i++) {
    const changed = Buffer.from(bytes);
    const at = random.below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    assert.throws(() => decodeGenerations(changed), { code: 'generations-malformed' });
    assert.throws(() => decodeGenerations(bytes.subarray(0, at)), { code: 'generations-malformed' });
    assert.throws(() => decodeGenerations(random.bytes(random.below(100))), { code: 'generations-malformed' });
  }
});
