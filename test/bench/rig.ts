// The stage of a bench: xfs file systems on loop devices on RAM, and everything that takes them away again.
// Backing files are written once in full, so that no later write pays for memory that was never touched. One bench at a time;
// what an earlier one left behind (it was killed) is ended first.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { endLeftovers } from '../leftovers.js';

/** In memory: images of the disks, and what the workloads start from. */
export const memoryFolder = '/dev/shm/holdfast-bench';
export const stageFolder = join(tmpdir(), 'holdfast-bench');
export const mark = 'bench';
/** Where the images are when they are not in memory. */
let backingFolder: string | null = null;

export interface RamDisk {
  readonly name: string;
  readonly folder: string;
  readonly device: string;
}

/** What reached a set of disks, by the kernel's own counters. */
export interface DiskTraffic {
  readonly writtenBytes: number;
  readonly readBytes: number;
  readonly flushes: number;
}

export function openStage(): void {
  for (const folder of [memoryFolder, stageFolder]) {
    const owner = join(folder, 'pid');
    const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0;
    if (pid > 0 && existsSync(`/proc/${pid}`)) throw new Error(`another bench is running (pid ${pid})`);
  }
  closeStage();
  for (const folder of [memoryFolder, stageFolder]) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'pid'), String(process.pid));
  }
}

/** Ends every process, mount and loop device of the bench and removes its files. Synchronous: also for signal handlers. */
export function closeStage(): void {
  endLeftovers(mark, stageFolder);
  endLeftovers(mark, memoryFolder);
  endLoopDevices();
  // A file system that was unmounted lazily lets go a little after its last user died: then its loop device goes by itself.
  rmSync(stageFolder, { recursive: true, force: true });
  rmSync(memoryFolder, { recursive: true, force: true });
  if (backingFolder !== null) rmSync(backingFolder, { recursive: true, force: true });
}

/** Of a bench that was killed with its mount namespace the kernel does not know the whole path any longer, only its end. */
function endLoopDevices(): void {
  const ours = new RegExp(`^(/dev/loop\\d+) \\S*/${basename(memoryFolder)}/\\w+\\.img\\b`);
  for (const line of execFileSync('losetup', ['-n', '--raw', '-O', 'NAME,BACK-FILE', '-a'], { encoding: 'utf8' }).split('\n')) {
    const device = ours.exec(line)?.[1];
    if (device !== undefined) spawnSync('losetup', ['-d', device]);
  }
}

/** `backing`: where its image goes. Past the page cache where that is no memory, or the machine would hold every byte twice. */
export function addDisk(name: string, mebibytes: number, backing = memoryFolder): RamDisk {
  const inMemory = backing === memoryFolder;
  const image = inMemory ? join(memoryFolder, `${name}.img`) : join(backing, basename(memoryFolder), `${name}.img`);
  if (!inMemory) backingFolder = dirname(image);
  mkdirSync(dirname(image), { recursive: true });
  execFileSync('dd', ['if=/dev/zero', `of=${image}`, 'bs=4M', `count=${Math.ceil(mebibytes / 4)}`, 'status=none']);
  const device = execFileSync('losetup', ['--find', '--show', ...(inMemory ? [] : ['--direct-io=on']), image], { encoding: 'utf8' }).trim();
  const disk = { name, folder: join(stageFolder, name), device };
  mkdirSync(disk.folder);
  return disk;
}

/** An empty xfs, mounted. */
export function format(disk: RamDisk): void {
  wipe(disk);
  execFileSync('mkfs.xfs', ['-q', '-f', '-K', disk.device]);
  mount(disk);
}

/** Unmounted, and nobody takes it for a file system any longer. */
export function wipe(disk: RamDisk): void {
  unmount(disk.folder);
  execFileSync('wipefs', ['-aq', disk.device]);
}

export function mount(disk: RamDisk): void {
  execFileSync('mount', ['-t', 'xfs', '-o', 'noatime', disk.device, disk.folder]);
}

/** Caches go with it. Nothing happens where nothing is mounted. */
export function unmount(folder: string): void {
  for (let tries = 0; isMounted(folder); tries++) {
    const done = spawnSync('umount', [folder], { encoding: 'utf8' });
    if (done.status === 0) continue;
    if (tries >= 50) throw new Error(`${folder} cannot be unmounted: ${done.stderr}`);
    spawnSync('sleep', ['0.1']);
  }
}

export function isMounted(folder: string): boolean {
  return spawnSync('mountpoint', ['-q', folder]).status === 0;
}

export function remount(disks: readonly RamDisk[]): void {
  for (const disk of disks) {
    unmount(disk.folder);
    mount(disk);
  }
}

/** /sys/block/NAME/stat: sectors of 512 bytes read and written, flush requests (Documentation/block/stat.rst). */
export function traffic(disks: readonly RamDisk[]): DiskTraffic {
  let [readBytes, writtenBytes, flushes] = [0, 0, 0];
  for (const disk of disks) {
    const fields = readFileSync(`/sys/block/${basename(disk.device)}/stat`, 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    readBytes += 512 * (fields[2] ?? 0);
    writtenBytes += 512 * (fields[6] ?? 0);
    flushes += fields[15] ?? 0;
  }
  return { readBytes, writtenBytes, flushes };
}

export function trafficSince(disks: readonly RamDisk[], start: DiskTraffic): DiskTraffic {
  const now = traffic(disks);
  return { readBytes: now.readBytes - start.readBytes, writtenBytes: now.writtenBytes - start.writtenBytes, flushes: now.flushes - start.flushes };
}
