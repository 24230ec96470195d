import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HoldfastError } from '../../../src/base/errors.js';
import { asDiskId, asGenerationId, type DiskId, type GenerationId } from '../../../src/base/ids.js';
import { ByteReader, ByteWriter } from '../../../src/format/bytes.js';
import { decodeRecord, encodeRecord } from '../../../src/format/record-codec.js';
import type { JournalRecord } from '../../../src/format/records.js';

// Branded numbers are numbers: arbitraries of plain records are cast once, at the end.
const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const place = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }));
const u64 = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.maxSafeNat());
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const name = bytes(1, 255);
const time = fc.record({ sec: fc.maxSafeInteger(), nsec: fc.integer({ min: 0, max: 999_999_999 }) }, { noNullPrototype: true });
const disk: fc.Arbitrary<DiskId> = fc.uuid().map(asDiskId);
const generation: fc.Arbitrary<GenerationId> = bytes(8, 8).map((id) => asGenerationId(id.toString('hex')));
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { maxLength: 30 });
const layout = fc.record({ number: u32, k: u8, m: u8, e: u8, shardBytes: u32 }, { noNullPrototype: true });
const t = fc.constant;

const records: { readonly [Type in JournalRecord['type']]: fc.Arbitrary<unknown> } = {
  create: fc.record({
    type: t('create'),
    ino: u64,
    content: u64,
    parent: u64,
    name,
    mode: u32,
    uid: u32,
    gid: u32,
    rdev: u32,
    target: fc.option(bytes(0, 4095)),
    time,
  }),
  link: fc.record({ type: t('link'), ino: u64, parent: u64, name, time }),
  unlink: fc.record({ type: t('unlink'), ino: u64, parent: u64, name, time }),
  rename: fc.record({ type: t('rename'), fromParent: u64, fromName: name, toParent: u64, toName: name, exchange: fc.boolean(), time }),
  attribute: fc.record({ type: t('attribute'), ino: u64, mode: u32, uid: u32, gid: u32, atime: time, mtime: time, ctime: time }, { requiredKeys: ['type', 'ino', 'ctime'] }),
  xattr: fc.record({ type: t('xattr'), ino: u64, name, value: fc.option(bytes(0, 3000)), time }),
  write: fc.record({ type: t('write'), ino: u64, offset: place, length: u32, segment: u64, segmentOffset: u32, time }),
  share: fc.record({ type: t('share'), ino: u64, offset: place, length: u32, segment: u64, segmentOffset: u32, time }),
  temporary: fc.record({ type: t('temporary'), ino: u64, content: u64, mode: u32, uid: u32, gid: u32, time }),
  truncate: fc.record({ type: t('truncate'), ino: u64, size: place, time }),
  punch: fc.record({ type: t('punch'), ino: u64, offset: place, length: place, time }),
  preallocate: fc.record({ type: t('preallocate'), ino: u64, offset: place, length: place, time }),
  trim: fc.record({ type: t('trim'), content: u64, limit: u32 }),
  reap: fc.record({ type: t('reap'), ino: u64, limit: u32 }),
  'segment-open': fc.record({ type: t('segment-open'), segment: u64, generation }),
  'segment-seal': fc.record({ type: t('segment-seal'), segment: u64, length: u32, layout, disks: list(disk) }),
  relocate: fc.record({
    type: t('relocate'),
    content: u64,
    offset: place,
    length: u32,
    fromSegment: u64,
    fromOffset: u32,
    toSegment: u64,
    toOffset: u32,
  }),
  'segment-drop': fc.record({ type: t('segment-drop'), segment: u64 }),
  'segment-forget': fc.record({ type: t('segment-forget'), segment: u64 }),
  'shard-move': fc.record({ type: t('shard-move'), segment: u64, index: u8, disk: fc.option(disk) }),
  'delta-shard-drop': fc.record({ type: t('delta-shard-drop'), segments: list(u64) }),
  presence: fc.record({ type: t('presence'), segment: u64, present: fc.boolean() }),
  'flush-begin': fc.record({ type: t('flush-begin'), cut: u64 }),
  root: fc.record({ type: t('root'), sequence: u64, epoch: u64, cut: u64, time, deltas: u64, files: u64, bytes: u64 }),
  'delta-release': fc.record({ type: t('delta-release'), cut: u64, limit: u32 }),
  'backup-forget': fc.record({ type: t('backup-forget'), segments: list(u64), roots: list(u64) }),
  disk: fc.record({
    type: t('disk'),
    disk,
    path: text,
    state: fc.constantFrom('healthy', 'suspect', 'failed', 'missing', 'leaving', 'gone'),
    reason: text,
    time,
  }),
};
const anyRecord = fc.oneof(...Object.values(records)).map((record) => record as JournalRecord);

