// The files of one generation while it is written: where the next batch goes (the same place on every disk), and
// writing, syncing and rotating the copies in parallel. A copy whose disk fails once is abandoned: never written or
// synced again. It decides nothing about failures; it reports them.
import { assert } from '../base/assert.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asLsn, type DiskId, type Lsn, type SegmentNumber, type VolumeId } from '../base/ids.js';
import { batchAlignBytes } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import type { Disk, LogFile } from '../disk/disk.js';
import { batchBytes, batchHeaderBytes, encodeBatchHeader } from '../format/batch.js';
import { encodeFileHeader, fileHeaderBytes, journalFilePath } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import { type BatchGroup, type GroupPart, segmentsOf } from './batch-group.js';
import type { JournalMark, RetainedFile } from './contract.js';
import { JournalFileCopies } from './file-copies.js';
import { KeptFile } from './retained-files.js';

export interface DiskFailure {
  readonly disk: Disk;
  readonly error: unknown;
}

/** One write of every copy. */
interface PlacedWrite {
  /** A new file begins with this write. */
  readonly file: { readonly path: string; readonly bytes: number } | null;
  readonly offset: number;
  readonly buffers: readonly Buffer[];
}

export type PlacedGroup = readonly PlacedWrite[];

interface Copy {
  readonly disk: Disk;
  current: LogFile | null;
  /** Written since the last sync; all but `current` are closed after it. */
  readonly dirty: Set<LogFile>;
  /** The next file, made before it is needed; null where it could not be. Never rejects. */
  next: Promise<LogFile | null> | null;
}

const ZEROS = Buffer.alloc(batchAlignBytes);

export class GenerationFiles {
  readonly generation: Generation;
  /** As recovery sees it; its end is known when the next generation begins. */
  readonly #chosen: { readonly generation: Generation; end: number; readonly files: readonly JournalFileCopies[] };
  readonly #volume: VolumeId;
  readonly #fileBytesMax: number;
  readonly #logger: Logger;
  readonly #copies = new Map<DiskId, Copy>();
  readonly #disks: readonly Disk[];
  readonly #finished: RetainedFile[] = [];
  #sequence = 0;
  #link = 0;
  #lastLsn: Lsn;
  #fileNumber = 0;
  #position = 0;
  #fileBytes = 0;
  #segments = new Set<SegmentNumber>();
  /** Of the file that was made before it is needed; 0: there is none. */
  #nextBytes = 0;
  /** Once for each file. */
  #nextTried = false;
  #allocatedBytes = 0;

  constructor(volume: VolumeId, generation: Generation, disks: readonly Disk[], fileBytesMax: number, logger: Logger) {
    this.#volume = volume;
    this.generation = generation;
    this.#chosen = { generation, end: Number.POSITIVE_INFINITY, files: [] };
    this.#disks = disks;
    this.#fileBytesMax = fileBytesMax;
    this.#logger = logger;
    this.#lastLsn = generation.parentLsn;
    for (const disk of disks) this.#copies.set(disk.id, { disk, current: null, dirty: new Set(), next: null });
  }

