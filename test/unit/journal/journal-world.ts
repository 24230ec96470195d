// A volume's journal on memory disks, mounted the way a volume does it, with a model of what was appended: after any
// crash the recovered history must be a prefix of the model that contains everything acknowledged.
import assert from 'node:assert/strict';
import { HoldfastError } from '../../../src/base/errors.js';
import { asDiskId, asGenerationId, asIno, asLsn, asSegmentNumber, asVolumeId, type DiskId, type Lsn, NO_LSN } from '../../../src/base/ids.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { Disk, LogFile } from '../../../src/disk/disk.js';
import { MemoryDisk } from '../../../src/disk/memory-disk.js';
import type { Generation } from '../../../src/format/generation.js';
import type { PayloadCut, PayloadRange, PayloadSource } from '../../../src/format/payload.js';
import type { JournalRecord } from '../../../src/format/records.js';
import type { Journal, JournalMark, RecoveredBatch, RecoveredJournal } from '../../../src/journal/contract.js';
import { nextGeneration, storeGenerations } from '../../../src/journal/generations.js';
import { type JournalLimits, startJournal } from '../../../src/journal/journal.js';
import { type RecoveryOptions, recoverJournal } from '../../../src/journal/recovery.js';

export const volume = asVolumeId('6a5fbd5a-3b55-4a57-8a0f-9e0c4c1d2e3f');
export const smallLimits: JournalLimits = { fileBytes: 64 * 1024, batchBytes: 8 * 1024, batchRecords: 20 };

export function diskId(index: number): DiskId {
  return asDiskId(`00000000-0000-4000-8000-${String(index).padStart(12, '0')}`);
}

/** Bytes of segments as the pool would give them: everything added and not yet collected. */
export class FakePayload implements PayloadSource {
  #waiting: PayloadRange[] = [];
  /** Runs while `ready` is awaited. */
  beforeReady: () => void = () => {};
  released = 0;

  add(range: PayloadRange): void {
    this.#waiting.push(range);
  }

  cut(): PayloadCut {
    return {
      ready: Promise.resolve().then(() => this.beforeReady()),
      collect: () => this.#waiting.splice(0),
      release: () => {
        this.released++;
      },
    };
  }
}

export type Fault = 'open' | 'write' | 'sync' | 'replace';

/** Fails the given calls, for ever, from when they are named. Counts syncs tried after a failed one. */
export class FlakyDisk {
  readonly faults = new Set<Fault>();
  syncsAfterFailure = 0;
  /** Logs that were opened and not closed yet. */
  open = 0;
  readonly disk: Disk;

