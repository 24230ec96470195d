// The durable end that every timed change includes: fsync of the folder, then everything dirty of its file system and of the ones below
// it, which are named because the kernel hands no syncfs on to FUSE.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fsyncSync, openSync } from 'node:fs';

export function syncAll(folder: string, below: readonly string[]): void {
  const directory = openSync(folder, constants.O_RDONLY);
  fsyncSync(directory);
  closeSync(directory);
  syncFileSystems([folder, ...below]);
}

export function syncFileSystems(folders: readonly string[]): void {
  const done = spawnSync('sync', ['-f', ...folders]);
  if (done.status !== 0) throw new Error(`sync -f ${folders.join(' ')}: ${String(done.stderr)}`);
}
