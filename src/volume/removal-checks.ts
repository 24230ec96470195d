// May a disk be removed? Only when the disks that remain hold the promise and the data; both are asked before anything is changed. The sums
// are an estimate that errs to the safe side: what is found not to fit after all stops the removal, and loses nothing.
import { HoldfastError } from '../base/errors.js';
import { asSegmentNumber, type DiskId, type SegmentNumber } from '../base/ids.js';
import { formatBytes } from '../config/units.js';
import { fileBytes } from '../format/shard.js';
import { fillingOf } from '../pool/capacity.js';
import { cutFor, redundancyOf } from '../pool/placement.js';
import type { SegmentRow } from '../skeleton/contract.js';
import type { VolumeCore } from './core.js';

/** Rows looked at in one turn. */
const rowsPerTurn = 200;

export interface Holdings {
  readonly segments: number;
  /** Of the shard files on the disk. */
  readonly bytes: number;
}

interface Needs extends Holdings {
  /** User bytes as un-backed-up data would take the room for them. */
  readonly needed: number;
  /** What goes from each of the other disks when segments are written anew. */
  readonly freed: ReadonlyMap<DiskId, number>;
}

/** Throws 'conflict' (disk-remove-too-few) or 'full' (disk-remove-no-room); gives what is to be moved. `id` null: nothing is known to be on it. */
export async function checkRemoval(core: VolumeCore, path: string, id: DiskId | null): Promise<Holdings> {
  const left = core.disks.staying('pool').filter((disk) => disk.id !== id);
  requireEnough(core, path, left.length);
  if (id === null) return { segments: 0, bytes: 0 };
  const needs = await needsOf(
    core,
    id,
    left.map((disk) => disk.id),
  );
  const { m, e } = redundancyOf(core.settings, true);
  const rooms = left.map((disk) => {
    const { freeBytes, reserveBytes } = core.pool.roomOn(disk.id);
    return Math.max(0, freeBytes - reserveBytes - core.room.keptOn(disk.id).bytes + (needs.freed.get(disk.id) ?? 0));
  });
  const room = fillingOf(rooms, m + e, 0).bytes;
  const needed = needs.needed + core.pool.promisedBytes();
  if (needed > room) {
    throw new HoldfastError('full', `the other disks have no room for what is on ${path}: it takes as much as ${formatBytes(needed)} of files, and they have room for ${formatBytes(room)}`, {
      code: 'disk-remove-no-room',
      hint: `Delete files, or add another disk first (\`holdfast disk add ${core.settings.name} DIR\`).`,
      context: { disk: path, needed, room },
    });
  }
  return needs;
}

/** Throws 'conflict' (disk-remove-too-few) where so many disks cannot hold what is promised. */
export function requireEnough(core: VolumeCore, path: string, left: number): void {
  const { tolerance, name } = core.settings;
  if (left > tolerance) return;
  throw new HoldfastError('conflict', `without ${path} ${left} disk${left === 1 ? ' is' : 's are'} in service, and tolerance ${tolerance} needs ${tolerance + 1}`, {
    code: 'disk-remove-too-few',
    hint: `Add another disk first (\`holdfast disk add ${name} DIR\`), or put a new one in its place (\`holdfast rebuild --replace\` once it is lost).`,
    context: { disk: path, left, needed: tolerance + 1 },
  });
}

async function needsOf(core: VolumeCore, id: DiskId, left: readonly DiskId[]): Promise<Needs> {
  let segments = 0;
  let bytes = 0;
  let needed = 0;
  const freed = new Map<DiskId, number>();
  for (let after: SegmentNumber = asSegmentNumber(0); ; ) {
    const rows = core.skeleton.segmentsOn(id, after, rowsPerTurn);
    for (const row of rows) {
      after = row.segment;
      if (row.state !== 'sealed' || row.layout === null) continue;
      segments++;
      bytes += fileBytes(row.layout.shardBytes);
      needed += needOf(core, row, id, left, freed);
    }
    if (rows.length < rowsPerTurn) return { segments, bytes, needed, freed };
    await core.ports.clock.turn();
  }
}

/** User bytes of un-backed-up data that take as much room on the disks that are left as what is to be written of this segment. */
function needOf(core: VolumeCore, { layout, disks, length, present }: SegmentRow, id: DiskId, left: readonly DiskId[], freed: Map<DiskId, number>): number {
  if (layout === null) return 0;
  const full = cutFor(left.length, redundancyOf(core.settings, true));
  const perByte = (full.k + full.m + full.e) / full.k;
  if (left.some((disk) => !disks.includes(disk))) return layout.shardBytes / perByte;
  for (const disk of disks) if (disk !== null && disk !== id) freed.set(disk, (freed.get(disk) ?? 0) + fileBytes(layout.shardBytes));
  const cut = cutFor(left.length, redundancyOf(core.settings, !present));
  return (length * ((cut.k + cut.m + cut.e) / cut.k)) / perByte;
}
