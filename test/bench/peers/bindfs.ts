// bindfs over one xfs disk: a plain FUSE file system that works on paths.
import { run } from '../child.js';
import type { RamDisk } from '../rig.js';
import { missingProgram, type Target } from '../target.js';
import { fusePeer } from './fuse-peer.js';

export function bindfs(disks: readonly RamDisk[]): Target {
  return fusePeer({
    name: 'bindfs',
    about: 'path-based FUSE over one xfs disk',
    packages: ['bindfs'],
    lacks: () => missingProgram('bindfs'),
    disks: disks.slice(0, 1),
    start: async (folder) => {
      await run('bindfs', ['--multithreaded', '-o', 'allow_other,default_permissions,dev,suid', disks[0]?.folder ?? '', folder]);
    },
  });
}
