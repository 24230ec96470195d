// btrfs in the kernel over the four devices: data raid5, metadata raid1. It gets each device whole.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { run } from '../child.js';
import { type RamDisk, unmount, wipe } from '../rig.js';
import { missingProgram, mountFolder, type Target } from '../target.js';

const options = 'noatime,nodiscard';

export function btrfs(disks: readonly RamDisk[]): Target {
  const folder = mountFolder('btrfs');
  const devices = disks.map((disk) => disk.device);
  const mount = async (present: readonly string[], more = ''): Promise<void> => {
    await run('btrfs', ['device', 'scan', ...present]);
    await run('mount', ['-t', 'btrfs', '-o', options + more, present[0] ?? '', folder]);
  };
  const forget = (): void => {
    // It says no where the device is not known, which is what is wanted.
    for (const device of devices) execFileSync('sh', ['-c', 'btrfs device scan --forget "$1" 2>/dev/null || true', 'sh', device]);
  };
  const down = async (): Promise<void> => {
    unmount(folder);
    if (missingProgram('btrfs') === null) forget();
  };
  return {
    name: 'btrfs',
    about: 'kernel, raid5 over 4 disks',
    packages: ['btrfs-progs'],
    lacks: () => missingProgram('mkfs.btrfs', 'btrfs') ?? (/\bbtrfs\b/.test(readFileSync('/proc/filesystems', 'utf8')) ? null : 'btrfs in the kernel'),
    folder,
    disks,
    below: [],
    fresh: async () => {
      mkdirSync(folder, { recursive: true });
      await down();
      disks.forEach(wipe);
      await run('mkfs.btrfs', ['-q', '-f', '-K', '-d', 'raid5', '-m', 'raid1', ...devices]);
      await mount(devices);
    },
    cold: async () => {
      unmount(folder);
      await mount(devices);
    },
    down,
    withoutOneDisk: async (section) => {
      unmount(folder);
      forget();
      await mount(devices.slice(1), ',degraded');
      await section();
    },
  };
}
