// Every structure in the golden images of the present formats decodes, and encodes to the very same bytes again.
// A failure means that the format has changed: see docs/format/README.md for what to do then.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHash } from 'node:crypto';
import { asLsn, asVolumeId, segmentName } from '../../src/base/ids.js';
import { cellBytes } from '../../src/base/limits.js';
import { decodeAnnouncement, encodeAnnouncement } from '../../src/backup/image-reference.js';
import { decodeRoot, encodeRoot } from '../../src/backup/root-body.js';
import { decodeLabel, encodeLabel } from '../../src/disk/label-codec.js';
import { batchBytes, batchHeaderBytes, decodeBatchBody, decodeBatchHeader, encodeBatchHeader, encodePayloadIndex } from '../../src/format/batch.js';
import { decodeFileHeader, encodeFileHeader, fileHeaderBytes } from '../../src/format/batch-file.js';
import { ByteReader, ByteWriter } from '../../src/format/bytes.js';
import { decodeGenerations, encodeGenerations } from '../../src/format/generation-codec.js';
import { decodeLeaf, decodeRoot as decodeRootNode, encodeLeaf, encodeRoot as encodeRootNode } from '../../src/format/image-node.js';
import { encodePackHeader, encodePieceHeader, packHeaderBytes, pieceHeaderBytes, splitPiece, type PieceKind } from '../../src/format/image-pack.js';
import { asObject, asText, decodeJsonObject, encodeJsonObject } from '../../src/format/json-object.js';
import { decodeRecord, encodeRecord } from '../../src/format/record-codec.js';
import { cellChecksum, cellSeed, dataOffset, decodeShardHeader, encodeShardHeader, fileBytes, shardHeaderBytes, shardPath, tableOffset, type ShardInfo } from '../../src/format/shard.js';
import { InlineCodec } from '../../src/native/inline-codec.js';
import { filesLike, fixtureSets, readFixture, type StoredFiles } from './fixture.js';
import { sampleRecords } from './samples.js';

const changed = (what: string): string => `the format of ${what} changed: give it a new version, keep a reader for the old one, and make the next golden set (docs/format/README.md)`;
const newest = fixtureSets().at(-1) ?? 0;
const fixture = readFixture(newest);
const codec = new InlineCodec();

function onDisks(pattern: RegExp, check: (bytes: Buffer, path: string) => void): void {
  for (const [disk, files] of Object.entries(fixture.disks)) for (const { path, bytes } of filesLike(files, pattern)) check(bytes, `${disk}/${path}`);
}

/** Checks each file of the backup of which the key fits; there must be some. */
function inBackup(pattern: RegExp, check: (bytes: Buffer, key: string) => void): void {
  const found = filesLike(fixture.backup, pattern);
  assert.ok(found.length > 0, `the fixture has ${pattern}`);
  for (const { path, bytes } of found) check(bytes, path);
}

test('a disk label encodes to the bytes it was read from', () => {
  let labels = 0;
  onDisks(/^holdfast\.label$/, (bytes, path) => {
    labels++;
    assert.deepEqual(encodeLabel(decodeLabel(bytes, path)), bytes, changed('the disk label'));
  });
  assert.equal(labels, fixture.shape.disks);
});

test('a generations file encodes to the bytes it was read from', () => {
  onDisks(/^generations$/, (bytes) => {
    const { volume, generations } = decodeGenerations(bytes);
    assert.ok(generations.length >= 2);
    assert.deepEqual(encodeGenerations(volume, generations), bytes, changed('the file `generations`'));
  });
});

