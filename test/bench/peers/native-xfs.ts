// One xfs disk: no redundancy and no FUSE. The limit.
import { format, type RamDisk, remount, unmount } from '../rig.js';
import type { Target } from '../target.js';

export function nativeXfs(disks: readonly RamDisk[]): Target {
  const own = disks.slice(0, 1);
  return {
    name: 'native',
    about: 'xfs on one disk',
    packages: ['xfsprogs'],
    lacks: () => null,
    folder: own[0]?.folder ?? '',
    disks: own,
    below: [],
    fresh: async () => own.forEach(format),
    cold: async () => remount(own),
    down: async () => own.forEach((disk) => unmount(disk.folder)),
  };
}
