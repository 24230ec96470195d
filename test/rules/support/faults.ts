// Disks of a House that fail where a test wants it to: one decision for all disks, told which disk it is.
import type { Disk } from '../../../src/disk/disk.js';
import { FaultyDisk, type Fault } from '../../../src/disk/faulty-disk.js';
import type { DiskCall } from '../../../src/disk/wrapped-disk.js';
import type { House } from './house.js';

export type DecideAll = (disk: Disk, call: DiskCall) => Fault | undefined;

export class Faults {
  /** May be replaced at any time. */
  decide: DecideAll = () => undefined;
  /** Every disk object that was opened, by path: the last one is the one in use. */
  readonly opened = new Map<string, FaultyDisk>();

  /** Call before the mount. */
  static of(house: House): Faults {
    const faults = new Faults();
    house.world.wrapDisk = (disk) => {
      const faulty = new FaultyDisk(disk, (call) => faults.decide(disk, call));
      faults.opened.set(disk.path, faulty);
      return faulty;
    };
    return faults;
  }

  get hanging(): number {
    return [...this.opened.values()].reduce((sum, disk) => sum + disk.hanging, 0);
  }

  release(): void {
    for (const disk of this.opened.values()) disk.release();
  }

  none(): void {
    this.decide = () => undefined;
    this.release();
  }
}