test('headers, batches and records of journal files encode to the bytes they were read from', () => {
  const types = new Set<string>();
  let payload = 0;
  onDisks(/^journal\//, (bytes, path) => {
    // Made ready for what would have come next.
    if (bytes.every((byte) => byte === 0)) return;
    const block = bytes.subarray(0, fileHeaderBytes);
    const header = decodeFileHeader(block);
    assert.ok(header !== null, `${path}: ${changed('the journal file header')}`);
    assert.deepEqual(encodeFileHeader(header), block, changed('the journal file header'));
    for (let at = fileHeaderBytes; at < bytes.length && bytes.subarray(at).some((byte) => byte !== 0); ) {
      const batch = decodeBatchHeader(bytes.subarray(at, at + batchHeaderBytes));
      assert.ok(batch !== null, `${path} at ${at}: ${changed('the journal batch')}`);
      const body = decodeBatchBody(batch, bytes.subarray(at + batchHeaderBytes, at + batchBytes(batch)));
      const writer = new ByteWriter(1024);
      writer.zeros(batchHeaderBytes);
      for (const record of body.records) encodeRecord(writer, record);
      encodePayloadIndex(writer, body.payload);
      for (const range of body.payload) writer.raw(range.bytes);
      writer.zeros(batchBytes(batch) - writer.length);
      const whole = Buffer.from(writer.bytes());
      assert.equal(encodeBatchHeader(whole.subarray(0, batchHeaderBytes), batch), batch.link, changed('the link of journal batches'));
      assert.deepEqual(whole, bytes.subarray(at, at + batchBytes(batch)), `${path} at ${at}: ${changed('the journal batch')}`);
      for (const record of body.records) types.add(record.type);
      payload += body.payload.length;
      at += batchBytes(batch);
    }
  });
  assert.ok(types.size >= 10 && payload > 0, `the journal of the fixture is rich: ${[...types].join(' ')}`);
});

test('one record of each type encodes to the bytes it had', () => {
  assert.deepEqual(Object.keys(fixture.records).sort(), Object.keys(sampleRecords).sort(), changed('the set of journal records'));
  for (const record of Object.values(sampleRecords)) {
    const bytes = Buffer.from(fixture.records[record.type] ?? '', 'hex');
    const reader = new ByteReader(bytes, 'golden', record.type);
    assert.deepEqual(decodeRecord(reader), record, changed(`the record ${record.type}`));
    reader.end();
    const writer = new ByteWriter(16);
    encodeRecord(writer, record);
    assert.deepEqual(Buffer.from(writer.bytes()), bytes, changed(`the record ${record.type}`));
  }
});

interface Shard {
  readonly info: ShardInfo;
  readonly bytes: Buffer;
}

test('shard files are named, laid out and checksummed as they were, and parity is computed as it was', async () => {
  const segments = new Map<string, Shard[]>();
  onDisks(/^shards\//, (bytes, path) => {
    const info = checkedShard(bytes, path);
    assert.ok(path.endsWith(`/${shardPath(info.id, info.layout.number, info.index)}`), changed('the names of shards'));
    const name = `${segmentName(info.id)}.${info.layout.number}`;
    segments.set(name, [...(segments.get(name) ?? []), { info, bytes }]);
  });
  let checked = 0;
  let delta = 0;
  for (const shards of segments.values()) {
    const { k, m, e, shardBytes } = shards[0]?.info.layout ?? { k: 0, m: 0, e: 0, shardBytes: 0 };
    const dataOf = (index: number): Buffer | undefined => shards.find((shard) => shard.info.index === index)?.bytes.subarray(dataOffset(shardBytes));
    const data = Array.from({ length: k }, (_, index) => dataOf(index)).filter((bytes) => bytes !== undefined);
    if (data.length < k) continue;
    const parity = Array.from({ length: m + e }, () => Buffer.alloc(shardBytes));
    await codec.encode({ k, data, parity, tables: Array.from({ length: k + m + e }, () => Buffer.alloc((4 * shardBytes) / cellBytes)), seeds: Array.from({ length: k + m + e }, () => 0) });
    parity.forEach((made, row) => {
      const there = dataOf(k + row);
      if (there === undefined) return;
      assert.deepEqual(made, there, changed('the erasure code'));
      checked++;
      if (row >= m) delta++;
    });
  }
  assert.ok(checked > delta && delta > 0, `parity and delta shards were compared: ${checked}, ${delta}`);
});

function checkedShard(bytes: Buffer, path: string): ShardInfo {
  const info = decodeShardHeader(bytes.subarray(0, shardHeaderBytes));
  assert.deepEqual(encodeShardHeader(info), bytes.subarray(0, shardHeaderBytes), `${path}: ${changed('the shard header')}`);
  const { shardBytes } = info.layout;
  assert.equal(bytes.length, fileBytes(shardBytes), `${path}: ${changed('the layout of shard files')}`);
  const seed = cellSeed(info);
  for (let cell = 0; cell < shardBytes / cellBytes; cell++) {
    const at = dataOffset(shardBytes) + cell * cellBytes;
    assert.equal(cellChecksum(seed, cell, bytes.subarray(at, at + cellBytes)), bytes.readUInt32LE(tableOffset + 4 * cell), `${path}, cell ${cell}: ${changed('cell checksums')}`);
  }
  return info;
}

