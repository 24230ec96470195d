// Bytes of the records about segments, the backup and disks. Tags 32..63. Layout: docs/format/journal.md.
import { isUtf8 } from 'node:buffer';
import { assert } from '../base/assert.js';
import type { DiskId } from '../base/ids.js';
import { asContentId } from '../base/ids.js';
import { pathBytesMax, shardsPerSegmentMax } from '../base/limits.js';
import type { ByteReader, ByteWriter } from './bytes.js';
import { type RecordCodec, type RecordOf, readDiskId, readGenerationId, readList, readLsn, readSegment, readSegments, writeGenerationId, writeSegments } from './record-codec-common.js';
import type { DiskState, SegmentLayout, StoreRecord } from './records.js';

const segmentOpen: RecordCodec<RecordOf<'segment-open'>> = {
  tag: 32,
  write(to, r) {
    to.u64(r.segment);
    writeGenerationId(to, r.generation);
  },
  read: (from) => ({ type: 'segment-open', segment: readSegment(from), generation: readGenerationId(from) }),
};

const segmentSeal: RecordCodec<RecordOf<'segment-seal'>> = {
  tag: 33,
  write(to, r) {
    to.u64(r.segment);
    to.u32(r.length);
    writeLayout(to, r.layout);
    assert(r.disks.length <= shardsPerSegmentMax, `${r.disks.length} shards`);
    to.u32(r.disks.length);
    for (const disk of r.disks) to.uuid(disk);
  },
  read(from) {
    const segment = readSegment(from);
    const length = from.u32();
    const layout = readLayout(from);
    const disks = readList(from, 16, readDiskId);
    if (disks.length > shardsPerSegmentMax) throw from.malformed(`${disks.length} shards`);
    return { type: 'segment-seal', segment, length, layout, disks };
  },
};

const relocate: RecordCodec<RecordOf<'relocate'>> = {
  tag: 34,
  write(to, r) {
    to.u64(r.content);
    to.fileOffset(r.offset);
    to.u32(r.length);
    to.u64(r.fromSegment);
    to.u32(r.fromOffset);
    to.u64(r.toSegment);
    to.u32(r.toOffset);
  },
  read: (from) => ({
    type: 'relocate',
    content: asContentId(from.u64()),
    offset: from.fileOffset(),
    length: from.u32(),
    fromSegment: readSegment(from),
    fromOffset: from.u32(),
    toSegment: readSegment(from),
    toOffset: from.u32(),
  }),
};

const segmentDrop: RecordCodec<RecordOf<'segment-drop'>> = {
  tag: 35,
  write: (to, r) => to.u64(r.segment),
  read: (from) => ({ type: 'segment-drop', segment: readSegment(from) }),
};

const segmentForget: RecordCodec<RecordOf<'segment-forget'>> = {
  tag: 36,
  write: (to, r) => to.u64(r.segment),
  read: (from) => ({ type: 'segment-forget', segment: readSegment(from) }),
};

const shardMove: RecordCodec<RecordOf<'shard-move'>> = {
  tag: 37,
  write(to, r) {
    to.u64(r.segment);
    to.u8(r.index);
    to.bool(r.disk !== null);
    if (r.disk !== null) to.uuid(r.disk);
  },
  read(from) {
    const segment = readSegment(from);
    const index = from.u8();
    const disk: DiskId | null = from.bool() ? readDiskId(from) : null;
    return { type: 'shard-move', segment, index, disk };
  },
};

const deltaShardDrop: RecordCodec<RecordOf<'delta-shard-drop'>> = {
  tag: 38,
  write: (to, r) => writeSegments(to, r.segments),
  read: (from) => ({ type: 'delta-shard-drop', segments: readSegments(from) }),
};

const presence: RecordCodec<RecordOf<'presence'>> = {
  tag: 39,
  write(to, r) {
    to.u64(r.segment);
    to.bool(r.present);
  },
  read: (from) => ({ type: 'presence', segment: readSegment(from), present: from.bool() }),
};

const flushBegin: RecordCodec<RecordOf<'flush-begin'>> = {
  tag: 40,
  write: (to, r) => to.u64(r.cut),
  read: (from) => ({ type: 'flush-begin', cut: readLsn(from) }),
};

const root: RecordCodec<RecordOf<'root'>> = {
  tag: 41,
  write(to, r) {
    to.u64(r.sequence);
    to.u64(r.epoch);
    to.u64(r.cut);
    to.time(r.time);
    to.u64(r.deltas);
    to.u64(r.files);
    to.u64(r.bytes);
  },
  read: (from) => ({
    type: 'root',
    sequence: from.u64(),
    epoch: from.u64(),
    cut: readLsn(from),
    time: from.time(),
    deltas: from.u64(),
    files: from.u64(),
    bytes: from.u64(),
  }),
};

const deltaRelease: RecordCodec<RecordOf<'delta-release'>> = {
  tag: 42,
  write(to, r) {
    to.u64(r.cut);
    to.u32(r.limit);
  },
  read: (from) => ({ type: 'delta-release', cut: readLsn(from), limit: from.u32() }),
};

const backupForget: RecordCodec<RecordOf<'backup-forget'>> = {
  tag: 43,
  write(to, r) {
    writeSegments(to, r.segments);
    to.u32(r.roots.length);
    for (const sequence of r.roots) to.u64(sequence);
  },
  read: (from) => ({ type: 'backup-forget', segments: readSegments(from), roots: readList(from, 8, (f) => f.u64()) }),
};

// Position is the byte on disk: append only.
const diskStates: readonly DiskState[] = ['healthy', 'suspect', 'failed', 'missing', 'leaving', 'gone'];

const disk: RecordCodec<RecordOf<'disk'>> = {
  tag: 44,
  write(to, r) {
    to.uuid(r.disk);
    const path = Buffer.from(r.path, 'utf8');
    assert(path.length <= pathBytesMax, `disk path of ${path.length} bytes`);
    to.bytes16(path);
    const state = diskStates.indexOf(r.state);
    assert(state >= 0, `disk state ${r.state}`);
    to.u8(state);
    to.bytes16(Buffer.from(r.reason, 'utf8'));
    to.time(r.time);
  },
  read(from) {
    const id = readDiskId(from);
    const path = readText(from);
    const state = diskStates[from.u8()];
    if (state === undefined) throw from.malformed('unknown disk state');
    return { type: 'disk', disk: id, path, state, reason: readText(from), time: from.time() };
  },
};

export const storeRecordCodecs: { readonly [Type in StoreRecord['type']]: RecordCodec<RecordOf<Type>> } = {
  'segment-open': segmentOpen,
  'segment-seal': segmentSeal,
  relocate,
  'segment-drop': segmentDrop,
  'segment-forget': segmentForget,
  'shard-move': shardMove,
  'delta-shard-drop': deltaShardDrop,
  presence,
  'flush-begin': flushBegin,
  root,
  'delta-release': deltaRelease,
  'backup-forget': backupForget,
  disk,
};

function writeLayout(to: ByteWriter, layout: SegmentLayout): void {
  to.u32(layout.number);
  to.u8(layout.k);
  to.u8(layout.m);
  to.u8(layout.e);
  to.u32(layout.shardBytes);
}

function readLayout(from: ByteReader): SegmentLayout {
  return { number: from.u32(), k: from.u8(), m: from.u8(), e: from.u8(), shardBytes: from.u32() };
}

function readText(from: ByteReader): string {
  const bytes = from.bytes16();
  if (!isUtf8(bytes)) throw from.malformed('text that is not UTF-8');
  return bytes.toString('utf8');
}
