// Writes one segment as k + m + e shard files on different disks: placement, encoding, creation. Resolves only when every
// shard of one layout is durable. A disk that fails is left out: its shard goes to a spare disk, else everything is written
// again under a higher layout number, so that shards of different cuts never share a name. Who records it is not decided here.
import { HoldfastError, messageOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { segmentName } from '../base/ids.js';
import type { DiskId, SegmentId } from '../base/ids.js';
import { cellBytes } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import type { SegmentLayout } from '../format/records.js';
import { cellSeed, encodeShardHeader, fileBytes, shardPath, tableBytes } from '../format/shard.js';
import type { ScratchBuffers } from './buffers.js';
import type { SegmentPlace } from './contract.js';
import { classify } from './disk-faults.js';
import type { DiskFault } from './disk-faults.js';
import { choosePlacement } from './placement.js';
import type { PlacementPlan, Redundancy } from './placement.js';
import type { PoolPorts } from './ports.js';
import type { SpaceAccount } from './space.js';
import type { WriteLedger } from './write-ledger.js';

export interface SegmentWrite {
  readonly id: SegmentId;
  readonly length: number;
  readonly redundancy: Redundancy;
  /** First layout number to try. */
  readonly layoutNumber: number;
  /** Bytes [from, to) of the segment, `to` possibly past its length: zeros there. The same memory on every call. */
  readonly bytes: (from: number, to: number) => Buffer;
  /** Told before each attempt: this layout number is used up, whatever comes of it. */
  readonly attempting: (layoutNumber: number) => void;
  /** A disk failed a write and may still look at the bytes, however late: the memory must not be used for anything else. */
  readonly abandoned: () => void;
}

interface Attempt {
  readonly write: SegmentWrite;
  readonly layout: SegmentLayout;
  /** Disk of shard i; changes when a spare takes over. */
  readonly disks: Disk[];
  readonly spares: Disk[];
  readonly excluded: Set<DiskId>;
  readonly created: { readonly disk: Disk; readonly path: string }[];
  /** A disk failed a write: see SegmentWrite.abandoned. */
  abandoned: boolean;
}

export class ShardWriter {
  readonly #ports: PoolPorts;
  readonly #space: SpaceAccount;
  readonly #scratch: ScratchBuffers;
  readonly #ledger: WriteLedger;

  constructor(ports: PoolPorts, space: SpaceAccount, scratch: ScratchBuffers, ledger: WriteLedger) {
    this.#ports = ports;
    this.#space = space;
    this.#scratch = scratch;
    this.#ledger = ledger;
  }

  /** 'unavailable' (segment-unplaceable): no disk takes it; nothing was left behind on disks that answer. */
  async write(write: SegmentWrite): Promise<SegmentPlace> {
    this.#ledger.begin(write.id);
    try {
      return await this.#write(write);
    } finally {
      this.#ledger.end(write.id);
    }
  }

  async #write(write: SegmentWrite): Promise<SegmentPlace> {
    const excluded = new Set<DiskId>();
    let number = write.layoutNumber;
    let refreshed = false;
    // Each round but the last excludes a disk or meets a name that is taken: more rounds than this mean that neither happens.
    for (let rounds = 2 * this.#ports.disks().length + 8; rounds > 0; rounds--) {
      if (!this.#ports.disks().every((disk) => this.#space.knows(disk))) await this.#space.refresh();
      const plan = choosePlacement(this.#space.candidates(excluded), write.redundancy, write.length, write.id.number);
      if (plan === null) {
        if (refreshed) break;
        // Files may have gone since the disks were asked.
        refreshed = true;
        await this.#space.refresh();
        continue;
      }
      if (plan.degraded) this.#warnDegraded(write, plan);
      write.attempting(number);
      const place = await this.#attempt(write, plan, { number, k: plan.k, m: plan.m, e: plan.e, shardBytes: plan.shardBytes }, excluded);
      if (place !== null) return place;
      number++;
    }
    throw new HoldfastError('unavailable', `segment ${segmentName(write.id)} (${write.length} bytes) cannot be written: no disk takes its shards`, {
      code: 'segment-unplaceable',
      hint: 'Free space on the disks or replace the failed ones; what was written is kept in memory and in the journal until then.',
      context: { segment: segmentName(write.id), bytes: write.length, disks: this.#ports.disks().length },
    });
  }

  async #attempt(write: SegmentWrite, plan: PlacementPlan, layout: SegmentLayout, excluded: Set<DiskId>): Promise<SegmentPlace | null> {
    const attempt: Attempt = { write, layout, disks: [...plan.disks], spares: [...plan.spares], excluded, created: [], abandoned: false };
    // Taken from here on: the plan of a seal beside this one must not count on the same room.
    for (const disk of plan.disks) this.#space.beginWrite(disk.id, fileBytes(layout.shardBytes));
    const parityBytes = (layout.m + layout.e) * layout.shardBytes;
    const parity = this.#scratch.take(parityBytes);
    try {
      const data = sliceShards(layout.k, (i) => write.bytes(i * layout.shardBytes, (i + 1) * layout.shardBytes));
      const redundant = sliceShards(layout.m + layout.e, (i) => parity.subarray(i * layout.shardBytes, (i + 1) * layout.shardBytes));
      const shards = [...data, ...redundant];
      const tables = shards.map(() => Buffer.alloc(tableBytes(layout.shardBytes)));
      failpoint('pool-before-encode');
      await this.#ports.codec.encode({
        k: layout.k,
        data,
        parity: redundant,
        tables: tables.map((table) => table.subarray(0, (4 * layout.shardBytes) / cellBytes)),
        seeds: shards.map((_, index) => cellSeed({ id: write.id, layout, index })),
      });
      failpoint('pool-encoded-before-create');
      const done = await Promise.all(shards.map((shard, index) => this.#placeShard(attempt, index, [tables[index] ?? shard, shard])));
      if (done.every(Boolean)) {
        // Durable from here: every shard of this layout. Without a record naming them they are strays.
        for (const disk of attempt.disks) this.#space.endWrite(disk.id, fileBytes(layout.shardBytes), true);
        failpoint('pool-shards-durable-before-record');
        return { id: write.id, length: write.length, layout, disks: attempt.disks.map((disk) => disk.id) };
      }
      await this.#cleanUp(attempt);
      return null;
    } finally {
      if (!attempt.abandoned) this.#scratch.give(parity);
    }
  }

  /** Creates shard `index` on its disk or on a spare. False: no disk of this plan took it. */
  async #placeShard(attempt: Attempt, index: number, body: readonly Buffer[]): Promise<boolean> {
    const { write, layout } = attempt;
    const path = shardPath(write.id, layout.number, index);
    const bytes = fileBytes(layout.shardBytes);
    const header = encodeShardHeader({ volume: this.#ports.volume, id: write.id, length: write.length, layout, index, durableLsn: this.#ports.durableMark() });
    for (;;) {
      const disk = attempt.disks[index];
      if (disk === undefined) return false;
      try {
        await disk.create(path, [header, ...body]);
        attempt.created.push({ disk, path });
        failpoint('pool-shard-created');
        return true; // its space stays marked as in flight until the whole attempt is decided
      } catch (error) {
        const fault = classify(error);
        this.#space.endWrite(disk.id, bytes, false);
        // The name is taken: left by an attempt before a crash. A higher layout number is free.
        if (fault === 'conflict') return false;
        if (fault === 'failed') {
          attempt.abandoned = true;
          write.abandoned();
        }
        attempt.excluded.add(disk.id);
        this.#report(write, disk, error, fault);
      }
      const spare = attempt.spares.shift();
      if (spare === undefined) return false;
      attempt.disks[index] = spare;
      this.#space.beginWrite(spare.id, bytes);
    }
  }

  #report(write: SegmentWrite, disk: Disk, error: unknown, fault: DiskFault): void {
    if (fault === 'full') this.#space.full(disk.id);
    else this.#ports.events.diskFailed(disk.id, error);
    this.#ports.logger.warn({ segment: segmentName(write.id), disk: disk.id, path: disk.path, error: messageOf(error) }, 'a shard could not be written; another disk takes it');
  }

  /** The layout is given up and no record names it: its files go, so that they do not take the room of the next attempt. */
  async #cleanUp(attempt: Attempt): Promise<void> {
    await Promise.all(
      attempt.created.map(async ({ disk, path }) => {
        this.#space.endWrite(disk.id, fileBytes(attempt.layout.shardBytes), false);
        try {
          await disk.remove(path);
        } catch (error) {
          classify(error);
          attempt.excluded.add(disk.id);
          this.#ports.events.diskFailed(disk.id, error);
        }
      }),
    );
  }

  #warnDegraded(write: SegmentWrite, plan: PlacementPlan): void {
    const { m, e } = write.redundancy;
    this.#ports.logger.warn({ segment: segmentName(write.id), disks: plan.disks.length, parity: plan.m, delta: plan.e, wantedParity: m, wantedDelta: e }, 'too few disks: a segment is written with less redundancy than configured');
  }
}

function sliceShards(count: number, make: (index: number) => Buffer): Buffer[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
