// Gives space back in the backup: retired roots first, then segments, then packs, so that a root never points to something missing.
// Before each batch of deletes the epoch is read again and running flushes are looked for.
import { failpoint } from '../base/failpoint.js';
import { asLsn, type Lsn, type SegmentId } from '../base/ids.js';
import type { ImageChain, RootBody, SegmentArchive } from './contract.js';
import type { StoredRootLog } from './root-log.js';

export interface GarbageParts {
  readonly roots: Pick<StoredRootLog, 'entries' | 'delete'>;
  readonly segments: SegmentArchive;
  readonly images: ImageChain;
}

export interface GarbageRequest {
  /** Newest roots that stay; at least 1. */
  readonly keepRoots: number;
  /** Older roots that stay too (snapshots), by number. */
  readonly pinned?: ReadonlySet<number>;
  /** Segments of the present history that died at or before this LSN: none of the kept roots can refer to them. */
  readonly dead: (horizon: Lsn) => readonly SegmentId[];
}

export interface GarbageReport {
  readonly roots: readonly number[];
  readonly segments: readonly SegmentId[];
  readonly horizon: Lsn;
}

/** The owner's; not while a flush runs. May be repeated after a failure: what is gone already is fine. */
export async function collectGarbage(parts: GarbageParts, request: GarbageRequest): Promise<GarbageReport> {
  const entries = await parts.roots.entries();
  const all = entries.filter((entry) => entry.kind === 'root');
  const stay = staying(all, Math.max(1, request.keepRoots));
  const retired = all.filter((root) => !stay.has(root.sequence) && request.pinned?.has(root.sequence) !== true);
  const gone = new Set(retired.map((root) => root.sequence));
  const kept = all.filter((root) => !gone.has(root.sequence));
  const horizon = commonHorizon(kept, entries);
  await parts.roots.delete([...gone]);
  // Durable from here: nobody restores from a retired root.
  failpoint('garbage-after-roots');
  const segments = kept.length === 0 ? [] : request.dead(horizon);
  await parts.segments.delete(segments);
  failpoint('garbage-after-segments');
  await parts.images.collect(kept.flatMap((root) => (root.image === null ? [] : [root.image])));
  return { roots: [...gone], segments, horizon };
}

/** The newest roots, and the newest one that lacks nothing, however old. A partial root goes as soon as its flush has ended. */
function staying(roots: readonly RootBody[], keepRoots: number): ReadonlySet<number> {
  const ended = roots.filter((root) => root.pending.length === 0);
  const complete = ended.filter((root) => root.lost.length === 0).at(-1);
  const last = ended.at(-1)?.sequence ?? 0;
  const kept = [...ended.slice(-keepRoots), ...(complete === undefined ? [] : [complete]), ...roots.filter((root) => root.sequence > last)];
  return new Set(kept.map((root) => root.sequence));
}

/**
 * Up to here every kept root agrees with the present history. A root of a history that was given up (a restore went back before it)
 * agrees only up to where a later generation branched off. `entries`: the whole log; epochs tell of generations that wrote no root.
 */
export function commonHorizon(kept: readonly RootBody[], entries: readonly RootBody[]): Lsn {
  let horizon = kept.length === 0 ? 0 : Number.MAX_SAFE_INTEGER;
  for (const root of kept) {
    let agrees: number = root.cut;
    for (const { sequence, generation } of entries) {
      if (sequence > root.sequence && generation.number > root.generation.number) agrees = Math.min(agrees, generation.parentLsn);
    }
    horizon = Math.min(horizon, agrees);
  }
  return asLsn(horizon);
}
