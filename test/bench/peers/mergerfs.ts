// mergerfs over four xfs disks: a pool of whole files, no redundancy.
import { run } from '../child.js';
import type { RamDisk } from '../rig.js';
import { missingProgram, type Target } from '../target.js';
import { fusePeer } from './fuse-peer.js';

/** The pages stay cached, as those of a file system that is the only writer may; files go to the disk with most room. */
const options = 'allow_other,cache.files=auto-full,dropcacheonclose=false,category.create=mfs,minfreespace=0,fsname=mergerfs';

export function mergerfs(disks: readonly RamDisk[]): Target {
  return fusePeer({
    name: 'mergerfs',
    about: 'FUSE pool of 4 xfs disks, no redundancy',
    packages: ['mergerfs'],
    lacks: () => missingProgram('mergerfs'),
    disks,
    start: async (folder) => {
      await run('mergerfs', ['-o', options, disks.map((disk) => disk.folder).join(':'), folder]);
    },
  });
}
