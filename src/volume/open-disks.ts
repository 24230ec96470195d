// Opens the disks that the settings name and finds out which volume they carry. A disk that is missing, foreign or only an
// unmounted mount point becomes a member without a Disk: it is never written to, and status says why.
import { HoldfastError, messageOf } from '../base/errors.js';
import type { DiskId, VolumeId } from '../base/ids.js';
import type { VolumeSettings } from '../config/settings.js';
import type { LabelMark } from '../journal/contract.js';
import type { DiskMember, DiskRole } from './disk-set.js';
import type { VolumePorts } from './ports.js';

export interface OpenedDisks {
  readonly volume: VolumeId;
  readonly members: readonly DiskMember[];
  /** What the labels of the members say of the journal. */
  readonly labels: ReadonlyMap<DiskId, LabelMark>;
}

export async function openDisks(settings: VolumeSettings, ports: VolumePorts): Promise<OpenedDisks> {
  const paths: { readonly path: string; readonly role: DiskRole }[] = [
    ...settings.disks.map(({ path }) => ({ path, role: 'pool' as const })),
    ...settings.journal.disks.map(({ path }) => ({ path, role: 'journal' as const })),
  ];
  const opened = await Promise.all(
    paths.map(async ({ path, role }) => {
      try {
        const { disk, volume, mark } = await ports.disks.open(path, null);
        return { member: { path, role, disk, state: 'healthy', reason: '' } satisfies DiskMember, volume, mark };
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        const state = error.kind === 'conflict' || error.code === 'disk-foreign' ? 'foreign' : 'missing';
        return { member: { path, role, disk: null, state, reason: messageOf(error) } satisfies DiskMember, volume: null, mark: null };
      }
    }),
  );
  const volume = majority(opened.flatMap((o) => (o.volume === null ? [] : [o.volume])));
  if (volume === null) {
    const reasons = opened.map((o) => `${o.member.path}: ${o.member.reason}`).join('; ');
    throw new HoldfastError('unavailable', `none of the disks of ${settings.name} can be used: ${reasons}`, {
      code: 'no-disks',
      hint: 'Mount the disks and try again; if they are gone for good, use `holdfast restore --from URL`.',
    });
  }
  const members: DiskMember[] = [];
  const labels = new Map<DiskId, LabelMark>();
  for (const { member, volume: carried, mark } of opened) {
    if (member.disk !== null && carried === volume) labels.set(member.disk.id, mark);
    if (member.disk === null || carried === volume) members.push(member);
    else {
      await member.disk.close();
      members.push({ ...member, disk: null, state: 'foreign', reason: `belongs to volume ${String(carried)}, not to ${volume}` });
    }
  }
  return { volume, members, labels };
}

function majority(volumes: readonly VolumeId[]): VolumeId | null {
  const counts = new Map<VolumeId, number>();
  for (const volume of volumes) counts.set(volume, (counts.get(volume) ?? 0) + 1);
  let best: VolumeId | null = null;
  for (const [volume, count] of counts) if (best === null || count > (counts.get(best) ?? 0)) best = volume;
  return best;
}
