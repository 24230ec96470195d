// Turns full segments into shards in the background, a few at a time, in the order in which they ended. A segment that no
// disk takes stays as it is (memory and journal) and is tried again when told. The pool is told of every end.
import { HoldfastError, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { segmentName } from '../base/ids.js';
import type { SegmentNumber } from '../base/ids.js';
import { parseShardName, shardFolder } from '../format/shard.js';
import type { SegmentPlace } from './contract.js';
import { classify } from './disk-faults.js';
import type { OpenSegment } from './open-segment.js';
import type { Redundancy } from './placement.js';
import type { PoolPorts } from './ports.js';
import type { ShardWriter } from './shard-writer.js';
import { zeroedTail } from './shard-source.js';

export interface SealerOptions {
  readonly ports: PoolPorts;
  readonly writer: ShardWriter;
  readonly redundancy: Redundancy;
  readonly atOnce: number;
  /** Its shards are durable. Synchronous: records it and lets the buffer go. */
  readonly sealed: (segment: OpenSegment, place: SegmentPlace) => void;
  /** A bug, or a simulated death: the pool is of no use any more. */
  readonly died: (error: unknown) => void;
}

interface Attempt {
  readonly settled: Promise<void>;
  readonly settle: () => void;
}

export class Sealer {
  readonly #options: SealerOptions;
  readonly #queue: OpenSegment[] = [];
  /** Queued or being written. */
  readonly #attempts = new Map<SegmentNumber, Attempt>();
  readonly #blocked = new Map<OpenSegment, HoldfastError>();
  #running = 0;
  #stopped = false;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  add(segment: OpenSegment): void {
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#attempts.set(segment.id.number, { settled, settle });
    this.#queue.push(segment);
    this.#pump();
  }

  /** Resolves when the attempt under way has ended, well or not; undefined when there is none. Never rejects. */
  attempt(segment: SegmentNumber): Promise<void> | undefined {
    return this.#attempts.get(segment)?.settled;
  }

  /** Why a segment waits for other disks; undefined: it does not. */
  blockedBy(segment: OpenSegment): HoldfastError | undefined {
    return this.#blocked.get(segment);
  }

  retryBlocked(): void {
    const again = [...this.#blocked.keys()];
    this.#blocked.clear();
    for (const segment of again) this.add(segment);
  }

  /** Starts nothing more; resolves when nothing runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const segment of this.#queue.splice(0)) this.#finish(segment);
    await Promise.all([...this.#attempts.values()].map((attempt) => attempt.settled));
  }

  #pump(): void {
    while (this.#running < this.#options.atOnce && !this.#stopped) {
      const segment = this.#queue.shift();
      if (segment === undefined) return;
      this.#running++;
      void this.#seal(segment); // never rejects: #seal hands every failure to `died`
    }
  }

  async #seal(segment: OpenSegment): Promise<void> {
    try {
      // The caller of allocate() fills its bytes in the turn that ended the segment: nothing is read before the next one.
      await null;
      await this.#sealNow(segment);
    } catch (error) {
      this.#options.died(error);
    }
    this.#running--;
    this.#finish(segment);
    this.#pump();
  }

  async #sealNow(segment: OpenSegment): Promise<void> {
    const { ports } = this.#options;
    const startMs = ports.clock.monotonicMs();
    const place = await this.#write(segment);
    if (place === null) return;
    this.#options.sealed(segment, place);
    failpoint('pool-sealed');
    ports.logger.debug({ segment: segmentName(segment.id), bytes: segment.fill, k: place.layout.k, m: place.layout.m, e: place.layout.e, elapsedMs: ports.clock.monotonicMs() - startMs }, 'segment sealed');
  }

  /** null: no disk takes it, it is blocked now. */
  async #write(segment: OpenSegment): Promise<SegmentPlace | null> {
    const { ports, writer, redundancy } = this.#options;
    if (segment.refilled) segment.layoutNumber = Math.max(segment.layoutNumber, await this.#layoutAbove(segment));
    try {
      return await writer.write({
        id: segment.id,
        length: segment.fill,
        redundancy,
        layoutNumber: segment.layoutNumber,
        bytes: zeroedTail(segment.buffer, segment.fill),
        attempting: (number) => {
          segment.layoutNumber = number + 1;
        },
        abandoned: () => {
          segment.abandoned = true;
        },
      });
    } catch (error) {
      if (!(error instanceof HoldfastError && error.code === 'segment-unplaceable')) throw error;
      this.#blocked.set(segment, error);
      ports.logger.error({ segment: segmentName(segment.id), error: messageOf(error) }, 'a segment cannot be sealed; it waits for other disks');
      return null;
    }
  }

  /** A segment of an earlier life may have left shards of an attempt that no record names: their layout numbers are used up. */
  async #layoutAbove(segment: OpenSegment): Promise<number> {
    const { ports } = this.#options;
    const name = segmentName(segment.id);
    let highest = 0;
    await Promise.all(
      ports.disks().map(async (disk) => {
        try {
          for (const file of await disk.list(shardFolder(segment.id))) {
            const shard = parseShardName(file);
            if (shard !== null && segmentName(shard.id) === name) highest = Math.max(highest, shard.layoutNumber);
          }
        } catch (error) {
          classify(error);
          ports.events.diskFailed(disk.id, error);
        }
      }),
    );
    return highest + 1;
  }

  #finish(segment: OpenSegment): void {
    const attempt = this.#attempts.get(segment.id.number);
    this.#attempts.delete(segment.id.number);
    attempt?.settle();
  }
}
