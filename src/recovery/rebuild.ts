// Makes lost disks whole again, for every segment from the cheapest source that is complete: parity, then backup, then journal.
// Each finished segment is recorded, so an interrupted rebuild goes on where it was. What no source has is named, never guessed.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { asDiskId, asSegmentNumber, type SegmentNumber } from '../base/ids.js';
import { uuid } from '../base/random.js';
import type { VolumeSettings } from '../config/settings.js';
import { shardPath } from '../format/shard.js';
import type { SegmentPlace } from '../pool/contract.js';
import { cutFor, redundancyOf } from '../pool/placement.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { ConsistencyPoints } from '../volume/consistency-point.js';
import { placeOfRow, type VolumeCore } from '../volume/core.js';
import { publishLocalImage } from '../volume/image-point.js';
import { localPorts, type SystemIo } from '../volume/local-ports.js';
import { lostRanges } from '../volume/lost.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { openVolumeWith } from '../volume/open.js';
import { openDisks } from '../volume/open-disks.js';
import type { VolumePorts } from '../volume/ports.js';
import { removeLayout, Rescue, storeAnew } from '../volume/rescue.js';
import { attachReplacement } from './attach.js';
import type { LostRange, RebuildReport, RebuildRequest, RecoveryProgress, SourceCount } from './contract.js';
import { withPlanningCore } from './plan.js';

type Source = 'parity' | 'backup' | 'journal' | 'whole' | 'none';

/** Rebuild of a volume that is not mounted: opens it with the new disks in place, rebuilds, closes. */
export function rebuildVolume(settings: VolumeSettings, options: RebuildRequest, io: SystemIo, progress: RecoveryProgress): Promise<RebuildReport> {
  return rebuildVolumeWith(settings, options, localPorts(io), progress);
}

export async function rebuildVolumeWith(settings: VolumeSettings, options: RebuildRequest, ports: VolumePorts, progress: RecoveryProgress): Promise<RebuildReport> {
  if (options.dryRun) {
    withReplacements(settings, options);
    return withPlanningCore(settings, ports, (core) => new RebuildRun(core, new Rescue(core), { newDisks: options.replace.length }, progress).run());
  }
  await formatReplacements(settings, options, ports);
  const mounted = await openVolumeWith(withReplacements(settings, options), ports);
  try {
    return await rebuildOpen(mounted, progress);
  } finally {
    await mounted.close();
  }
}

/** The settings as they are once NEW stands for OLD. */
export function withReplacements(settings: VolumeSettings, options: RebuildRequest): VolumeSettings {
  const next = (path: string): string => options.replace.find((r) => r.old === path)?.new ?? path;
  for (const { old } of options.replace) {
    if (![...settings.disks, ...settings.journal.disks].some((d) => d.path === old)) {
      throw new HoldfastError('invalid', `${old} is not a disk of ${settings.name}`, {
        code: 'disk-unknown',
        hint: `Its disks: ${settings.disks.map((d) => d.path).join(', ')}.`,
      });
    }
  }
  return {
    ...settings,
    disks: settings.disks.map(({ path }) => ({ path: next(path) })),
    journal: { disks: settings.journal.disks.map(({ path }) => ({ path: next(path) })) },
  };
}

async function formatReplacements(settings: VolumeSettings, options: RebuildRequest, ports: VolumePorts): Promise<void> {
  withReplacements(settings, options);
  if (options.replace.length === 0) return;
  const { volume, members } = await openDisks(settings, ports);
  for (const member of members) await member.disk?.close();
  for (const replacement of options.replace) {
    try {
      const disk = await ports.disks.format(replacement.new, { volume, disk: asDiskId(uuid(ports.random)), volumeName: settings.name });
      await disk.close();
    } catch (error) {
      // An earlier rebuild that was interrupted has labelled it for this volume already.
      if (!isErrorOf(error, 'conflict')) throw error;
      const again = await ports.disks.open(replacement.new, volume);
      await again.disk.close();
    }
  }
}

