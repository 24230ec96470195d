// Puts a new disk's path in the place of an old one in a configuration file, and changes nothing else in it.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { HoldfastError } from '../base/errors.js';
import { parseSettings } from './settings-file.js';

/** Atomic and durable. 'conflict' (config-by-hand) when the path is not written there in a way that can be replaced: nothing is changed then. */
export function replaceDiskInFile(path: string, oldDisk: string, newDisk: string): void {
  const before = readFileSync(path, 'utf8');
  // As it is written: double quotes (TOML's escapes are JSON's), single quotes, with or without a slash at the end.
  const written = [JSON.stringify(oldDisk), JSON.stringify(`${oldDisk}/`), `'${oldDisk}'`, `'${oldDisk}/'`];
  const after = written.reduce((text, form) => text.replaceAll(form, () => JSON.stringify(newDisk)), before);
  const wanted = parseSettings(before, path).disks.map((disk) => (disk.path === oldDisk ? newDisk : disk.path));
  const got = parseSettings(after, path).disks.map((disk) => disk.path);
  if (JSON.stringify(wanted) !== JSON.stringify(got)) {
    throw new HoldfastError('conflict', `${path} still names the disk ${oldDisk}`, { code: 'config-by-hand', hint: `write ${newDisk} in its place by hand`, context: { path, disk: oldDisk } });
  }
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o644);
  try {
    writeSync(file, after);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
