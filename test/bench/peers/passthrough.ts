// libfuse's own example passthrough_ll over one xfs disk: close to what any FUSE file system can reach. The kernel keeps pages, names and
// attributes (cache=always). The package brings it as source only; it is compiled into the stage's folder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, start } from '../child.js';
import { type RamDisk, stageFolder } from '../rig.js';
import { missingProgram, type Target } from '../target.js';
import { fusePeer } from './fuse-peer.js';

const source = '/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c';

export function passthrough(disks: readonly RamDisk[]): Target {
  const program = join(stageFolder, 'passthrough_ll');
  return fusePeer({
    name: 'passthrough',
    about: 'libfuse passthrough_ll over one xfs disk',
    packages: ['libfuse3-dev', 'pkg-config', 'gcc'],
    lacks: () => missingProgram('gcc', 'pkg-config') ?? (existsSync(source) ? null : source),
    disks: disks.slice(0, 1),
    start: async (folder) => {
      if (!existsSync(program)) await run('sh', ['-c', 'gcc -w -O2 -o "$1" "$2" $(pkg-config fuse3 --cflags --libs)', 'sh', program, source]);
      start(program, ['-f', '-o', `source=${disks[0]?.folder ?? ''},cache=always,timeout=86400,allow_other,default_permissions,fsname=passthrough`, folder]);
    },
  });
}