/** Rebuild of a mounted volume: new disks first take the places of lost ones; reads and writes go on. */
export async function rebuildMounted(mounted: MountedVolume, request: RebuildRequest, progress: RecoveryProgress): Promise<RebuildReport> {
  const { core, rescue } = mounted;
  if (request.dryRun) return new RebuildRun(core, rescue, { newDisks: request.replace.length }, progress).run();
  // From here on: the first new disk alone would let the background write anew what the rebuild is about to make whole.
  core.rebuilds++;
  try {
    for (const { old, new: path } of request.replace) await attachReplacement(mounted, old, path);
    return await rebuildOpen(mounted, progress);
  } finally {
    core.rebuilds--;
  }
}

/** Rebuild of an open volume; reads and writes go on. */
export async function rebuildOpen(mounted: MountedVolume, progress: RecoveryProgress): Promise<RebuildReport> {
  const { core, rescue, points } = mounted;
  core.rebuilds++;
  try {
    // What was un-sealed when the last life ended came back from the journal at the mount; it is sealed before it is looked at.
    await core.pool.sealAll();
    return await new RebuildRun(core, rescue, { points }, progress).run();
  } finally {
    core.rebuilds--;
  }
}

/** A run that works, or a plan that reckons with so many further disks. */
type RunMode = { readonly points: ConsistencyPoints } | { readonly newDisks: number };

