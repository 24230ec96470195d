// A whole tree as text, one line a name: every attribute that a user can see, and a hash of every byte.
import { createHash } from 'node:crypto';
import type { Timespec } from '../../src/base/clock.js';
import type { FileOffset } from '../../src/base/file-offset.js';
import { ROOT_INO, type Ino } from '../../src/base/ids.js';
import type { Inode } from '../../src/skeleton/contract.js';
import type { MountedVolume } from '../../src/volume/mounted-volume.js';
import { entriesOf } from '../../src/skeleton/name-list.js';
import { place } from '../support/wide.js';

const typeBits = 0o170000;
const directory = 0o040000;
const regular = 0o100000;

/** Of a file that no memory holds only the end is looked at: what lies before is a hole. */
const shownBytesMax = 65_536n;

/** Where the part begins that is looked at. */
export function shownFrom(size: FileOffset): FileOffset {
  return typeof size === 'bigint' ? place(size - shownBytesMax) : 0;
}

export function shown(volume: MountedVolume, { ino, size }: Inode): Buffer | Promise<Buffer> {
  const from = shownFrom(size);
  return volume.read(ino, from, Number(BigInt(size) - BigInt(from)));
}

/** Names and values are shown as Latin-1, so that every byte counts. Sorted by path; the root directory comes first. */
export async function describeTree(volume: MountedVolume): Promise<readonly string[]> {
  const root = volume.view.inode(ROOT_INO);
  if (root === null) throw new Error('there is no root directory');
  const lines = [await line(volume, '/', root)];
  await walk(volume, ROOT_INO, '', lines);
  return lines;
}

async function walk(volume: MountedVolume, parent: Ino, path: string, lines: string[]): Promise<void> {
  const entries = [...entriesOf(volume.view.childNames(parent, 0, 1_000))].sort((a, b) => a.name.compare(b.name));
  for (const { name, ino } of entries) {
    const inode = volume.view.inode(ino);
    const at = `${path}/${name.toString('latin1')}`;
    if (inode === null) throw new Error(`${at} points to no inode`);
    lines.push(await line(volume, at, inode));
    if ((inode.mode & typeBits) === directory) await walk(volume, ino, at, lines);
  }
}

async function line(volume: MountedVolume, path: string, inode: Inode): Promise<string> {
  const { view } = volume;
  const fields: Record<string, string | number> = {
    ino: inode.ino,
    mode: inode.mode.toString(8),
    nlink: inode.nlink,
    uid: inode.uid,
    gid: inode.gid,
    rdev: inode.rdev,
    size: String(inode.size),
    allocated: inode.allocated,
    atime: time(inode.atime),
    mtime: time(inode.mtime),
    ctime: time(inode.ctime),
    btime: time(inode.btime),
  };
  const target = view.symlinkTarget(inode.ino);
  if (target !== null) fields['target'] = target.toString('latin1');
  for (const name of view.xattrNames(inode.ino)) fields[`x:${name.toString('latin1')}`] = view.xattr(inode.ino, name)?.toString('hex') ?? 'none';
  if ((inode.mode & typeBits) === regular)
    fields['sha256'] = createHash('sha256')
      .update(await shown(volume, inode))
      .digest('hex');
  return `${path} ${Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`;
}

function time({ sec, nsec }: Timespec): string {
  return `${sec}.${String(nsec).padStart(9, '0')}`;
}