  constructor(inner: MemoryDisk) {
    const broken = (what: Fault): void => {
      if (this.faults.has(what)) throw new HoldfastError('unavailable', `${inner.path}: ${what} failed`, { code: 'disk-io' });
    };
    const wrap = (log: LogFile): LogFile => {
      let failed = false;
      const wrapped: LogFile = {
        write: async (offset, buffers) => {
          broken('write');
          await log.write(offset, buffers);
        },
        sync: async () => {
          if (failed) this.syncsAfterFailure++;
          failed ||= this.faults.has('sync');
          broken('sync');
          await log.sync();
        },
        writeDurably: async (offset, buffers) => {
          await wrapped.write(offset, buffers);
          await wrapped.sync();
        },
        close: () => {
          this.open--;
          return log.close();
        },
      };
      return wrapped;
    };
    const overrides: Partial<Disk> = {
      openLog: async (path, bytes) => {
        broken('open');
        const log = wrap(await inner.openLog(path, bytes));
        this.open++;
        return log;
      },
      replace: async (path, buffers) => {
        broken('replace');
        await inner.replace(path, buffers);
      },
    };
    this.disk = new Proxy<Disk>(inner, {
      get: (target, key) => {
        const value = Reflect.get(overrides, key) ?? Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}

export interface WorldShape {
  readonly disks: number;
  readonly tolerance: number;
  readonly seed: number;
  readonly limits?: JournalLimits;
}

export interface Mounted {
  readonly journal: Journal;
  readonly recovered: RecoveredJournal;
  readonly payload: FakePayload;
  readonly failed: DiskId[];
  readonly degraded: [number, number][];
}

export class JournalWorld {
  readonly shape: WorldShape;
  readonly random: SeededRandom;
  readonly model: { record: JournalRecord; payload: PayloadRange | null }[] = [];
  /** Index i: the disk of diskId(i). */
  disks: MemoryDisk[];
  flaky: FlakyDisk[] = [];
  /** Durable as far as anyone was told. */
  acknowledged: Lsn = NO_LSN;
  /** Records up to here stand in an image, as far as the journal is concerned: recovery begins there. */
  released: Lsn = NO_LSN;
  releasedMark: JournalMark | null = null;
  generations: Generation[] = [];

  constructor(shape: WorldShape) {
    this.shape = shape;
    this.random = new SeededRandom(shape.seed);
    this.disks = Array.from({ length: shape.disks }, (_, index) => new MemoryDisk({ id: diskId(index), path: `/disks/${index}` }));
  }

  recover(present: readonly number[] = this.all(), more: Partial<RecoveryOptions> = {}): Promise<RecoveredJournal> {
    const disks = present.map((index) => this.#memory(index));
    return recoverJournal({ volume, disks, journalDisks: disks.map((disk) => disk.id), logger: silentLogger, ...more });
  }

  all(): number[] {
    return this.disks.map((_, index) => index);
  }

  /** recover, compare with the model, heal, next generation, start. */
  async mount(asked: readonly number[] = this.all(), more: Partial<RecoveryOptions> = {}): Promise<Mounted> {
    const recovered = await this.recover(asked, more);
    const present = asked.filter((index) => !recovered.setAside.some(({ disk }) => disk === diskId(index)));
    await this.check(recovered);
    const { tolerance, limits = smallLimits } = this.shape;
    const copies = Math.min(tolerance + 1, present.length);
    assert.equal(await recovered.heal(this.released, tolerance + 1), copies);
    this.flaky = this.disks.map((disk) => new FlakyDisk(disk));
    const disks = present.map((index) => this.#flaky(index).disk);
    const carrying = disks.slice(0, copies);
    const generation = nextGeneration(recovered, { members: disks.map((disk) => disk.id), journalDisks: carrying.map((disk) => disk.id), tolerance }, this.random);
    this.generations = [...recovered.generations, generation];
    const stored = await storeGenerations(disks, volume, this.generations);
    assert.ok(stored.enough);
    const payload = new FakePayload();
    const failed: DiskId[] = [];
    const degraded: [number, number][] = [];
    const journal = startJournal({
      volume,
      generation,
      startAfter: recovered.end,
      disks: carrying,
      candidates: () => disks,
      members: () => disks.map((disk) => disk.id),
      retained: recovered.retained,
      payload,
      logger: silentLogger,
      random: this.random,
      onGenerationChange: async (next) => {
        this.generations.push(next);
        const result = await storeGenerations(disks, volume, this.generations);
        if (!result.enough) throw new HoldfastError('unavailable', 'too few disks know the generation', { code: 'test' });
      },
      onDiskFailed: (disk) => failed.push(disk),
      onDegraded: (have, wanted) => degraded.push([have, wanted]),
      limits,
    });
    return { journal, recovered, payload, failed, degraded };
  }

  /** Appends a write record with its bytes, or a small record without. */
  append(mounted: Pick<Mounted, 'journal' | 'payload'>, payloadBytes = 0): Lsn {
    const lsn = asLsn(this.model.length + 1);
    const time = { sec: lsn, nsec: 7 };
    let payload: PayloadRange | null = null;
    let record: JournalRecord = { type: 'truncate', ino: asIno(1 + this.random.below(9)), size: this.random.below(1e9), time };
    if (payloadBytes > 0) {
      payload = this.#payload(mounted, payloadBytes);
      record = { type: 'write', ino: asIno(2), offset: lsn, length: payloadBytes, segment: payload.segment, segmentOffset: payload.offset, time };
      mounted.payload.add(payload);
    }
    assert.equal(mounted.journal.append(record), lsn);
    this.model.push({ record, payload });
    return lsn;
  }

  async commit(mounted: Pick<Mounted, 'journal'>): Promise<void> {
    const lsn = mounted.journal.appendedLsn;
    await mounted.journal.commit();
    this.acknowledged = asLsn(Math.max(this.acknowledged, lsn));
  }

  /** As after an image at the last durable position. */
  async release(mounted: Pick<Mounted, 'journal'>): Promise<void> {
    await this.commit(mounted);
    this.releasedMark = await mounted.journal.writeOut();
    this.released = this.releasedMark.lsn;
    await mounted.journal.release(this.released, () => true);
  }

  crash(kind: 'power' | 'process' = 'power'): void {
    this.disks = this.disks.map((disk) => disk.crash(this.random, kind));
  }

  /** The recovered history is a prefix of the model with everything acknowledged; the model forgets the rest. */
  async check(recovered: RecoveredJournal): Promise<void> {
    assert.ok(recovered.end.lsn >= this.acknowledged, `acknowledged ${this.acknowledged}, recovered ${recovered.end.lsn}`);
    if (this.releasedMark !== null) assert.ok(await recovered.contains(this.releasedMark), `the mark at ${this.released} is known`);
    const batches = await collect(recovered, this.released);
    assert.deepEqual(
      batches.flatMap((batch) => batch.records),
      this.model.slice(this.released, recovered.end.lsn).map((entry) => entry.record),
    );
    this.model.length = recovered.end.lsn;
    await this.#checkPayload(recovered);
  }

  /** What the journal has of each segment is right, and all that came after the last release is there. */
  async #checkPayload(recovered: RecoveredJournal): Promise<void> {
    for (const segment of new Set(this.model.flatMap(({ payload }) => payload?.segment ?? []))) {
      const written = this.model.flatMap(({ payload }, index) => (payload?.segment === segment ? [{ ...payload, needed: index >= this.released }] : []));
      const whole = Buffer.concat(written.map(({ bytes }) => bytes));
      const found = Buffer.alloc(whole.length);
      for await (const range of recovered.payloadOf(segment)) range.bytes.copy(found, range.offset);
      const neededFrom = written.find(({ needed }) => needed)?.offset ?? whole.length;
      assert.ok(found.subarray(neededFrom).equals(whole.subarray(neededFrom)), `segment ${segment} from ${neededFrom}`);
    }
  }

  /** The next bytes of one of three segments of this life. */
  #payload(mounted: Pick<Mounted, 'journal'>, bytes: number): PayloadRange {
    const { number } = mounted.journal.generation;
    const segment = asSegmentNumber(3 * number + this.random.below(3));
    this.random.below(1000); // keeps the worlds of seeds that tests name
    const before = this.model.flatMap(({ payload }) => (payload?.segment === segment ? payload.bytes.length : []));
    return { segment, offset: before.reduce((a, b) => a + b, 0), bytes: this.random.bytes(bytes) };
  }

  #memory(index: number): MemoryDisk {
    const disk = this.disks[index];
    assert.ok(disk !== undefined);
    return disk;
  }

  #flaky(index: number): FlakyDisk {
    const disk = this.flaky[index];
    assert.ok(disk !== undefined);
    return disk;
  }
}

export async function collect(recovered: RecoveredJournal, from: Lsn = NO_LSN): Promise<RecoveredBatch[]> {
  const batches: RecoveredBatch[] = [];
  for await (const batch of recovered.batches(from)) batches.push(batch);
  return batches;
}

export const someGeneration = asGenerationId('00112233445566aa');
