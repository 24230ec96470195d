// What the journal promises to the volume; what it needs from the pool is format/payload.ts. Implemented by journal.ts (writing),
// recovery.ts (choosing the true history) and the codecs in src/format.
import type { DiskId, GenerationId, Lsn, SegmentNumber } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import type { Generation } from '../format/generation.js';
import type { PayloadRange } from '../format/payload.js';
import type { JournalRecord } from '../format/records.js';
import type { DurableMark } from './durable-marks.js';

/** Names one position of one history: a live database is trusted only if its mark is found in the chosen chain. */
export interface JournalMark {
  readonly generation: GenerationId;
  readonly lsn: Lsn;
  /** CRC32C chain value of the batch that ends at `lsn` (seeded with the link of the batch before it); 0 at a generation's start. */
  readonly link: number;
}

export interface Journal {
  readonly generation: Generation;
  /** LSN of the last appended record. */
  readonly appendedLsn: Lsn;
  /** Everything up to here is fdatasynced on tolerance + 1 disks. */
  readonly durableLsn: Lsn;
  /** Bytes of all journal files on one disk: what the fill condition looks at. */
  readonly retainedBytes: number;
  /** Size of a file that is begun now, unless a batch needs a larger one. */
  readonly fileBytes: number;
  /** Of records that are appended and of groups that are on their way: not durable yet, payload of the next group not counted. */
  readonly pendingBytes: number;
  /** On each of its disks, allocated and not written yet. */
  readonly preparedBytes: number;
  /** The disks it is written to; none while it is full. */
  readonly disks: readonly Disk[];
  /** Bytes of journal files on this disk. */
  usedOn(disk: DiskId): number;
  /** Every disk that could take it is full: what is pending waits in memory, each commit tries again, and all goes on when there is room. */
  readonly full: boolean;

  /** Gives the record its LSN and puts it into the current batch (encoded at once). Synchronous, no I/O. */
  append(record: JournalRecord): Lsn;
  /**
   * Resolves when everything appended so far is durable on tolerance + 1 disks. Group commit: concurrent calls share a sync. Rejects when no disk can be had: with 'full'
   * (journal-full) when that is for want of room, and a later call may succeed; else the journal is dead and the volume goes read-only.
   */
  commit(): Promise<void>;
  /** Resolves when everything appended so far is *written* on tolerance + 1 disks, not synced; gives the mark of the last batch. */
  writeOut(): Promise<JournalMark>;
  /** Removes files whose last LSN is below `through` (the batch that ends there stays, to prove the image's mark; and the file being written) and for which `mayRelease(segments)` agrees: no payload in them is still needed. */
  release(through: Lsn, mayRelease: (segments: readonly SegmentNumber[]) => boolean): Promise<void>;
  /** The disk is lost or is to be freed: the next group goes to other disks, in a new generation, if there are any. Older files on it stay. */
  leave(disk: DiskId): void;
  /** It is no disk of the volume any more, and is about to be closed: older files on it are nobody's. */
  gone(disk: DiskId): void;
  /** Disks of the volume came or went: the next group begins a new generation, whose members are those that are there then; a later one where the disks have no room to record it. */
  renew(): void;
  /** The disk has little room: the next group goes to another one in its place, if there is one with room; gives whether it will. Back when it has room again. */
  avoid(disk: DiskId): boolean;
  /** Makes every file that is not written any more whole on tolerance + 1 of the candidates (rule 5, after a disk is lost). Gives the smallest number of copies reached. Repeatable. */
  protect(): Promise<number>;
  /** protect(), and every copy that is there and not whole is made so, from others; `damaged` is told of it. Gives how many files were read. Repeatable. */
  scrub(damaged: (found: JournalDamage) => void): Promise<number>;
  /** A record that was appended in this turn must never be written: nothing that is not on its way already is, and every call fails from now on. */
  abandon(cause: unknown): void;
  /** commit(), then lets go of the files. */
  close(): Promise<void>;
}

