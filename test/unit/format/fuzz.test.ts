// Everything that parses bytes of a disk or of the backup, on damaged bytes whose checksums are right all the same (made again after the
// damage, as by a faulty program): a value, or one of the expected errors; never another one, and nothing that grows with a number in them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAnnouncement, encodeAnnouncement } from '../../../src/backup/image-reference.js';
import { decodeRoot as decodeBackupRoot, encodeRoot as encodeBackupRoot } from '../../../src/backup/root-body.js';
import { isErrorOf } from '../../../src/base/errors.js';
import { asDiskId, asGenerationId, asLsn, asSegmentNumber, asVolumeId } from '../../../src/base/ids.js';
import { SeededRandom } from '../../../src/base/random.js';
import { decodeLabel, encodeLabel } from '../../../src/disk/label-codec.js';
import { decodeFileHeader, encodeFileHeader } from '../../../src/format/batch-file.js';
import { type BatchHeader, batchHeaderBytes, decodeBatchBody, decodeBatchHeader, encodeBatchHeader } from '../../../src/format/batch.js';
import { ByteReader, ByteWriter } from '../../../src/format/bytes.js';
import { decodeGenerations, encodeGenerations } from '../../../src/format/generation-codec.js';
import { decodeLeaf, decodeRoot, encodeLeaf, encodeRoot } from '../../../src/format/image-node.js';
import { encodePieceHeader, splitPiece } from '../../../src/format/image-pack.js';
import { encodeJsonObject } from '../../../src/format/json-object.js';
import { decodeRecord, encodeRecord } from '../../../src/format/record-codec.js';
import { decodeShardHeader, encodeShardHeader } from '../../../src/format/shard.js';
import { crc32c } from '../../../src/native/checksum.js';
import { sampleRecords } from '../../golden/samples.js';
import { fuzzRequests, fuzzSeed } from '../fuse/random-requests.js';

const volume = asVolumeId('00112233-4455-6677-8899-aabbccddeeff');
const disk = asDiskId('ffeeddcc-bbaa-9988-7766-554433221100');
const generation = { number: 3, id: asGenerationId('0123456789abcdef'), parentLsn: asLsn(7), tolerance: 2, members: [disk], journalDisks: [disk] };
const piece = { pack: 'a-1', offset: 64, length: 100, rawBytes: 200, hash: Buffer.alloc(32, 5) };
const image = { lsn: asLsn(9), generation: generation.id, link: 4, bytes: 65_536, pack: 'a-1', offset: 64, length: 80, hash: 'ab'.repeat(32) };

/** The checksum in the last four bytes that count, made again. */
const sealedAt =
  (at: (bytes: Buffer) => number) =>
  (bytes: Buffer): void => {
    const place = at(bytes);
    if (place >= 0 && place + 4 <= bytes.length) bytes.writeUInt32LE(crc32c(bytes.subarray(0, place)), place);
  };
const sealedAtEnd = sealedAt((bytes) => bytes.length - 4);

interface Format {
  readonly good: readonly Buffer[];
  readonly seal: (bytes: Buffer) => void;
  readonly decode: (bytes: Buffer) => unknown;
}

function records(): Buffer[] {
  return Object.values(sampleRecords).map((record) => {
    const w = new ByteWriter(256);
    encodeRecord(w, record);
    return Buffer.from(w.bytes());
  });
}

const batchFields: Omit<BatchHeader, 'link'> = {
  volume,
  generation: generation.id,
  generationNumber: 3,
  sequence: 5,
  partIndex: 0,
  partCount: 1,
  firstLsn: asLsn(10),
  lastLsn: asLsn(12),
  groupFirstLsn: asLsn(10),
  groupLastLsn: asLsn(12),
  durableLsn: asLsn(9),
  recordCount: 3,
  recordsBytes: 300,
  payloadCount: 2,
  payloadBytes: 1000,
  fileNumber: 1,
  fileOffset: 4096,
  origin: null,
  indexCrc: 1,
  bodyCrc: 2,
  previousLink: 6,
};

function batch(): Buffer {
  const to = Buffer.alloc(batchHeaderBytes);
  encodeBatchHeader(to, batchFields);
  return to;
}

function sealBatch(bytes: Buffer): void {
  if (bytes.length < batchHeaderBytes) return;
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 148), bytes.readUInt32LE(148)), 152);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 188)), 188);
}

/** The body of a batch whose counts and bytes do not belong together. */
function decodeBody(bytes: Buffer): unknown {
  const number = (at: number): number => (bytes.length >= at + 4 ? bytes.readUInt32LE(at) % 400 : 0);
  const header = { ...batchFields, link: 0, recordCount: number(0) % 5, recordsBytes: number(4), payloadCount: number(8) % 7, payloadBytes: number(12) };
  return decodeBatchBody(header, bytes.subarray(16));
}

const root = {
  kind: 'root' as const,
  sequence: 12,
  epoch: 11,
  nonce: '0'.repeat(32),
  volume,
  time: { sec: 5, nsec: 6 },
  generation,
  image,
  lost: [{ generation: generation.id, first: asSegmentNumber(4), last: asSegmentNumber(9) }],
  pending: [],
  cut: asLsn(9),
  deltas: 1,
  files: 2,
  bytes: 3,
  settings: { parity: 1 },
};

