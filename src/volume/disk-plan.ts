// What the disks of an open volume hold and would hold with one more: `holdfast disk list` and `disk plan`. Plain data, as --json shows it:
// names here are an interface for scripts. The sums are those by which writes are admitted (src/pool/space.ts), so they agree with `df`.
import type { EmptyDisk, SpacePlan } from '../pool/contract.js';
import type { VolumeCore } from './core.js';
import type { DiskMember, DiskRole } from './disk-set.js';
import type { ShownDiskState } from './disk-states.js';

export interface PlannedDisk {
  readonly path: string;
  /** '' when it could not be opened. */
  readonly id: string;
  readonly role: DiskRole;
  readonly state: ShownDiskState;
  readonly reason: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Of its size what shards can take, once the volume is full: the rest is reserve, journal and images, or `wastedBytes`. */
  readonly usableBytes: number;
  /** What no shard can ever take because the other disks are smaller, or too few. */
  readonly wastedBytes: number;
}

export interface WithOneMore {
  readonly diskBytes: number;
  /** User data that the volume would hold. */
  readonly totalBytes: number;
  /** That could be written at once, without moving what is there. */
  readonly freeBytes: number;
  /** Of the new disk. */
  readonly usableBytes: number;
}

export interface DiskPlanReport {
  readonly disks: readonly PlannedDisk[];
  /** User data that the volume holds, with all its redundancy: what `df` shows. */
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** In the order in which they were asked for. */
  readonly withOneMore: readonly WithOneMore[];
}

/** `added`: disks to try out, each by itself. */
export function planDisks(core: VolumeCore, added: readonly EmptyDisk[]): DiskPlanReport {
  const { pool, room, disks } = core;
  const now = pool.plan([], room.keptWith([]));
  return {
    disks: disks.members.map((member) => {
      const planned = now.disks.find(({ disk }) => disk !== null && disk === member.disk?.id);
      const known = member.disk === null ? null : pool.roomOn(member.disk.id);
      return {
        path: member.path,
        id: member.disk?.id ?? '',
        role: member.role,
        ...stateOf(core, member),
        totalBytes: known?.totalBytes ?? 0,
        freeBytes: known?.freeBytes ?? 0,
        usableBytes: planned?.usableBytes ?? 0,
        wastedBytes: planned === undefined ? 0 : planned.roomBytes - planned.usableBytes,
      };
    }),
    totalBytes: pool.totalBytes(),
    freeBytes: pool.freeBytes(),
    withOneMore: added.map((disk) => oneMore(disk, pool.plan([disk], room.keptWith([disk.totalBytes])))),
  };
}

function stateOf({ states }: VolumeCore, member: DiskMember): Pick<PlannedDisk, 'state' | 'reason'> {
  const { state, reason } = states.of(member);
  return { state, reason };
}

function oneMore(disk: EmptyDisk, plan: SpacePlan): WithOneMore {
  const usable = plan.disks.find((one) => one.disk === null)?.usableBytes ?? 0;
  return { diskBytes: disk.totalBytes, totalBytes: plan.totalBytes, freeBytes: plan.freeBytes, usableBytes: usable };
}