class RebuildRun {
  readonly #core: VolumeCore;
  readonly #rescue: Rescue;
  /** null: a dry run. */
  readonly #points: ConsistencyPoints | null;
  readonly #newDisks: number;
  readonly #progress: RecoveryProgress;
  readonly #counts: Record<Source, { segments: number; bytes: number }> = {
    parity: { segments: 0, bytes: 0 },
    backup: { segments: 0, bytes: 0 },
    journal: { segments: 0, bytes: 0 },
    whole: { segments: 0, bytes: 0 },
    none: { segments: 0, bytes: 0 },
  };
  readonly #lost: LostRange[] = [];
  #shards = 0;
  #bytesWritten = 0;

  constructor(core: VolumeCore, rescue: Rescue, mode: RunMode, progress: RecoveryProgress) {
    this.#core = core;
    this.#rescue = rescue;
    this.#points = 'points' in mode ? mode.points : null;
    this.#newDisks = 'points' in mode ? 0 : mode.newDisks;
    this.#progress = progress;
  }

  async run(): Promise<RebuildReport> {
    const core = this.#core;
    const started = core.ports.clock.monotonicMs();
    const total = core.skeleton.use().liveBytes;
    let done = 0;
    this.#counts.journal.segments += core.refilled.segments;
    this.#counts.journal.bytes += core.refilled.bytes;
    for (let after: SegmentNumber = asSegmentNumber(0); ; ) {
      const rows = core.skeleton.segments(after, 200, 'all');
      for (const row of rows) {
        after = row.segment;
        await this.#visit(row.segment);
        done += row.length;
        this.#progress(this.#points === null ? 'planning' : 'rebuilding', Math.min(done, total), total);
      }
      if (rows.length < 200) break;
    }
    if (this.#points !== null) {
      await core.journal.commit();
      await publishLocalImage(core, this.#points);
    }
    return this.#report(core.ports.clock.monotonicMs() - started);
  }

  async #visit(segment: SegmentNumber): Promise<void> {
    const core = this.#core;
    const wanted = core.pinned(segment);
    core.pin(segment);
    try {
      // Pinned from here, so what is seen now stays true: the list is older than the work on it.
      const row = core.skeleton.segment(segment);
      // Nothing refers to it and nobody uploads it: the sweeper takes it.
      if (row === null || (row.live === 0 && !wanted)) return;
      if (row.state === 'open' && this.#points === null) this.#count('journal', row.live);
      if (core.latestLayout(segment) !== null) await this.#segment(row);
    } finally {
      core.unpin(segment);
    }
  }

  #report(elapsedMs: number): RebuildReport {
    const count = (source: Source): SourceCount => ({ ...this.#counts[source] });
    return {
      dryRun: this.#points === null,
      fromParity: count('parity'),
      fromBackup: count('backup'),
      fromJournal: count('journal'),
      alreadyWhole: count('whole'),
      shardsWritten: this.#shards,
      bytesWritten: this.#bytesWritten,
      bytesVerified: this.#bytesWritten,
      lost: this.#lost,
      elapsedMs,
    };
  }

  async #segment(row: SegmentRow): Promise<void> {
    const place = placeOfRow(row);
    if (place === null) return;
    const missing = await this.#missing(place);
    const weak = this.#weak(row, place);
    if (missing.length === 0 && !weak) return this.#count('whole', row.length);
    const here: SegmentPlace = { ...place, disks: place.disks.map((disk, index) => (missing.includes(index) ? null : disk)) };
    if (place.disks.length - missing.length >= place.layout.k) {
      try {
        if (this.#points !== null) await (weak ? this.#relayout(row, here, await this.#core.pool.readAll(here)) : this.#restoreShards(row, here, missing, null));
        return this.#count('parity', row.length);
      } catch (error) {
        // Fewer shards are good than are there: the next source.
        if (!isErrorOf(error, 'unavailable', 'corrupt')) throw error;
        const now = this.#core.placeOf(row.segment);
        // Written anew while it was read: the old shards went, the new ones are looked at.
        if (now !== null && now.layout.number !== place.layout.number) return this.#segment({ ...row, layout: now.layout, disks: now.disks });
      }
    }
    const [source, bytes] = await this.#elsewhere(row);
    if (bytes === null) {
      if (source === 'none') this.#lost.push(...lostRanges(this.#core.skeleton, row.segment));
      return this.#count(source, row.length);
    }
    await (weak ? this.#relayout(row, here, bytes) : this.#restoreShards(row, here, missing, bytes));
    this.#count(source, row.length);
  }

  /** It was written when there were fewer disks: those that are here now can carry more parity and delta shards. */
  #weak(row: SegmentRow, place: SegmentPlace): boolean {
    const { disks, settings } = this.#core;
    const { m, e } = cutFor(disks.writable('pool').length + this.#newDisks, redundancyOf(settings, !row.present));
    return place.layout.m < m || place.layout.m + place.layout.e < m + e;
  }

  #count(source: Source, bytes: number): void {
    this.#counts[source].segments++;
    this.#counts[source].bytes += bytes;
  }

  /** Indexes whose file is not on a readable disk with its full size. */
  async #missing(place: SegmentPlace): Promise<readonly number[]> {
    const { disks } = this.#core;
    const sizes = await Promise.all(
      place.disks.map((id, index) => {
        const disk = id === null ? null : disks.readable(id);
        if (disk === null) return null;
        return disk.size(shardPath(place.id, place.layout.number, index)).catch((error: unknown) => {
          if (isErrorOf(error, 'unavailable')) return null;
          throw error;
        });
      }),
    );
    return sizes.flatMap((size, index) => (size === null || size < place.layout.shardBytes ? [index] : []));
  }

  /** The whole segment from the backup or the journal. */
  async #elsewhere(row: SegmentRow): Promise<readonly [Source, Buffer | null]> {
    if (this.#points === null) return [(await this.#rescue.source(row)) ?? 'none', null];
    const found = await this.#rescue.find(row);
    return found === null ? ['none', null] : [found.source, found.bytes];
  }

  async #restoreShards(row: SegmentRow, place: SegmentPlace, missing: readonly number[], bytes: Buffer | null): Promise<void> {
    const core = this.#core;
    const free = core.disks.writable('pool').filter((disk) => !place.disks.includes(disk.id)).length;
    if (free < missing.length) return this.#relayout(row, place, bytes ?? (await core.pool.readAll(place)));
    const rebuilt = await core.pool.rebuild(place, missing, bytes === null ? {} : { bytes });
    failpoint('after-rebuilt-shards-before-record');
    // A rescue beside this may have made a new layout: what was rebuilt belongs to none then, and is swept as a stray.
    if (core.latestLayout(row.segment) !== place.layout.number) return;
    for (const { index, disk } of rebuilt) {
      core.record({ type: 'shard-move', segment: row.segment, index, disk });
      this.#shards++;
      this.#bytesWritten += place.layout.shardBytes;
    }
    // Durable from here: the next run finds this segment whole.
    await core.journal.commit();
  }

  /** The segment is written anew in the layout that fits the disks that are here. */
  async #relayout(row: SegmentRow, old: SegmentPlace, bytes: Buffer): Promise<void> {
    const core = this.#core;
    const place = await storeAnew(core, row, bytes);
    this.#shards += place.disks.length;
    this.#bytesWritten += place.layout.shardBytes * place.disks.length;
    await removeLayout(core, old);
  }
}