const formats: Readonly<Record<string, Format>> = {
  record: { good: records(), seal: () => {}, decode: (bytes) => decodeRecord(new ByteReader(bytes, 'record-malformed', 'record')) },
  'batch header': { good: [batch()], seal: sealBatch, decode: decodeBatchHeader },
  'batch body': { good: [Buffer.concat([Buffer.alloc(16), ...records()])], seal: () => {}, decode: decodeBody },
  'journal file header': {
    good: [encodeFileHeader({ volume, generation, fileNumber: 1, fileBytes: 1 << 26, firstSequence: 1, firstLsn: asLsn(1), previousLink: 2, previousEnd: asLsn(0), durableLsn: asLsn(0) })],
    seal: sealedAtEnd,
    decode: decodeFileHeader,
  },
  generations: { good: [encodeGenerations(volume, [generation])], seal: sealedAtEnd, decode: decodeGenerations },
  label: { good: [encodeLabel({ volume, disk, name: 'photos', created: { sec: 1, nsec: 2 }, generation: 3, durableLsn: asLsn(4) })], seal: sealedAtEnd, decode: (bytes) => decodeLabel(bytes, '/disk') },
  'shard header': {
    good: [encodeShardHeader({ volume, id: { generation: generation.id, number: asSegmentNumber(5) }, length: 10_000, layout: { number: 3, k: 2, m: 1, e: 1, shardBytes: 8192 }, index: 3, durableLsn: asLsn(6) })],
    seal: sealedAtEnd,
    decode: decodeShardHeader,
  },
  'image leaf': { good: [encodeLeaf(0, [piece, { ...piece, pack: 'b-2' }])], seal: () => {}, decode: (bytes) => decodeLeaf(bytes, 0) },
  'image root': { good: [encodeRoot({ bytes: 65_536, leaves: [piece], packs: new Map([['a-1', { bytes: 300, live: 200 }]]) })], seal: () => {}, decode: decodeRoot },
  'image piece': {
    good: [Buffer.concat([encodePieceHeader({ kind: 'chunk', index: 7, packedBytes: 20, rawBytes: 50, hash: piece.hash }), Buffer.alloc(20)])],
    seal: () => {},
    decode: (bytes) => splitPiece(bytes, 'chunk', 7),
  },
  announcement: { good: [encodeAnnouncement(image)], seal: () => {}, decode: (bytes) => decodeAnnouncement(bytes, 'announced') },
  root: { good: [encodeBackupRoot(root)], seal: () => {}, decode: (bytes) => decodeBackupRoot(bytes, 12, 'roots/12') },
};

const edges = [0, 1, 2, 255, 256, 65_535, 65_536, 0x1f_ffff, 0x20_0000, 0x7fffffff, 0x80000000, 0xffffffff];

function damaged(random: SeededRandom, format: Format): Buffer {
  if (random.below(50) === 0) return random.bytes(random.below(300));
  let bytes = Buffer.from(format.good[random.below(format.good.length)] ?? Buffer.alloc(0));
  for (let damages = 1 + random.below(4); damages > 0 && bytes.length > 0; damages--) {
    const at = random.below(bytes.length);
    if (random.below(2) === 0 || at + 4 > bytes.length) bytes[at] = random.below(256);
    else bytes.writeUInt32LE(edges[random.below(edges.length)] ?? 0, at);
  }
  if (random.below(6) === 0) bytes = bytes.subarray(0, random.below(bytes.length + 1));
  if (random.below(12) === 0) bytes = Buffer.concat([bytes, random.bytes(random.below(40))]);
  format.seal(bytes);
  return bytes;
}

/** JSON with another value in one place, proven by its hash as a good one is. */
const hostileJson: readonly unknown[] = [null, true, -1, 0.5, 1e300, 2 ** 53, '', 'x', '\u0000', '0'.repeat(16), [], [null], {}, { first: 1 }, [{ first: 5, last: 1, generation: generation.id }]];

function expected(decode: () => unknown, what: () => string): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    assert.ok(isErrorOf(error, 'corrupt', 'invalid'), `${what()}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
    return false;
  }
}

for (const [name, format] of Object.entries(formats)) {
  const count = Math.ceil(fuzzRequests * 0.01);
  test(`${count} damaged bytes of a ${name} (seed ${fuzzSeed}) give a value or an expected error`, () => {
    const random = new SeededRandom(fuzzSeed);
    for (const good of format.good) assert.ok(expected(() => format.decode(good), () => name), `a good ${name} is read`);
    for (let i = 0; i < count; i++) {
      const bytes = damaged(random, format);
      expected(() => format.decode(bytes), () => `${name} ${i}: ${bytes.toString('hex')}`);
    }
  });
}

test('JSON objects with another value in any field, and the right hash, give a value or an expected error', () => {
  const tryRoot = (body: object, what: string): boolean => expected(() => decodeBackupRoot(encodeJsonObject('holdfast-root', 2, body), 12, 'roots/12'), () => what);
  assert.ok(tryRoot(root, 'a good one'));
  for (const value of hostileJson) {
    const what = JSON.stringify(value);
    for (const field of Object.keys(image)) expected(() => decodeAnnouncement(encodeJsonObject('holdfast-image', 1, { ...image, [field]: value }), 'announced'), () => `${field} ${what}`);
    for (const field of Object.keys(root)) tryRoot({ ...root, [field]: value }, `${field} ${what}`);
    for (const field of Object.keys(image)) tryRoot({ ...root, image: { ...image, [field]: value } }, `image.${field} ${what}`);
    for (const field of Object.keys(generation)) tryRoot({ ...root, generation: { ...generation, [field]: value } }, `generation.${field} ${what}`);
  }
});
