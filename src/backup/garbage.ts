// Gives space back in the backup: retired roots first, then segments, then packs, so that a root never points to something missing.
// Before each batch of deletes the epoch is read again and running flushes are looked for.
import { failpoint } from '../base/failpoint.js';
import { asLsn, type Lsn, type SegmentId } from '../base/ids.js';
import type { ImageChain, RootBody, RootLog, SegmentArchive } from './contract.js';

export interface GarbageParts {
  readonly roots: RootLog;
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
  const all = await parts.roots.list();
  const retired = all.slice(0, Math.max(0, all.length - Math.max(1, request.keepRoots))).filter((root) => request.pinned?.has(root.sequence) !== true);
  const gone = new Set(retired.map((root) => root.sequence));
  const kept = all.filter((root) => !gone.has(root.sequence));
  const horizon = commonHorizon(kept);
  await parts.roots.delete([...gone]);
  // Durable from here: nobody restores from a retired root.
  failpoint('garbage-after-roots');
  const segments = kept.length === 0 ? [] : request.dead(horizon);
  await parts.segments.delete(segments);
  failpoint('garbage-after-segments');
  await parts.images.collect(kept.flatMap((root) => (root.image === null ? [] : [root.image])));
  return { roots: [...gone], segments, horizon };
}

/**
 * Up to here every kept root agrees with the present history. A root of a history that was given up (a restore went back before it)
 * agrees only up to where the later generation branched off.
 */
export function commonHorizon(kept: readonly RootBody[]): Lsn {
  let horizon = Number.MAX_SAFE_INTEGER;
  kept.forEach((root, i) => {
    let agrees: number = root.cut;
    for (const later of kept.slice(i + 1)) if (later.generation.number > root.generation.number) agrees = Math.min(agrees, Math.max(later.generation.parentLsn, 0));
    horizon = Math.min(horizon, agrees);
  });
  return asLsn(kept.length === 0 ? 0 : horizon);
}
