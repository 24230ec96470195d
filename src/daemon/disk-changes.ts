// Disks that come to an open volume and go from it, with what belongs to them outside of it: the look at the place, the lock, the
// configuration file. The same for a daemon and for a command that opened the volume by itself.
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { addDiskToFile, removeDiskFromFile } from '../config/disk-edits.js';
import type { DiskSettings, VolumeSettings } from '../config/settings.js';
import { checkDescriptors, descriptorLimit } from '../volume/descriptors.js';
import type { ConfiguredDisks, DiskAddReport } from '../volume/disk-add.js';
import type { DiskRemovalReport, RemovalProgress } from '../volume/disk-removal.js';
import { checkPlace } from '../volume/disk-place.js';
import type { OpenVolume } from '../volume/status.js';
import type { VolumeLock } from './volume-lock.js';

export interface DiskChangeParts {
  readonly volume: OpenVolume;
  readonly lock: VolumeLock;
  readonly mountPoint: string | null;
  /** As they are in force. */
  readonly settings: () => VolumeSettings;
  /** The file has this list from now on. */
  readonly listed: (disks: readonly DiskSettings[]) => void;
}

export interface DiskAddRequest {
  readonly path: string;
  readonly allowSharedDevice: boolean;
}

export class DiskChanges {
  readonly #parts: DiskChangeParts;
  readonly #configured: ConfiguredDisks;

  constructor(parts: DiskChangeParts) {
    this.#parts = parts;
    const list = (): readonly DiskSettings[] => parts.settings().disks;
    this.#configured = {
      add: (path) => {
        addDiskToFile(this.#configPath(), path);
        parts.listed([...list().filter((disk) => disk.path !== path), { path }]);
      },
      remove: (path) => {
        removeDiskFromFile(this.#configPath(), path);
        parts.listed(list().filter((disk) => disk.path !== path));
      },
    };
  }

  async add({ path, allowSharedDevice }: DiskAddRequest): Promise<DiskAddReport> {
    const { volume, lock, mountPoint, settings } = this.#parts;
    this.#configPath();
    await checkPlace(settings(), { path, allowSharedDevice, mountPoint });
    checkDescriptors(settings().disks.length + settings().journal.disks.length + 1, descriptorLimit());
    lock.include(path);
    try {
      return await volume.addDisk(path, this.#configured);
    } finally {
      if (!settings().disks.some((disk) => disk.path === path)) lock.exclude(path);
    }
  }

  /** Resolves at the end of the removal, which goes on whoever waits for it. */
  async remove(path: string, progress: RemovalProgress): Promise<DiskRemovalReport> {
    const { volume, lock } = this.#parts;
    this.#configPath();
    const report = await volume.removeDisk(path, this.#configured, progress);
    lock.exclude(path);
    return report;
  }

  /**
   * A new disk for one that is to go, or is lost: the new one is added, then the old one removed, whose shards then go to the new one: it is the one
   * that has none of their segments yet. Interrupted in between, the same call goes on.
   */
  async replace(old: string, request: DiskAddRequest, progress: RemovalProgress): Promise<DiskRemovalReport> {
    const { volume, settings } = this.#parts;
    const { disks } = volume.plan([]);
    if (!disks.some(({ path, role }) => path === old && role === 'pool')) {
      const known = disks.filter(({ role }) => role === 'pool').map(({ path }) => path);
      throw new HoldfastError('invalid', `${old} is not a disk of ${settings().name}`, { code: 'disk-unknown', hint: `Its disks: ${known.join(', ')}.`, context: { disk: old } });
    }
    if (!disks.some(({ path, state }) => path === request.path && state === 'healthy')) await this.add(request);
    return this.remove(old, progress);
  }

  keep(path: string): Promise<void> {
    return this.#parts.volume.keepDisk(path);
  }

  /** What earlier lives began. */
  resume(logger: Logger): void {
    const { volume } = this.#parts;
    volume.resumeRemovals(this.#configured, (path, error) => {
      // Its state stays, with this reason, until somebody gives the command again.
      if (!isErrorOf(error, 'closed')) logger.warn({ disk: path, error: messageOf(error) }, 'the removal of a disk has stopped');
    });
  }

  #configPath(): string {
    const { configPath, name } = this.#parts.settings();
    if (configPath !== null) return configPath;
    throw new HoldfastError('invalid', `volume ${name} has no configuration file`, { code: 'config-missing' });
  }
}
