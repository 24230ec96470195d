// Puts a new disk into the place of a lost one in a volume that is open: reads and writes go on. From then on new segments,
// journal copies and images may use it; what the old disk held is made again by the rebuild that follows.
import { HoldfastError } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { makeDurable } from '../volume/generation.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { labelledDisk } from '../volume/new-disk.js';

export async function attachReplacement(mounted: MountedVolume, oldPath: string, newPath: string): Promise<void> {
  const { core } = mounted;
  const old = core.disks.members.find((member) => member.path === oldPath);
  if (old === undefined) {
    const known = core.disks.members.map((member) => member.path).join(', ');
    throw new HoldfastError('invalid', `${oldPath} is not a disk of ${core.settings.name}`, { code: 'disk-unknown', hint: `Its disks: ${known}.` });
  }
  if (old.leaving !== undefined) {
    throw new HoldfastError('conflict', `disk ${oldPath} is being removed`, { code: 'disk-leaving', hint: `Let it go (\`holdfast disk remove\`), or keep it (\`--cancel\`) and replace it then.` });
  }
  if (old.state === 'healthy') {
    throw new HoldfastError('conflict', `disk ${oldPath} is in service`, {
      code: 'disk-in-service',
      hint: 'Only a lost disk is replaced this way; unmount and detach it first if it really has to go.',
    });
  }
  const disk = await labelledDisk(core, newPath);
  // The list of generations first: a disk without it could not bear witness at the next mount.
  core.disks.replace(oldPath, { path: newPath, role: old.role, disk, state: 'healthy', reason: '' });
  await makeDurable(core.disks, core.volume, core.generations);
  failpoint('after-attach-before-record');
  const time = core.ports.clock.now();
  const gone = core.skeleton.disks().find((row) => row.path === oldPath && row.state !== 'gone');
  if (gone !== undefined) core.record({ type: 'disk', disk: gone.disk, path: oldPath, state: 'gone', reason: `replaced by ${newPath}`, time });
  core.record({ type: 'disk', disk: disk.id, path: newPath, state: 'healthy', reason: '', time });
  await core.journal.commit();
  // Durable from here: the skeleton knows the new disk.
  if (old.disk !== null) core.journal.gone(old.disk.id);
  await old.disk?.close().catch(() => undefined); // it failed already; its end changes nothing
  core.pool.disksChanged();
  await core.pool.refreshSpace();
  core.protectionDue = true;
}
