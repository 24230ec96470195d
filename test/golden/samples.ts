// One record of each type with every optional field given: what the volume of the fixture happens not to write is covered by these.
import { asContentId, asDiskId, asGenerationId, asIno, asLsn, asSegmentNumber } from '../../src/base/ids.js';
import type { RecordOf } from '../../src/format/record-codec-common.js';
import type { JournalRecord } from '../../src/format/records.js';

const ino = asIno(4_294_967_298);
const parent = asIno(1);
const content = asContentId(4_294_967_299);
const name = Buffer.from([0x6e, 0xff, 0x01, 0x2e]);
const time = { sec: -2, nsec: 999_999_999 };
const segment = asSegmentNumber(70_000);
const other = asSegmentNumber(5_000_000_001);
const disk = asDiskId('00112233-4455-6677-8899-aabbccddeeff');

export const sampleRecords: { readonly [Type in JournalRecord['type']]: RecordOf<Type> } = {
  create: { type: 'create', ino, content, parent, name, mode: 0o120777, uid: 1000, gid: 4_294_967_295, rdev: 0x0103, target: Buffer.from('../a/b'), time },
  link: { type: 'link', ino, parent, name, time },
  unlink: { type: 'unlink', ino, parent, name, time },
  rename: { type: 'rename', fromParent: parent, fromName: name, toParent: asIno(7), toName: Buffer.from('new'), exchange: true, time },
  attribute: { type: 'attribute', ino, mode: 0o7755, uid: 1, gid: 2, atime: { sec: 1, nsec: 2 }, mtime: { sec: -3, nsec: 4 }, ctime: time },
  xattr: { type: 'xattr', ino, name: Buffer.from('user.note'), value: Buffer.from([0, 1, 2, 255]), time },
  write: { type: 'write', ino, offset: 9_223_372_036_853_727_231n, length: 1_048_576, segment, segmentOffset: 33_554_431, time },
  share: { type: 'share', ino, offset: 1_234_567, length: 4_294_967_295, segment: other, segmentOffset: 5, time },
  temporary: { type: 'temporary', ino, content, mode: 0o100640, uid: 4_294_967_294, gid: 7, time },
  truncate: { type: 'truncate', ino, size: 9_223_372_036_854_775_807n, time },
  punch: { type: 'punch', ino, offset: 4096, length: 9_007_199_254_740_992n, time },
  preallocate: { type: 'preallocate', ino, offset: 9_007_199_254_740_993n, length: 1_048_577, time },
  trim: { type: 'trim', content, limit: 1_000 },
  reap: { type: 'reap', ino, limit: 999 },
  'segment-open': { type: 'segment-open', segment, generation: asGenerationId('0123456789abcdef') },
  'segment-seal': { type: 'segment-seal', segment, length: 33_554_432, layout: { number: 3, k: 2, m: 1, e: 1, shardBytes: 16_777_216 }, disks: [disk, asDiskId('ffeeddcc-bbaa-9988-7766-554433221100')] },
  relocate: { type: 'relocate', content, offset: 9_007_199_254_740_993n, length: 4096, fromSegment: segment, fromOffset: 12, toSegment: other, toOffset: 34 },
  'segment-drop': { type: 'segment-drop', segment },
  'segment-forget': { type: 'segment-forget', segment: other },
  'shard-move': { type: 'shard-move', segment, index: 3, disk },
  'delta-shard-drop': { type: 'delta-shard-drop', segments: [segment, other] },
  presence: { type: 'presence', segment, present: true },
  'flush-begin': { type: 'flush-begin', cut: asLsn(77) },
  root: { type: 'root', sequence: 12, epoch: 11, cut: asLsn(78), time, deltas: 1, files: 2, bytes: 3 },
  'delta-release': { type: 'delta-release', cut: asLsn(79), limit: 1_000 },
  'backup-forget': { type: 'backup-forget', segments: [segment], roots: [3, 4] },
  disk: { type: 'disk', disk, path: '/disks/ä', state: 'leaving', reason: 'asked for', time },
};