/** What a scrub found in a journal file that is not written any more. */
export interface JournalDamage {
  readonly path: string;
  /** null: no disk has these batches whole. */
  readonly disk: DiskId | null;
  /** That are not whole; 0: only the header block of the file. */
  readonly batches: number;
  readonly healed: boolean;
}

/** One batch as recovery gives it, in LSN order over the chosen history. */
export interface RecoveredBatch {
  readonly generation: GenerationId;
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly link: number;
  readonly records: readonly JournalRecord[];
}

/** A journal file that is not written any more. */
export interface RetainedFile {
  readonly path: string;
  /** Every group with a batch in it ends at or below. */
  readonly lastLsn: Lsn;
  /** Size of one copy. */
  readonly bytes: number;
  /** Where it takes room, as far as is known. */
  readonly holders: ReadonlySet<DiskId>;
  /** Segments of which it holds payload. Reads payload indexes; a batch that no copy has whole holds nothing. */
  segments(): Promise<readonly SegmentNumber[]>;
  /** What this disk has of it counts no more. */
  forgetDisk(disk: DiskId): void;
  /** Makes it whole on `copies` of these disks where it is not; gives how many there are then. With `damaged` also every other copy there, which is told. */
  spread(disks: readonly Disk[], copies: number, logger: Logger, damaged?: (found: JournalDamage) => void): Promise<number>;
  /** Removes all copies. Not durable by itself: a file that re-appears changes nothing. */
  remove(): Promise<void>;
}

/** What a disk's label says: in the term of this number, everything up to here was durable. Number 0: nothing was written down yet. */
export interface LabelMark {
  readonly generation: number;
  readonly durableLsn: Lsn;
}

/** A disk of another history than the preferred one: not to be written, nor read for this one. */
export interface SetAsideDisk {
  readonly disk: DiskId;
  readonly reason: string;
}

export interface RecoveredJournal {
  /** All known generations of the chosen history, ascending; the last one is the newest. */
  readonly generations: readonly Generation[];
  /** End of the chosen history; NO_LSN in an empty volume. */
  readonly end: JournalMark;
  /** Disks that hold another history; empty but where one was preferred. */
  readonly setAside: readonly SetAsideDisk[];
  /** Throws 'corrupt' (journal-damaged) when one of them lies beyond the history; where a history was preferred it is only logged. */
  requireDurable(marks: readonly DurableMark[]): void;
  /** Is this mark a batch end of the chosen history (or the start of one of its generations)? Reads the headers of one file. */
  contains(mark: JournalMark): Promise<boolean>;
  /** Records with lastLsn > from. Throws 'corrupt' (journal-damaged) naming files and LSNs when the chain between `from` and `end` has a gap. Reads one batch at a time. */
  batches(from: Lsn): AsyncIterable<RecoveredBatch>;
  /**
   * Journaled bytes of a segment, oldest first, from a copy that verifies. Reads back to where its first byte is: a segment's bytes enter
   * the journal once and in order. A batch that no copy has whole is left out.
   */
  payloadOf(segment: SegmentNumber): AsyncIterable<PayloadRange>;
  /**
   * Makes every needed file (with batches above `from`, and the one that ends there: it proves the image's mark) whole on `copies` of the present disks (on all of them where fewer are present); durable when it
   * resolves, and only then may the next generation be written. Gives the number of copies reached, `copies` at most; 'unavailable' (journal-heal) when it is 0.
   */
  heal(from: Lsn, copies: number): Promise<number>;
  /** Forgets what was read of the files, all but what `retained` needs of it. */
  settle(): Promise<void>;
  /** Files on the present disks, oldest first: startJournal takes them over, so that release() can remove them. */
  readonly retained: readonly RetainedFile[];
  /** Highest generation number seen anywhere, void histories included: the next generation's is above it. */
  readonly highestNumber: number;
}
