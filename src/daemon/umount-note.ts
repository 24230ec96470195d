// Makes plain `umount MOUNTPOINT` run our helper. umount(8) asks statfs(2) for the type of a mount that has no line in
// /run/mount/utab, is told "fuse", and would look for umount.fuse; with a line it asks the mount table and finds umount.fuse.holdfast.
// Lines of mounts that ended in another way stay until the next boot, one a mount point, and do no harm.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Logger } from '../base/logger.js';
import { filesystemType, unescapeOctal } from './mount-point.js';

const utab = '/run/mount/utab';

/** Never rejects: without the line umount(8) does not wait for the close, and all else is as it should be. */
export async function noteForUmount(source: string, point: string, logger: Logger): Promise<void> {
  // Users' own mounts are found in the mount table anyway, and the file is root's.
  if (process.geteuid?.() !== 0 || hasLine(point)) return;
  // mount(8) itself writes the line: "fake" leaves out the system call only. It may look at the mount, so it must not be waited for in this turn.
  const words = ['--fake', '--internal-only', '--no-canonicalize', '-t', filesystemType, '-o', 'uhelper=holdfast', source, point];
  await new Promise<void>((resolve) => {
    execFile('mount', words, { cwd: '/', timeout: 10_000, env: { PATH: '/usr/local/bin:/usr/bin:/bin' } }, (error, _stdout, stderr) => {
      if (error !== null) logger.info({ error: stderr.trim() || error.message }, 'umount(8) could not be told of the mount; it will not wait for the close');
      resolve();
    });
  });
}

function hasLine(point: string): boolean {
  try {
    return readFileSync(utab, 'utf8')
      .split('\n')
      .some((line) => unescapeOctal(/(?:^| )TARGET=(\S*)/.exec(line)?.[1] ?? '') === point);
  } catch {
    // No such file yet.
    return false;
  }
}
