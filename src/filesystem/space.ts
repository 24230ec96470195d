// statfs: the volume's space in blocks. Inode numbers never run out; what a new file costs is space.
import { nameBytesMax } from '../base/limits.js';
import type { Volume } from '../volume/contract.js';

const blockBytes = 4096;

export interface FileSystemSpace {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMax: number;
}

export function spaceOf(volume: Volume): FileSystemSpace {
  const { totalBytes, freeBytes, files } = volume.space();
  const blocksFree = Math.floor(freeBytes / blockBytes);
  return { blockBytes, blocks: Math.floor(totalBytes / blockBytes), blocksFree, files: files + blocksFree, filesFree: blocksFree, nameMax: nameBytesMax };
}
