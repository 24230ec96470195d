// A simulated machine whose disks carry real label files, so that it can be put away as bytes and set up again from them.
// Everything below the volume's ports is the simulation's world; only opening and labelling disks goes through src/disk here.
import { HoldfastError } from '../../src/base/errors.js';
import { asDiskId, asVolumeId, NO_LSN, type DiskId } from '../../src/base/ids.js';
import type { Disk } from '../../src/disk/disk.js';
import { decodeLabel } from '../../src/disk/label-codec.js';
import { labelPath, readLabel, writeLabel } from '../../src/disk/label.js';
import { MemoryDisk } from '../../src/disk/memory-disk.js';
import type { VolumePorts } from '../../src/volume/ports.js';
import { must } from '../simulation/lives.js';
import { World, type WorldShape } from '../simulation/world.js';
import { type Fixture, stored, type StoredFiles, unstored } from './fixture.js';

const fileBytesMax = 64 * 1024 * 1024;

export class Stand {
  readonly world: World;

  constructor(seed: number, shape: WorldShape) {
    this.world = new World(seed, shape);
  }

  /** The machine as the fixture has it: disks and backup, no live database. */
  static async of(fixture: Fixture, parts: { readonly disks: boolean }): Promise<Stand> {
    const stand = new Stand(fixture.seed + 1, fixture.shape);
    const { world } = stand;
    for (const [key, object] of Object.entries(fixture.backup)) await must(world, world.store.put(key, [unstored(object)], { ifAbsent: true }), key);
    if (!parts.disks) return stand;
    for (const [path, files] of Object.entries(fixture.disks)) {
      const label = files[labelPath];
      if (label === undefined) throw new Error(`${path} has no label`);
      const disk = stand.#disk(path, decodeLabel(unstored(label), path).disk);
      for (const [name, file] of Object.entries(files)) await must(world, disk.create(name, [unstored(file)]), name);
      world.slots.set(path, disk);
    }
    return stand;
  }

  ports(): VolumePorts {
    const { world } = this;
    const ports = world.ports();
    return {
      ...ports,
      disks: {
        ...ports.disks,
        open: async (path) => {
          const disk = world.slots.get(path);
          if (disk === undefined) throw new HoldfastError('unavailable', `${path} is not there`, { code: 'disk-missing' });
          // Every opening is a new descriptor on the same bytes.
          const opened = disk.crash(world.random, 'process');
          world.slots.set(path, opened);
          const { volume, generation, durableLsn } = await readLabel(opened);
          return { disk: opened, volume, mark: { generation, durableLsn } };
        },
        format: async (path, request): Promise<Disk> => {
          const disk = this.#disk(path, request.disk);
          world.slots.set(path, disk);
          const created = { sec: 1_800_000_000, nsec: 123_456_789 };
          await writeLabel(disk, { volume: asVolumeId(request.volume), disk: request.disk, name: request.volumeName, created, generation: 0, durableLsn: NO_LSN });
          return disk;
        },
      },
    };
  }

  async filesOfDisks(): Promise<Record<string, StoredFiles>> {
    const disks: Record<string, StoredFiles> = {};
    for (const [path, opened] of this.world.slots) {
      // Looked at through a descriptor of our own: whoever had it open may have closed it.
      const disk = opened.afterCrash(this.world.random, 'process');
      const files: Record<string, StoredFiles[string]> = {};
      for (const name of disk.paths()) files[name] = stored(await must(this.world, disk.readAll(name, fileBytesMax), name));
      disks[path] = files;
    }
    return disks;
  }

  async filesOfBackup(): Promise<StoredFiles> {
    const objects: Record<string, StoredFiles[string]> = {};
    const { store } = this.world;
    for (const key of store.keys()) objects[key] = stored(await must(this.world, store.get(key), key));
    return objects;
  }

  #disk(path: string, id: DiskId): MemoryDisk {
    return new MemoryDisk({ id: asDiskId(id), path, capacityBytes: 512 * 1024 * 1024, schedule: this.world.scheduler.defer });
  }
}
