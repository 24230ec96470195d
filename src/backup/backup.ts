// The backup of one volume in one object store: segments, skeleton images, roots, and the marker that says whose it is.
// Opening touches nothing: an unreachable store never keeps a volume from mounting. The owner calls checkMarker() and roots.claim() first.
import type { Clock } from '../base/clock.js';
import type { Lsn, VolumeId } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import type { Codec } from '../native/codec.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import type { ImageChain, RootLog, SegmentArchive } from './contract.js';
import { collectGarbage, type GarbageReport, type GarbageRequest } from './garbage.js';
import { createImageChain } from './image-chain.js';
import { type FlushIntent, IntentLog } from './intent-log.js';
import { checkMarker, claimMarker } from './marker.js';
import { StoredRootLog } from './root-log.js';
import { StoredSegmentArchive } from './segment-archive.js';

export { type BackupMarker, readMarker } from './marker.js';

export interface BackupParts {
  readonly store: ObjectStore;
  readonly volume: VolumeId;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Backup {
  /** For messages: the store's. */
  readonly description: string;
  readonly volume: VolumeId;
  readonly segments: SegmentArchive;
  readonly images: ImageChain;
  readonly roots: RootLog;
  /** Init: takes the prefix for this volume. 'conflict' (backup-prefix-taken). */
  claimMarker(): Promise<void>;
  /** Is this the volume's prefix? 'invalid' (backup-not-initialised), 'conflict' (backup-prefix-taken). */
  checkMarker(): Promise<void>;
  /** A flush begins, in the claimed epoch: until its intent has ended nothing is deleted here. What an earlier flush left of its own is cleared. One at a time. */
  beginFlush(cut: Lsn): Promise<FlushIntent>;
  /** Retires roots and what only they needed. The owner's, after a flush. */
  collect(request: GarbageRequest): Promise<GarbageReport>;
  close(): Promise<void>;
}

export function openBackup(parts: BackupParts): Backup {
  const { store, volume, codec, clock, random, logger } = parts;
  const roots = new StoredRootLog({ store, clock, random, logger });
  const intents = new IntentLog({ store, clock, random });
  const guard = async (): Promise<void> => {
    await roots.assertOwned();
    await intents.assertNone(roots.epoch);
  };
  const newest = async () => (await roots.list()).flatMap((root) => (root.image === null ? [] : [root.image])).reverse();
  const segments = new StoredSegmentArchive({ store, volume, codec, logger, guard, mayReplace: () => roots.assertNotFenced() });
  const images = createImageChain({ store, volume, codec, random, logger, newest, guard });
  return {
    description: store.description,
    volume,
    segments,
    images,
    roots,
    beginFlush: async (cut) => {
      await intents.clear(roots.epoch);
      return intents.begin(roots.epoch, cut);
    },
    claimMarker: () => claimMarker(store, volume, clock),
    checkMarker: () => checkMarker(store, volume),
    collect: (request) => collectGarbage({ roots, segments, images }, request),
    close: () => store.close(),
  };
}
