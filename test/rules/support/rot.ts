// Bits that rot in the files of a House, and the scrub that should find them.
import assert from 'node:assert/strict';
import type { MemoryDisk } from '../../../src/disk/memory-disk.js';
import type { ScrubReport, ScrubStatus } from '../../../src/volume/scrub-report.js';
import type { House } from './house.js';

export type ShardFile = readonly [MemoryDisk, string];

/** Files of every disk below a folder, in order of their names. */
export function files(house: House, folder: string): readonly ShardFile[] {
  return [...house.world.slots.values()]
    .flatMap((disk) => disk.paths().filter((path) => path.startsWith(folder)).map((path): ShardFile => [disk, path]))
    .sort((a, b) => (a[1] < b[1] ? -1 : 1));
}

export function flip([disk, path]: ShardFile, at: number): void {
  disk.tamper(path, (bytes) => {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    return damaged;
  });
}

export function sizeOf([disk, path]: ShardFile): number {
  let size = 0;
  disk.tamper(path, (bytes) => {
    size = bytes.length;
    return bytes;
  });
  return size;
}

export const scrub = (house: House): Promise<ScrubReport> => house.run(house.volume.scrub());
export const status = async (house: House): Promise<ScrubStatus> => (await house.run(house.volume.status())).scrub;

export async function assertClean(house: House): Promise<void> {
  const again = await scrub(house);
  assert.deepEqual([again.findings, again.lost, again.found], [[], [], 0], 'the second scrub finds nothing');
}

/** One sealed segment of so many bytes. */
export async function sealed(house: House, name = 'a', length = 60_000): Promise<Buffer> {
  const bytes = house.bytes(length);
  await house.write(name, bytes);
  await house.run(house.volume.core.pool.sealAll());
  await house.sync();
  return bytes;
}

export async function beats(house: House, count: number): Promise<void> {
  for (let beat = 0; beat < count; beat++) await house.pass(1_000);
}
