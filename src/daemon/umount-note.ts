// Makes plain `umount MOUNTPOINT` run our helper. umount(8) asks statfs(2) for the type of a mount that has no line in
// /run/mount/utab, is told "fuse", and would look for umount.fuse; with a line it asks the mount table and finds umount.fuse.holdfast.
// The daemon takes its line away when it ends; that of a killed one serves the next mount at the same place, or goes with the next boot.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { filesystemType, unescapeOctal } from './mount-point.js';

const utab = '/run/mount/utab';
const ourOption = 'uhelper=holdfast';

/** Never rejects: without the line umount(8) does not wait for the close, and all else is as it should be. */
export async function noteForUmount(source: string, point: string, logger: Logger): Promise<void> {
  // Users' own mounts are found in the mount table anyway, and the file is root's.
  if (process.geteuid?.() !== 0 || linesOf(point).length > 0) return;
  // mount(8) itself writes the line: "fake" leaves out the system call only. It may look at the mount, so it must not be waited for in this turn.
  const words = ['--fake', '--internal-only', '--no-canonicalize', '-t', filesystemType, '-o', ourOption, source, point];
  const failure = await run('mount', words);
  if (failure !== null) logger.info({ error: failure }, 'umount(8) could not be told of the mount; it will not wait for the close');
}

/** After the mount has ended. Never rejects: a line too many does no harm. Under mount(8)'s own lock, and in one step, as it does it itself. */
export async function forgetNote(point: string, logger: Logger): Promise<void> {
  const [line] = linesOf(point).filter((each) => each.endsWith(` OPTS=${ourOption}`));
  if (process.geteuid?.() !== 0 || line === undefined) return;
  const script = 'new="$2.holdfast-$$" && { grep -vxF -e "$1" "$2" >"$new" || [ $? -eq 1 ]; } && chmod 644 "$new" && mv "$new" "$2"';
  const failure = await run('flock', ['--timeout', '5', `${utab}.lock`, 'sh', '-c', script, 'sh', line, utab]);
  if (failure !== null) logger.info({ error: failure }, 'the line of this mount stays in /run/mount/utab');
}

/** What went wrong, or null. */
function run(command: string, words: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(command, words, { cwd: '/', timeout: 10_000, env: { PATH: '/usr/local/bin:/usr/bin:/bin' } }, (error, _stdout, stderr) => {
      resolve(error === null ? null : stderr.trim() || messageOf(error));
    });
  });
}

function linesOf(point: string): readonly string[] {
  try {
    return readFileSync(utab, 'utf8')
      .split('\n')
      .filter((line) => unescapeOctal(/(?:^| )TARGET=(\S*)/.exec(line)?.[1] ?? '') === point);
  } catch {
    // No such file yet.
    return [];
  }
}