test('segments in the backup are shard files with k = 1', () => {
  inBackup(/^segments\//, (bytes, key) => {
    const { layout, index, durableLsn } = checkedShard(bytes, key);
    assert.deepEqual([layout.number, layout.k, layout.m, layout.e, index, durableLsn], [0, 1, 0, 0, 0, 0]);
  });
});

test('marker, roots and epochs encode to the bytes they were read from', () => {
  inBackup(/^holdfast\.json$/, (bytes, key) => {
    const body = decodeJsonObject(bytes, 'holdfast-backup', 1, key);
    assert.match(asText(body['volume'], 'volume'), /^[0-9a-f-]{36}$/);
    asObject(body['created'], 'created');
    assert.deepEqual(encodeJsonObject('holdfast-backup', 1, body), bytes, changed('the marker of a backup'));
  });
  const kinds = new Set<string>();
  inBackup(/^roots\//, (bytes, key) => {
    const { lost, pending, ...body } = decodeRoot(bytes, Number(key.slice('roots/'.length)), key);
    assert.deepEqual([lost, pending], [[], []], 'a complete root does not mention what it lacks');
    kinds.add(body.kind);
    const fields = { ...asObject(decodeJsonObject(bytes, 'holdfast-root', 4, key), 'body') };
    assert.deepEqual(Object.keys(body).sort(), Object.keys(fields).sort(), changed('a root'));
    // The order of the fields is the writer's: bytes are compared as written.
    assert.deepEqual(encodeRoot({ ...(fields as unknown as typeof body), lost, pending }), bytes, changed('a root'));
    assert.deepEqual(fields, body, changed('a root'));
  });
  assert.deepEqual([...kinds].sort(), ['epoch', 'root']);
});

test('announcements of images encode to the bytes they were read from', () => {
  let announcements = 0;
  onDisks(/^image\/images\//, (bytes, path) => {
    const image = decodeAnnouncement(bytes, path);
    // As above: the order of the fields is the writer's.
    const fields = { ...asObject(decodeJsonObject(bytes, 'holdfast-image', 1, path), 'body') };
    assert.deepEqual(fields, image, changed('the announcement of an image'));
    assert.deepEqual(encodeAnnouncement(fields as unknown as typeof image), bytes, changed('the announcement of an image'));
    announcements++;
  });
  assert.ok(announcements > 0);
});

test('packs, pieces and tree nodes of skeleton images encode to the bytes they were read from', async () => {
  const seen = new Set<PieceKind>();
  const everywhere: StoredFiles = Object.assign({}, fixture.backup, ...Object.values(fixture.disks));
  const packs = filesLike(everywhere, /(^|\/)packs\//);
  assert.ok(packs.length > 0, 'the fixture has packs');
  for (const { path, bytes } of packs) {
    const volume = bytes.toString('hex', 8, 24).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    const lsn = asLsn(Number(bytes.readBigUInt64LE(32)));
    assert.deepEqual(encodePackHeader(asVolumeId(volume), bytes.toString('hex', 24, 32) as never, lsn), bytes.subarray(0, packHeaderBytes), changed('the header of a pack'));
    for (let at = packHeaderBytes; at < bytes.length; ) {
      const kind = (['chunk', 'leaf', 'root'] as const)[bytes.readUInt32LE(at) - 1];
      assert.ok(kind !== undefined, `${path} at ${at}: ${changed('a piece')}`);
      const index = bytes.readUInt32LE(at + 4);
      const length = pieceHeaderBytes + bytes.readUInt32LE(at + 8);
      const { header, frame } = splitPiece(bytes.subarray(at, at + length), kind, index);
      assert.deepEqual(encodePieceHeader(header), bytes.subarray(at, at + pieceHeaderBytes), changed('a piece of an image'));
      const raw = await codec.decompress(frame, header.rawBytes);
      assert.deepEqual(createHash('sha256').update(raw).digest(), header.hash, changed('the hash of a piece'));
      if (kind === 'leaf') assert.deepEqual(encodeLeaf(raw.readUInt32LE(8), decodeLeaf(raw, raw.readUInt32LE(8))), raw, changed('a leaf'));
      if (kind === 'root') assert.deepEqual(encodeRootNode(decodeRootNode(raw)), raw, changed('a root node'));
      seen.add(kind);
      at += length;
    }
  }
  assert.deepEqual([...seen].sort(), ['chunk', 'leaf', 'root']);
});
