// A further disk for a volume that is open. Order: its label, the configuration file, its membership; so a file never names a disk
// without a label, and a disk with data of the volume is always named. Wherever it is cut short, the disk is either not named (and the
// same command goes on from its label) or named (and the next mount makes it a member like any other that is there).
import { HoldfastError } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import type { DiskId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import { storeGenerations } from '../journal/generations.js';
import type { VolumeCore } from './core.js';
import { markLabels } from './label-marks.js';
import { labelledDisk } from './new-disk.js';
import { removeStraysOn } from './strays.js';

/** The list of disks in the configuration file: what the next mount opens. Each change is durable when the call returns. */
export interface ConfiguredDisks {
  add(path: string): void;
  remove(path: string): void;
}

export interface DiskAddReport {
  readonly path: string;
  readonly id: DiskId;
  readonly totalBytes: number;
  /** Of the volume, before and after: user data that it holds, and that can be written at once. */
  readonly before: { readonly totalBytes: number; readonly freeBytes: number };
  readonly after: { readonly totalBytes: number; readonly freeBytes: number };
}

/** New segments, journal copies and images may use it when this resolves. 'conflict': disk-is-member, disk-taken, disk-not-empty, disk-other-history, config-by-hand. */
export function addDisk(core: VolumeCore, path: string, configured: ConfiguredDisks): Promise<DiskAddReport> {
  return core.diskChanges.run(async () => {
    if (core.failure !== null) throw core.failure;
    refuseMember(core, path, null);
    const before = sums(core);
    const known = core.skeleton.disks();
    const disk = await labelledDisk(core, path);
    failpoint('disk-add-labelled-before-configured');
    try {
      refuseMember(core, path, disk.id);
    } catch (error) {
      await disk.close();
      throw error;
    }
    try {
      configured.add(path);
      // Durable from here: the next mount opens it, and makes it a member.
      failpoint('disk-add-configured-before-member');
      await join(core, path, disk);
    } catch (error) {
      if (error instanceof HoldfastError && core.disks.readable(disk.id) === null) {
        configured.remove(path);
        await disk.close().catch(() => undefined); // nothing was promised on it
      }
      throw error;
    }
    await settleIn(core);
    // One that was away, or went: what it holds of old layouts is nobody's.
    if (known.some((row) => row.disk === disk.id)) await removeStraysOn(core, disk, () => core.failure !== null);
    return { path, id: disk.id, totalBytes: core.pool.roomOn(disk.id).totalBytes, before, after: sums(core) };
  });
}

async function join(core: VolumeCore, path: string, disk: Disk): Promise<void> {
  // The list of generations first: a disk without it could not bear witness at the next mount.
  const { failures } = await storeGenerations([disk], core.volume, core.generations);
  for (const failure of failures) throw failure.error;
  failpoint('disk-add-listed-before-term');
  core.disks.add({ path, role: 'pool', disk, state: 'healthy', reason: '' });
  core.settings = { ...core.settings, disks: [...core.settings.disks, { path }] };
  core.record({ type: 'disk', disk: disk.id, path, state: 'healthy', reason: '', time: core.ports.clock.now() });
  core.journal.renew();
  await core.journal.commit();
  // Durable from here: it is a member of the running generation, and the skeleton knows it.
  failpoint('disk-add-member-before-label');
}

async function settleIn(core: VolumeCore): Promise<void> {
  core.labelled = null; // its own label knows nothing yet
  await markLabels(core);
  core.pool.disksChanged();
  await core.pool.refreshSpace();
  core.room.measure();
  core.protectionDue = core.protectionDue || core.journalCopies !== null;
}

function refuseMember(core: VolumeCore, path: string, id: DiskId | null): void {
  const member = core.disks.members.find((one) => (id === null ? one.path === path : one.disk?.id === id));
  if (member === undefined) return;
  throw new HoldfastError('conflict', `${path} is a disk of ${core.settings.name} already${member.path === path ? '' : `, at ${member.path}`}`, {
    code: 'disk-is-member',
    hint: member.state === 'healthy' ? 'Give an empty directory on a new disk.' : 'A lost disk that is back is used again from the next mount on; a new one takes its place with `holdfast rebuild --replace`.',
    context: { disk: member.path },
  });
}

function sums({ pool }: VolumeCore): DiskAddReport['before'] {
  return { totalBytes: pool.totalBytes(), freeBytes: pool.freeBytes() };
}
