// Where the live database of a volume is.
import type { VolumeSettings } from '../config/settings.js';

export function skeletonPath(settings: VolumeSettings): string {
  return `${settings.stateDir}/skeleton.db`;
}
