// Everybody that Holdfast is measured beside, in the order of the table.
import type { RamDisk } from '../rig.js';
import type { Target } from '../target.js';
import { bindfs } from './bindfs.js';
import { btrfs } from './btrfs.js';
import { Gluster } from './gluster.js';
import { mergerfs } from './mergerfs.js';
import { nativeXfs } from './native-xfs.js';
import { passthrough } from './passthrough.js';

export function nativeAndPeers(disks: readonly RamDisk[]): readonly Target[] {
  return [nativeXfs(disks), passthrough(disks), bindfs(disks), mergerfs(disks), btrfs(disks), new Gluster(disks)];
}
