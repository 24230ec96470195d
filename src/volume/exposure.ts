// How much the sealed segments can still lose: counted by cut and disks, never estimated, those that only this machine has apart from those
// that the backup has as well. Segments of one cut on the same disks are one entry, so that asking costs a few entries whatever the volume's size.
// Holds always: every sealed segment that was passed (`#isPassed`) is counted once, as the skeleton has it; counted() ends with all that are
// only here, allCounted() with all of them.
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { asSegmentNumber, type DiskId, type SegmentNumber } from '../base/ids.js';
import type { JournalRecord } from '../format/records.js';
import type { SegmentRow, Skeleton } from '../skeleton/contract.js';

/** Segments counted in one turn: each is a row with one more for every shard. */
const segmentsPerTurn = 100;
/** Nobody waits for those that the backup has: between two turns others get most of the time. */
const restMs = 20;

const none: readonly SegmentNumber[] = [];
const last = asSegmentNumber(Number.MAX_SAFE_INTEGER);

interface Entry {
  readonly k: number;
  readonly disks: readonly (DiskId | null)[];
  segments: number;
}

/** Segments that could lose so many more disks, and are read from the disks still. */
export interface SpareCount {
  /** Negative: they have fewer than k shards already. */
  readonly spare: number;
  readonly onlyHere: number;
  readonly inBackup: number;
}

/** Disks that may go before a segment has fewer than k shards; negative when it has fewer already. */
export function spareShards(k: number, disks: readonly (DiskId | null)[], serves: (disk: DiskId) => boolean): number {
  return disks.filter((disk) => disk !== null && serves(disk)).length - k;
}

export class Exposure {
  readonly #skeleton: Pick<Skeleton, 'segment' | 'segments'>;
  readonly #here = new Map<string, Entry>();
  readonly #backedUp = new Map<string, Entry>();
  /** Up to these all are counted: of those that are only here, and of the others. */
  #hereUpTo: SegmentNumber = asSegmentNumber(0);
  #backedUpTo: SegmentNumber = asSegmentNumber(0);
  #counting: Promise<void> | null = null;
  #countingAll: Promise<void> | null = null;

  constructor(skeleton: Pick<Skeleton, 'segment' | 'segments'>) {
    this.#skeleton = skeleton;
  }

  /** Resolves when all segments of earlier lives that are only here are counted, or `stopped` says that nobody waits for it. The first call begins it. */
  counted(clock: Clock, stopped: () => boolean): Promise<void> {
    this.#counting ??= this.#countHere(clock, stopped);
    return this.#counting;
  }

  /** The same for all of them: slowly, after those that are only here. */
  allCounted(clock: Clock, stopped: () => boolean): Promise<void> {
    this.#countingAll ??= this.counted(clock, stopped).then(() => this.#countBackedUp(clock, stopped));
    return this.#countingAll;
  }

  /** Applies a record to the skeleton and follows what it does to a segment. */
  follow(record: JournalRecord, apply: () => void): void {
    const named = segmentsOf(record);
    // Nearly every record: of files, not of segments.
    if (named.length === 0) return apply();
    for (const segment of named) this.#add(segment, -1);
    apply();
    for (const segment of named) this.#add(segment, 1);
  }

  /** Disks that may still go before the weakest segment that is only here is lost; null: there is none. Negative: some have too few shards now. */
  weakest(serves: (disk: DiskId) => boolean): number | null {
    let weakest: number | null = null;
    for (const { k, disks } of this.#here.values()) weakest = Math.min(weakest ?? Number.MAX_SAFE_INTEGER, spareShards(k, disks, serves));
    return weakest;
  }

  /** Segments that are only here and have fewer than k shards on disks in service. */
  unreadable(serves: (disk: DiskId) => boolean): number {
    let count = 0;
    for (const { k, disks, segments } of this.#here.values()) if (spareShards(k, disks, serves) < 0) count += segments;
    return count;
  }

  /** All of them by what they could still lose, the weakest first; `complete`: every segment of the volume is in it by now. */
  histogram(serves: (disk: DiskId) => boolean): { readonly spares: readonly SpareCount[]; readonly complete: boolean } {
    const counts = new Map<number, { onlyHere: number; inBackup: number }>();
    for (const [entries, kind] of [[this.#here, 'onlyHere'], [this.#backedUp, 'inBackup']] as const) {
      for (const { k, disks, segments } of entries.values()) {
        const spare = spareShards(k, disks, serves);
        const count = counts.get(spare) ?? { onlyHere: 0, inBackup: 0 };
        count[kind] += segments;
        counts.set(spare, count);
      }
    }
    const spares = [...counts].sort(([a], [b]) => a - b).map(([spare, count]) => ({ spare, ...count }));
    return { spares, complete: this.#hereUpTo === last && this.#backedUpTo === last };
  }

  async #countHere(clock: Clock, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const rows = this.#skeleton.segments(this.#hereUpTo, segmentsPerTurn, 'only-here');
      for (const row of rows) this.#addRow(row, 1);
      const end = rows.at(-1);
      this.#hereUpTo = end === undefined || rows.length < segmentsPerTurn ? last : end.segment;
      if (this.#hereUpTo === last) return;
      await clock.turn();
    }
  }

  async #countBackedUp(clock: Clock, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const rows = this.#skeleton.segments(this.#backedUpTo, segmentsPerTurn, 'all');
      for (const row of rows) if (row.present && row.state === 'sealed') this.#addRow(row, 1);
      const end = rows.at(-1);
      this.#backedUpTo = end === undefined || rows.length < segmentsPerTurn ? last : end.segment;
      if (this.#backedUpTo === last) return;
      await new Promise<void>((resolve) => void clock.after(restMs, resolve));
    }
  }

  #add(segment: SegmentNumber, count: 1 | -1): void {
    const row = this.#skeleton.segment(segment);
    if (row !== null && row.state === 'sealed' && this.#isPassed(row)) this.#addRow(row, count);
  }

  #isPassed({ segment, present }: SegmentRow): boolean {
    return segment <= (present ? this.#backedUpTo : this.#hereUpTo);
  }

  #addRow({ layout, disks, present }: SegmentRow, count: 1 | -1): void {
    assert(layout !== null, 'a sealed segment has a layout');
    const entries = present ? this.#backedUp : this.#here;
    // Which of them holds which shard does not matter here, and would make many entries of one.
    const sorted = [...disks].sort();
    const key = `${layout.k} ${sorted.join(' ')}`;
    const entry = entries.get(key) ?? { k: layout.k, disks: sorted, segments: 0 };
    entry.segments += count;
    assert(entry.segments >= 0, 'what leaves was counted');
    if (entry.segments === 0) entries.delete(key);
    else entries.set(key, entry);
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