function encode(record: JournalRecord): Buffer {
  const writer = new ByteWriter(16);
  encodeRecord(writer, record);
  return Buffer.from(writer.bytes());
}

function decode(encoded: Buffer): JournalRecord {
  const reader = new ByteReader(encoded, 'record-malformed', 'record');
  const record = decodeRecord(reader);
  reader.end();
  return record;
}

for (const [type, arbitrary] of Object.entries(records)) {
  test(`decoding an encoded ${type} record gives it back`, () => {
    fc.assert(
      fc.property(arbitrary, (record) => {
        assert.deepEqual(plain(decode(encode(record as JournalRecord))), plain(record as JournalRecord));
      }),
      { numRuns: 200 },
    );
  });
}

test('records follow one another without separators', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 20 }), (all) => {
      const reader = new ByteReader(Buffer.concat(all.map(encode)), 'record-malformed', 'record');
      for (const record of all) assert.deepEqual(plain(decodeRecord(reader)), plain(record));
      reader.end();
    }),
  );
});

const malformed = (run: () => unknown): void => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof HoldfastError && error.kind === 'corrupt' && error.code === 'record-malformed', String(error));
  }
};

test('any bytes decode to a record or are refused as corrupt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => malformed(() => decode(Buffer.from(raw)))),
    { numRuns: 5000 },
  );
});

test('a record with one byte changed or cut off decodes to a record or is refused as corrupt', () => {
  fc.assert(
    fc.property(anyRecord, fc.nat(), u8, fc.nat(), (record, at, value, length) => {
      const encoded = encode(record);
      encoded[at % encoded.length] = value;
      malformed(() => decode(encoded));
      malformed(() => decode(encoded.subarray(0, length % encoded.length)));
    }),
    { numRuns: 3000 },
  );
});

test('a record that breaks its own rules is a bug of the caller, and leaves nothing behind', () => {
  const writer = new ByteWriter(16);
  const good = { type: 'presence', segment: 1, present: true } as unknown as JournalRecord;
  encodeRecord(writer, good);
  const before = writer.length;
  const bad: unknown[] = [
    { type: 'truncate', ino: 1, size: 2 ** 53, time: { sec: 0, nsec: 0 } },
    { type: 'truncate', ino: 1, size: 5n, time: { sec: 0, nsec: 0 } },
    { type: 'truncate', ino: 1, size: 2n ** 63n, time: { sec: 0, nsec: 0 } },
    { type: 'truncate', ino: 1.5, size: 1, time: { sec: 0, nsec: 0 } },
    { type: 'truncate', ino: 1, size: 1, time: { sec: 0, nsec: 1e9 } },
    { type: 'link', ino: 1, parent: 1, name: Buffer.alloc(0), time: { sec: 0, nsec: 0 } },
    { type: 'link', ino: 1, parent: 1, name: Buffer.alloc(256), time: { sec: 0, nsec: 0 } },
    { type: 'segment-open', segment: 1, generation: 'xyz' },
  ];
  for (const record of bad) assert.throws(() => encodeRecord(writer, record as JournalRecord), /assertion failed/);
  assert.equal(writer.length, before);
});

/** Absent and undefined are the same. */
function plain(record: JournalRecord): unknown {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
