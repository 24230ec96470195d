// What one commit writes: the records appended since the last one and the payload they rely on, cut into batches
// of bounded size. Records come first and payload-only batches last, so that no batch of the group has an LSN above
// its last record's; recovery counts a group only as a whole, so the order inside it carries no other meaning.
import { assert } from '../base/assert.js';
import type { Lsn, SegmentNumber } from '../base/ids.js';
import { asLsn } from '../base/ids.js';
import { batchBytesMax, batchRecordsMax } from '../base/limits.js';
import { type BatchOrigin, batchHeaderBytes, encodePayloadIndex } from '../format/batch.js';
import { ByteWriter } from '../format/bytes.js';
import type { PayloadRange } from '../format/payload.js';
import { encodeRecord } from '../format/record-codec.js';
import type { JournalRecord } from '../format/records.js';
import { crc32c } from '../native/checksum.js';

export interface GroupLimits {
  readonly batchRecords: number;
  readonly batchBytes: number;
}

export const groupLimits: GroupLimits = { batchRecords: batchRecordsMax, batchBytes: batchBytesMax };

const INITIAL_BYTES = 16 * 1024;

/** Records of one future batch; its buffer begins with room for the batch header. */
interface RecordRun {
  readonly writer: ByteWriter;
  readonly firstLsn: Lsn;
  count: number;
}

/** Records that were appended and not yet taken by a commit, encoded already. */
export class PendingRecords {
  readonly #limits: GroupLimits;
  #runs: RecordRun[] = [];
  #lastLsn: Lsn;
  /** Of the runs, encoded. */
  bytes = 0;

  constructor(lastLsn: Lsn, limits: GroupLimits) {
    this.#lastLsn = lastLsn;
    this.#limits = limits;
  }

  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  append(record: JournalRecord): Lsn {
    const lsn = asLsn(this.#lastLsn + 1);
    let run = this.#runs.at(-1);
    if (run === undefined || run.count >= this.#limits.batchRecords || run.writer.length >= this.#limits.batchBytes) {
      run = { writer: new ByteWriter(INITIAL_BYTES), firstLsn: lsn, count: 0 };
      run.writer.zeros(batchHeaderBytes);
      this.#runs.push(run);
    }
    const before = run.writer.length;
    encodeRecord(run.writer, record);
    this.bytes += run.writer.length - before;
    run.count++;
    this.#lastLsn = lsn;
    return lsn;
  }

  /** All of them, which leaves none. */
  take(): readonly RecordRun[] {
    const runs = this.#runs;
    this.#runs = [];
    this.bytes = 0;
    return runs;
  }
}

/** One batch of a group, all but the parts of its header that depend on where it is written. */
export interface GroupPart {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly recordCount: number;
  readonly recordsBytes: number;
  readonly payload: readonly PayloadRange[];
  readonly payloadBytes: number;
  /** Room for the header, records section, payload index. */
  readonly front: Buffer;
  readonly indexCrc: number;
  readonly bodyCrc: number;
}

export interface BatchGroup {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly parts: readonly GroupPart[];
  /** The mark given for it when it was first written; stays when it is rewritten in another generation. */
  origin: BatchOrigin | null;
}

export function buildGroup(runs: readonly RecordRun[], payload: readonly PayloadRange[], limits: GroupLimits): BatchGroup {
  const first = runs[0];
  const last = runs.at(-1);
  assert(first !== undefined && last !== undefined, 'a group has records');
  const lastLsn = asLsn(last.firstLsn + last.count - 1);
  const queue = new PayloadQueue(payload);
  const parts = runs.map((run) => buildPart(run, queue.take(limits.batchBytes - run.writer.length)));
  while (!queue.empty) {
    const writer = new ByteWriter(batchHeaderBytes + 1024);
    writer.zeros(batchHeaderBytes);
    parts.push(buildPart({ writer, firstLsn: asLsn(lastLsn + 1), count: 0 }, queue.take(limits.batchBytes)));
  }
  return { firstLsn: first.firstLsn, lastLsn, parts, origin: null };
}

/** What it takes in files, headers and padding aside. */
export function bytesOf(group: BatchGroup): number {
  return group.parts.reduce((sum, part) => sum + part.front.length + part.payloadBytes, 0);
}

export function segmentsOf(part: GroupPart): readonly SegmentNumber[] {
  return part.payload.map((range) => range.segment);
}

function buildPart(run: RecordRun, payload: readonly PayloadRange[]): GroupPart {
  const recordsBytes = run.writer.length - batchHeaderBytes;
  encodePayloadIndex(run.writer, payload);
  const front = run.writer.bytes();
  const indexCrc = crc32c(front.subarray(batchHeaderBytes));
  let bodyCrc = indexCrc;
  let payloadBytes = 0;
  for (const range of payload) {
    bodyCrc = crc32c(range.bytes, bodyCrc);
    payloadBytes += range.bytes.length;
  }
  const lastLsn = asLsn(run.firstLsn + run.count - 1);
  return { firstLsn: run.firstLsn, lastLsn, recordCount: run.count, recordsBytes, payload, payloadBytes, front, indexCrc, bodyCrc };
}

/** Payload still to be placed; ranges are cut where a batch ends. */
class PayloadQueue {
  readonly #ranges: PayloadRange[];

  constructor(ranges: readonly PayloadRange[]) {
    this.#ranges = ranges.filter((range) => range.bytes.length > 0).reverse();
  }

  get empty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Up to `bytes` of it; none when that is not positive. */
  take(bytes: number): readonly PayloadRange[] {
    const taken: PayloadRange[] = [];
    for (let left = bytes; left > 0; ) {
      const next = this.#ranges.pop();
      if (next === undefined) break;
      if (next.bytes.length <= left) {
        taken.push(next);
        left -= next.bytes.length;
      } else {
        taken.push({ ...next, bytes: next.bytes.subarray(0, left) });
        this.#ranges.push({ ...next, offset: next.offset + left, bytes: next.bytes.subarray(left) });
        left = 0;
      }
    }
    return taken;
  }
}
