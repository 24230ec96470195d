// What is measured: a file system made anew over the disks of the stage, made cold, and taken away. One target is up at a time, all use
// the same disks. A native disk, each peer (peers/) and Holdfast are such targets.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type RamDisk, stageFolder } from './rig.js';

export interface Target {
  readonly name: string;
  /** What it is, in a few words, for the head of a table. */
  readonly about: string;
  /** Debian packages that it needs. */
  readonly packages: readonly string[];
  /** What it cannot run without here, or null. */
  readonly lacks: () => string | null;
  /** Where files go. */
  readonly folder: string;
  readonly disks: readonly RamDisk[];
  /** A further disk with what can be made again from the others: what it reads counts, what is written to it does not. */
  readonly cacheDisk?: RamDisk;
  /** File systems below that a durable end has to sync by name. */
  readonly below: readonly string[];
  /** Up, and empty. */
  fresh(): Promise<void>;
  /** Its caches and those of everything below it are empty. */
  cold(): Promise<void>;
  /** Nothing of it runs or is mounted any longer. May be called at any time. */
  down(): Promise<void>;
  /** Runs `section` cold while one disk is not there; of use for nothing but `down` afterwards. */
  withoutOneDisk?(section: () => Promise<void>): Promise<void>;
}

export function mountFolder(name: string): string {
  return join(stageFolder, `mnt-${name}`);
}

/** The first of the programs that is not on the PATH, or null. */
export function missingProgram(...programs: readonly string[]): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return programs.find((program) => !folders.some((folder) => isExecutable(join(folder, program)))) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, secondsMax = 30): Promise<void> {
  const deadline = performance.now() + 1000 * secondsMax;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${secondsMax} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
