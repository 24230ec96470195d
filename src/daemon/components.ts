// The parts a daemon (or a command that works without one) is made of, as functions that load them when they are needed:
// `holdfast --help` must not load SQLite and the S3 client. Tests give their own.
import type { Logger } from '../base/logger.js';
import type { MountSettings, VolumeSettings } from '../config/settings.js';
import type { CheckOptions, RebuildReport, RebuildRequest, RecoveryProgress } from '../recovery/contract.js';
import type { CheckFinding } from '../skeleton/contract.js';
import type { OpenVolume } from '../volume/status.js';
import type { SystemIo } from '../volume/local-ports.js';

export type { SystemIo } from '../volume/local-ports.js';

/** A volume that the kernel can see. */
export interface KernelMount {
  /** Resolves when the kernel has ended the mount, whoever asked for it. */
  readonly ended: Promise<void>;
  /** umount(2). 'conflict' (mount-busy) while files are open below it, unless `lazy`: then the name goes at once. */
  unmount(lazy: boolean): Promise<void>;
  /** `umount -l`: the name goes at once; who has files open keeps them, and `ended` resolves when the last is closed. */
  detach(): Promise<void>;
  /** Where else it still is, in words: other mount points, processes in other mount namespaces. */
  elsewhere(): Promise<readonly string[]>;
  /** Other options from now on. 'conflict' (mount-busy) when it shall be read-only and files are open for writing; 'unavailable' (remount-refused). */
  remount(settings: MountSettings): Promise<void>;
}

export interface Components {
  openVolume(settings: VolumeSettings, io: SystemIo): Promise<OpenVolume>;
  /** Serves the volume at the mount point; resolves when the kernel answers there. The kernel's table shows `holdfast:REFERENCE`. */
  mount(volume: OpenVolume, settings: VolumeSettings, mountPoint: string, reference: string, logger: Logger): Promise<KernelMount>;
  /** Makes lost disks whole while the volume is served; new disks take the places of lost ones first. */
  rebuild(volume: OpenVolume, request: RebuildRequest, progress: RecoveryProgress): Promise<RebuildReport>;
  /** Proves the skeleton of an open volume, and what is in its backup where that is asked for; [] when everything fits together. */
  check(volume: OpenVolume, options: CheckOptions): Promise<readonly CheckFinding[]>;
}
