// How much the sealed segments that only this machine has can still lose: counted by cut and disks, never estimated. Segments of one
// cut on the same disks are one entry, so that asking costs a few entries whatever the volume's size.
// Holds always: every un-backed-up sealed segment up to `#upTo` is counted once, as the skeleton has it; counted() ends with all of them.
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { asSegmentNumber, type DiskId, type SegmentNumber } from '../base/ids.js';
import type { JournalRecord } from '../format/records.js';
import type { SegmentRow, Skeleton } from '../skeleton/contract.js';

/** Segments counted in one turn: each is a row with one more for every shard. */
const segmentsPerTurn = 100;

const none: readonly SegmentNumber[] = [];

interface Entry {
  readonly k: number;
  readonly disks: readonly (DiskId | null)[];
  segments: number;
}

/** Disks that may go before a segment has fewer than k shards; negative when it has fewer already. */
export function spareShards(k: number, disks: readonly (DiskId | null)[], serves: (disk: DiskId) => boolean): number {
  return disks.filter((disk) => disk !== null && serves(disk)).length - k;
}

export class Exposure {
  readonly #skeleton: Pick<Skeleton, 'segment' | 'segments'>;
  readonly #entries = new Map<string, Entry>();
  #upTo: SegmentNumber = asSegmentNumber(0);
  #counting: Promise<void> | null = null;

  constructor(skeleton: Pick<Skeleton, 'segment' | 'segments'>) {
    this.#skeleton = skeleton;
  }

  /** Resolves when all segments of earlier lives are counted, or `stopped` says that nobody waits for it. The first call begins it. */
  counted(clock: Clock, stopped: () => boolean): Promise<void> {
    this.#counting ??= this.#count(clock, stopped);
    return this.#counting;
  }

  /** Applies a record to the skeleton and follows what it does to a segment. */
  follow(record: JournalRecord, apply: () => void): void {
    const named = segmentsOf(record);
    // Nearly every record: of files, not of segments.
    if (named.length === 0) return apply();
    const touched = named.filter((segment) => segment <= this.#upTo);
    for (const segment of touched) this.#add(segment, -1);
    apply();
    for (const segment of touched) this.#add(segment, 1);
  }

  /** Disks that may still go before the weakest segment is lost; null: there is none. Negative: some have too few shards now. */
  weakest(serves: (disk: DiskId) => boolean): number | null {
    let weakest: number | null = null;
    for (const { k, disks } of this.#entries.values()) weakest = Math.min(weakest ?? Number.MAX_SAFE_INTEGER, spareShards(k, disks, serves));
    return weakest;
  }

  /** Segments that have fewer than k shards on disks in service. */
  unreadable(serves: (disk: DiskId) => boolean): number {
    let count = 0;
    for (const { k, disks, segments } of this.#entries.values()) if (spareShards(k, disks, serves) < 0) count += segments;
    return count;
  }

  async #count(clock: Clock, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const rows = this.#skeleton.segments(this.#upTo, segmentsPerTurn, 'only-here');
      for (const row of rows) this.#addRow(row, 1);
      const last = rows.at(-1);
      if (last === undefined || rows.length < segmentsPerTurn) {
        this.#upTo = asSegmentNumber(Number.MAX_SAFE_INTEGER);
        return;
      }
      this.#upTo = last.segment;
      await clock.turn();
    }
  }

  #add(segment: SegmentNumber, count: 1 | -1): void {
    const row = this.#skeleton.segment(segment);
    if (row !== null && row.state === 'sealed' && !row.present) this.#addRow(row, count);
  }

  #addRow({ layout, disks }: SegmentRow, count: 1 | -1): void {
    assert(layout !== null, 'a sealed segment has a layout');
    const key = `${layout.k} ${disks.join(' ')}`;
    const entry = this.#entries.get(key) ?? { k: layout.k, disks, segments: 0 };
    entry.segments += count;
    assert(entry.segments >= 0, 'what leaves was counted');
    if (entry.segments === 0) this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }
}

/** Segments whose state, place or presence a record changes. */
function segmentsOf(record: JournalRecord): readonly SegmentNumber[] {
  switch (record.type) {
    case 'segment-seal':
    case 'segment-drop':
    case 'shard-move':
    case 'presence':
      return [record.segment];
    case 'delta-shard-drop':
      return record.segments;
    default:
      return none;
  }
}
