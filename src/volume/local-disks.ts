// Real disks for a volume: labelled directories, opened only when they are what they should be, with a limit on every
// operation so that a disk that hangs becomes a disk that failed, and one that is unmounted under us one that is gone.
import { readdir, realpath, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { asDiskId, asVolumeId, NO_LSN, type VolumeId } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import { DeadlineDisk } from '../disk/deadline-disk.js';
import { mountAt, physicalParents } from '../disk/device.js';
import type { Disk } from '../disk/disk.js';
import { DiskMeter } from '../disk/disk-meter.js';
import { checkFormattable, formatDisk, openDisk, readLabel } from '../disk/label.js';
import { LocalDisk } from '../disk/local-disk.js';
import { MeteredDisk } from '../disk/metered-disk.js';
import { PatientDisk } from '../disk/patient-disk.js';
import { diskOperationMsMax } from '../base/limits.js';
import type { DiskLabelRequest, DiskProvider, LabelledDisk } from './ports.js';

export class LocalDisks implements DiskProvider {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #places = new WeakMap<Disk, { readonly path: string; readonly mount: string }>();

  readonly #meters = new WeakMap<Disk, DiskMeter>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Also the opening has the limit of every operation: a disk that hangs is one that is not there. */
  open(path: string, volume: VolumeId | null): Promise<LabelledDisk> {
    const opening = this.#open(path, volume);
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = this.#clock.after(diskOperationMsMax, () => {
        late = true;
        reject(new HoldfastError('unavailable', `disk ${path} hangs: it could not be opened within ${diskOperationMsMax} ms`, { code: 'disk-hanging', hint: 'Look at the kernel log (dmesg), the cable and the SMART state of the disk.', context: { disk: path } }));
      });
      opening.then(
        (opened) => {
          timer.cancel();
          // Given up meanwhile: nobody will close it.
          if (late) void opened.disk.close().catch(() => undefined);
          else resolve(opened);
        },
        (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }

  async #open(path: string, volume: VolumeId | null): Promise<LabelledDisk> {
    const expected = volume ?? (await carriedVolume(path));
    const { disk, label } = await openDisk(path, { volume: expected });
    // Waiting for descriptors is not hanging: each attempt has its own limit.
    const meter = new DiskMeter(this.#clock);
    const metered = new MeteredDisk(new DeadlineDisk(disk, this.#clock, diskOperationMsMax), this.#clock, ({ operation, durationMs }) => meter.ended(operation, durationMs));
    const limited = new PatientDisk(metered, this.#clock, this.#logger);
    this.#meters.set(limited, meter);
    const real = await realpath(path);
    this.#places.set(limited, { path: real, mount: await mountAt(real) });
    return { disk: limited, volume: label.volume, mark: { generation: label.generation, durableLsn: label.durableLsn } };
  }

  async probe(disk: Disk): Promise<void> {
    const label = await readLabel(disk);
    if (label.disk !== disk.id) {
      throw new HoldfastError('conflict', `${disk.path} carries the label of another disk now`, { code: 'disk-mismatch', hint: 'Put the right disk back.' });
    }
    // A lazy unmount leaves what we hold open alive: everything would seem well until the next mount finds an empty directory.
    const place = this.#places.get(disk);
    if (place === undefined || (await stillAt(place))) return;
    throw new HoldfastError('unavailable', `disk ${disk.path} is not mounted at its place any more`, { code: 'disk-unmounted', hint: 'Unmount the volume, mount the disk, and mount the volume again; or replace it with `holdfast rebuild`.' });
  }

  meterOf(disk: Disk): DiskMeter | null {
    return this.#meters.get(disk) ?? null;
  }

  checkFormattable(path: string): Promise<void> {
    return checkFormattable(path);
  }

  async format(path: string, request: DiskLabelRequest): Promise<Disk> {
    const { volume, disk, volumeName: name } = request;
    await formatDisk(path, { volume, disk, name, created: this.#clock.now(), generation: 0, durableLsn: NO_LSN });
    return (await this.open(path, volume)).disk;
  }

  async removeFolders(disk: Disk, folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      const path = join(disk.path, folder);
      const below = await readdir(path, { withFileTypes: true }).catch(() => []); // none was ever made
      for (const entry of below) if (entry.isDirectory()) await rmdir(join(path, entry.name)).catch(() => undefined); // not empty: it stays
      await rmdir(path).catch(() => undefined);
    }
  }

  devices(path: string): Promise<readonly string[]> {
    return physicalParents(path);
  }
}

/** Also when the mount table cannot be read for want of descriptors: nothing is known then. */
async function stillAt({ path, mount }: { readonly path: string; readonly mount: string }): Promise<boolean> {
  try {
    return (await mountAt(path)) === mount;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // of reading a file
    if (code === 'EMFILE' || code === 'ENFILE') return true;
    throw error;
  }
}

/** Whose disk this says it is. A directory without a label gets an id that fits no label, so that openDisk() explains. */
async function carriedVolume(path: string): Promise<VolumeId> {
  let probe: LocalDisk | null = null;
  try {
    probe = await LocalDisk.open(path, asDiskId(''));
    return (await readLabel(probe)).volume;
  } catch (error) {
    if (isErrorOf(error, 'missing', 'unavailable')) return asVolumeId('');
    throw error;
  } finally {
    await probe?.close();
  }
}
