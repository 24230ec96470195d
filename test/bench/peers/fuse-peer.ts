// A peer that is one FUSE process over xfs disks: what differs is the program.
import { mkdirSync } from 'node:fs';
import { format, isMounted, type RamDisk, remount, unmount } from '../rig.js';
import { mountFolder, type Target, until } from '../target.js';

export interface FuseProgram {
  readonly name: string;
  readonly about: string;
  readonly packages: readonly string[];
  readonly lacks: () => string | null;
  readonly disks: readonly RamDisk[];
  /** Starts it over the mounted disks; it may still be on its way to the mount when this resolves. */
  start(folder: string): Promise<void>;
}

export function fusePeer(program: FuseProgram): Target {
  const { disks } = program;
  const folder = mountFolder(program.name);
  const start = async (): Promise<void> => {
    await program.start(folder);
    await until(`the mount of ${program.name}`, () => isMounted(folder));
  };
  const down = async (): Promise<void> => [folder, ...disks.map((disk) => disk.folder)].forEach(unmount);
  return {
    ...program,
    folder,
    below: disks.map((disk) => disk.folder),
    fresh: async () => {
      mkdirSync(folder, { recursive: true });
      await down();
      disks.forEach(format);
      await start();
    },
    cold: async () => {
      unmount(folder);
      remount(disks);
      await start();
    },
    down,
  };
}