  /** Disks that have not failed. */
  disks(): readonly Disk[] {
    return [...this.#copies.values()].map((copy) => copy.disk);
  }

  /** End of what was placed last. */
  mark(): JournalMark {
    return { generation: this.generation.id, lsn: this.#lastLsn, link: this.#link };
  }

  /** Bytes of the file that is written now, on one disk. */
  get currentBytes(): number {
    return this.#fileBytes;
  }

  /** What is left of the current file, and the next one where it is there already: room that nobody else can take. */
  get preparedBytes(): number {
    return this.#fileBytes - this.#position + this.#nextBytes;
  }

  /** Of all files so far, on each disk. */
  get allocatedBytes(): number {
    return this.#allocatedBytes + this.#nextBytes;
  }

  /** Bytes of the current file, the next one and those that were rotated out, on one of the disks; 0 on any other. */
  bytesOn(disk: DiskId): number {
    let bytes = this.#copies.has(disk) ? this.#fileBytes + this.#nextBytes : 0;
    for (const file of this.#finished) if (file.holders.has(disk)) bytes += file.bytes;
    return bytes;
  }

  /** Files that were rotated out since the last call. */
  takeFinished(): readonly RetainedFile[] {
    return this.#finished.splice(0);
  }

  /** Gives the group its place in the chain and in the files. The same place on every disk: copies are equal by construction. */
  place(group: BatchGroup, durableLsn: Lsn): PlacedGroup {
    assert(group.firstLsn === this.#lastLsn + 1, 'groups follow one another without gaps');
    const placed: PlacedWrite[] = [];
    group.parts.forEach((part, partIndex) => {
      const bytes = batchBytes({ recordsBytes: part.recordsBytes, payloadCount: part.payload.length, payloadBytes: part.payloadBytes });
      if (this.#position + bytes > this.#fileBytes) placed.push(this.#beginFile(group, partIndex, bytes, durableLsn));
      placed.push({ file: null, offset: this.#position, buffers: this.#encode(group, part, partIndex, bytes, durableLsn) });
      this.#position += bytes;
      this.#sequence++;
      this.#lastLsn = asLsn(Math.max(this.#lastLsn, part.lastLsn));
      for (const segment of segmentsOf(part)) this.#segments.add(segment);
    });
    return placed;
  }

  /** Makes the next file on every disk, in the background: a disk that fills up meanwhile is known before a group needs it. Gives the bytes it takes now. */
  prepare(): number {
    if (this.#nextTried || this.#fileBytes === 0 || this.#copies.size === 0) return 0;
    this.#nextTried = true;
    const bytes = this.#fileBytesMax;
    const path = journalFilePath(this.generation.number, this.#fileNumber + 1);
    this.#nextBytes = bytes;
    for (const copy of this.#copies.values()) copy.next = this.#make(copy, path, bytes);
    return bytes;
  }

  /** Writes to all copies in parallel; gives the ones that failed, which are dropped. */
  write(placed: PlacedGroup): Promise<readonly DiskFailure[]> {
    return this.#onEach(async (copy) => {
      for (const write of placed) {
        if (write.file !== null) {
          const before = copy.current;
          copy.current = await this.#open(copy, write.file);
          // Synced with the group before; what this group wrote to it is closed after the sync. An open file keeps its room when it is removed.
          if (before !== null && !copy.dirty.has(before)) await before.close();
          failpoint('journal-file-opened-before-header');
        }
        assert(copy.current !== null, 'a file is open before it is written');
        copy.dirty.add(copy.current);
        await copy.current.write(write.offset, write.buffers);
      }
    });
  }

  /** Both in one call of each disk, where the group is one write to files that are open and have nothing else to be synced; null elsewhere, and nothing was done. */
  writeDurably(placed: PlacedGroup): Promise<readonly DiskFailure[]> | null {
    const [only] = placed;
    const ready = placed.length === 1 && only?.file === null && [...this.#copies.values()].every((copy) => copy.current !== null && copy.dirty.size === 0);
    return ready && only !== undefined ? this.#onEach(async (copy) => copy.current?.writeDurably(only.offset, only.buffers)) : null;
  }

  /** Syncs all copies in parallel; gives the ones that failed, which are dropped: a file is never synced again after a failure. */
  sync(): Promise<readonly DiskFailure[]> {
    return this.#onEach(async (copy) => {
      for (const file of copy.dirty) {
        await file.sync();
        copy.dirty.delete(file);
        if (file !== copy.current) await file.close();
      }
    });
  }

  /** Lets go of all files without another sync. What was rotated out or is open becomes a retained file; what it holds above `parentLsn` of a next generation is void. */
  async end(parentLsn?: Lsn): Promise<readonly RetainedFile[]> {
    this.#chosen.end = parentLsn ?? this.#chosen.end;
    if (this.#fileBytes > 0) this.#finish(this.#lastLsn);
    for (const copy of this.#copies.values()) await this.#letGo(copy);
    this.#copies.clear();
    this.#fileBytes = 0;
    return this.takeFinished();
  }

  async #onEach(action: (copy: Copy) => Promise<void>): Promise<readonly DiskFailure[]> {
    const failures: DiskFailure[] = [];
    const copies = [...this.#copies.values()];
    const results = await Promise.allSettled(copies.map(action));
    for (const [index, result] of results.entries()) {
      const copy = copies[index];
      if (result.status === 'fulfilled' || copy === undefined) continue;
      // A crash that a test injects, or a bug, is not the disk's fault: it ends the journal.
      if (!(result.reason instanceof Error) || result.reason.name !== 'HoldfastError') throw result.reason;
      this.#copies.delete(copy.disk.id);
      await this.#letGo(copy);
      failures.push({ disk: copy.disk, error: result.reason });
    }
    return failures;
  }

  async #make(copy: Copy, path: string, bytes: number): Promise<LogFile | null> {
    try {
      return await copy.disk.openLog(path, bytes);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (isErrorOf(error, 'full')) this.#nextBytes = 0;
      // What is wrong with the disk is met again, and seen to, by the group that needs the file.
      this.#logger.debug({ disk: copy.disk.path, error: messageOf(error) }, 'the next journal file could not be made yet');
      return null;
    }
  }

  async #open(copy: Copy, file: NonNullable<PlacedWrite['file']>): Promise<LogFile> {
    const made = await copy.next;
    copy.next = null;
    if (made !== null && file.bytes <= this.#fileBytesMax) return made;
    await made?.close();
    return copy.disk.openLog(file.path, file.bytes);
  }

  #beginFile(group: BatchGroup, partIndex: number, bytes: number, durableLsn: Lsn): PlacedWrite {
    const previousEnd = partIndex > 0 ? group.lastLsn : this.#lastLsn;
    if (this.#fileBytes > 0) this.#finish(previousEnd);
    this.#fileNumber++;
    this.#nextBytes = 0;
    this.#nextTried = false;
    this.#fileBytes = Math.max(this.#fileBytesMax, fileHeaderBytes + bytes);
    this.#allocatedBytes += this.#fileBytes;
    this.#position = fileHeaderBytes;
    const header = encodeFileHeader({
      volume: this.#volume,
      generation: this.generation,
      fileNumber: this.#fileNumber,
      fileBytes: this.#fileBytes,
      firstSequence: this.#sequence,
      firstLsn: asLsn(this.#lastLsn + 1),
      previousLink: this.#link,
      previousEnd,
      durableLsn,
    });
    return { file: { path: journalFilePath(this.generation.number, this.#fileNumber), bytes: this.#fileBytes }, offset: 0, buffers: [header] };
  }

  #encode(group: BatchGroup, part: GroupPart, partIndex: number, bytes: number, durableLsn: Lsn): readonly Buffer[] {
    this.#link = encodeBatchHeader(part.front.subarray(0, batchHeaderBytes), {
      volume: this.#volume,
      generation: this.generation.id,
      generationNumber: this.generation.number,
      sequence: this.#sequence,
      partIndex,
      partCount: group.parts.length,
      firstLsn: part.firstLsn,
      lastLsn: part.lastLsn,
      groupFirstLsn: group.firstLsn,
      groupLastLsn: group.lastLsn,
      durableLsn,
      recordCount: part.recordCount,
      recordsBytes: part.recordsBytes,
      payloadCount: part.payload.length,
      payloadBytes: part.payloadBytes,
      fileNumber: this.#fileNumber,
      fileOffset: this.#position,
      origin: group.origin,
      indexCrc: part.indexCrc,
      bodyCrc: part.bodyCrc,
      previousLink: this.#link,
    });
    const padding = bytes - part.front.length - part.payloadBytes;
    return [part.front, ...part.payload.map((range) => range.bytes), ZEROS.subarray(0, padding)];
  }

  /** `end`: where the last group ends that has a batch in it. */
  #finish(end: Lsn): void {
    const file = new JournalFileCopies(this.#volume, this.generation, this.#fileNumber, this.#disks);
    this.#finished.push(new KeptFile(this.#chosen, file, end, this.#fileBytes, [...this.#segments], this.disks()));
    this.#segments = new Set();
  }

  async #letGo(copy: Copy): Promise<void> {
    const files = new Set(copy.dirty);
    const next = await copy.next;
    copy.next = null;
    if (next !== null) files.add(next);
    if (copy.current !== null) files.add(copy.current);
    copy.current = null;
    copy.dirty.clear();
    for (const file of files) {
      try {
        await file.close();
      } catch (error) {
        // Nothing depends on this file any more: it was synced before, or its disk is reported as failed.
        this.#logger.debug({ disk: copy.disk.path, error: messageOf(error) }, 'closing a journal file that is given up failed');
      }
    }
    // Nothing was written to it; where it stays it is an empty file of this generation, which the next mount lists and lets go.
    if (next !== null) await copy.disk.remove(journalFilePath(this.generation.number, this.#fileNumber + 1)).catch(() => {});
  }
}
