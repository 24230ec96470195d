// From the words of a mount command to a running daemon: for `holdfast mount` and for mount(8)'s helper.
import { resolve } from 'node:path';
import type { VolumeSettings } from '../config/settings.js';
import { checkMountPoint } from '../daemon/mount-point.js';
import { applyMountOptions, type MountChoices } from '../daemon/mount-options.js';
import type { Launched } from '../daemon/launch.js';
import type { DaemonRequest } from '../daemon/run.js';
import { driverLimits } from '../fuse/driver-limits.js';
import { loadFuseNative } from '../native/fuse-native.js';
import { namedVolume } from './volume.js';

export interface MountPlan {
  readonly settings: VolumeSettings;
  readonly request: DaemonRequest;
  /** What the chosen driver cannot do, for whoever mounts. */
  readonly limits: string | null;
}

/** Cheap checks, in this process: their errors come at once and nothing has been written yet. */
export function planMount(name: string, point: string, choices: MountChoices, foreground: boolean): MountPlan {
  const { reference, settings: fromFile } = namedVolume(name);
  const settings = applyMountOptions(fromFile, choices);
  const mountPoint = checkMountPoint(resolve(point), settings);
  // Loading it says what is missing and how to get it.
  if (settings.driver === 'fuse-native') loadFuseNative();
  const limits = driverLimits[settings.driver];
  return { settings, limits, request: { configPath: settings.configPath ?? '', reference, mountPoint, choices, foreground } };
}

/** Resolves when the mount answers; the daemon goes on in the background. */
export async function mountInBackground({ request, settings }: MountPlan): Promise<Launched> {
  const { launchDaemon } = await import('../daemon/launch.js');
  return launchDaemon(request, settings);
}
