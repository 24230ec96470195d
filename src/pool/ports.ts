// What the pool is built from: disks, codec, clock and the one who listens. Settings are plain numbers with the project's
// limits as defaults; tests and the simulation make them small.
import type { Clock } from '../base/clock.js';
import type { DiskId, Lsn, SegmentId, VolumeId } from '../base/ids.js';
import { sealEarlyBytes, segmentBuffersMax, segmentBytesMax } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from '../disk/disk.js';
import type { Codec } from '../native/codec.js';
import type { PoolEvents, PoolShape } from './contract.js';
import type { KeptRoom } from './space.js';

export interface PoolPorts {
  readonly volume: VolumeId;
  readonly shape: PoolShape;
  /** Disks that may be written to now. Call `disksChanged()` when this changes. */
  readonly disks: () => readonly Disk[];
  /** A disk that can be read now, else null. */
  readonly diskOf: (id: DiskId) => Disk | null;
  /** A name that no segment ever had. */
  readonly nextSegment: () => SegmentId;
  readonly codec: Codec;
  readonly events: PoolEvents;
  /** Highest LSN known to be fully durable: goes into shard headers. */
  readonly durableMark: () => Lsn;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What journal and images may still take of a disk; default: nothing. */
  readonly kept?: (disk: DiskId) => KeptRoom;
  /** User bytes that are still to come and for which room is kept; default: none. */
  readonly expected?: () => number;
  /** Disks without shards whose room somebody asks for; default: none. */
  readonly otherDisks?: () => readonly Disk[];
  readonly settings?: Partial<PoolSettings>;
}

export interface PoolSettings {
  /** Capacity of a segment; whole cells, at most `segmentBytesMax`. */
  readonly segmentBytes: number;
  /** Segments in memory at once. */
  readonly buffersMax: number;
  /** See limits.ts. */
  readonly sealEarlyBytes: number;
  /** Segments encoded and written at the same time: one computes while the other one writes. */
  readonly sealsAtOnce: number;
  /** Bytes of a disk of this size that writes of users cannot have (rule 7), beside what is kept for journal and images: for flush and rebuild. */
  readonly reserveBytes: (totalBytes: number) => number;
}

const MiB = 1024 * 1024;

export const defaultSettings: PoolSettings = {
  segmentBytes: segmentBytesMax,
  buffersMax: segmentBuffersMax,
  sealEarlyBytes,
  sealsAtOnce: 2,
  // 1 %, at least 64 MiB; on a tiny disk that would be most of it, so never more than 5 %.
  reserveBytes: (totalBytes) => Math.floor(Math.min(Math.max(64 * MiB, totalBytes * 0.01), totalBytes * 0.05)),
};
