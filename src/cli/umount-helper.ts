// /sbin/umount.fuse.holdfast (and umount.holdfast), run by umount(8): returns when everything is durable and the volume is closed.
//   plain   waits for the close; busy is an error (with -r the mount becomes read-only instead)
//   -l      the name goes at once; who has files open keeps them, and the volume is closed when the last one is
//   -f      whoever is inside is cut off
// Where the daemon cannot be asked (dead, unknown, another namespace, a bind mount of the volume) the kernel alone unmounts.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import { holdfastMountAt, type MountEntry } from '../daemon/mount-point.js';
import { type ReachedDaemon, reachDaemon, runHelper } from './helper.js';
import { type UmountWords, umountWords } from './helper-words.js';
import type { Output } from './output.js';

async function umount(args: readonly string[], output: Output): Promise<void> {
  const words = umountWords(args);
  const entry = holdfastMountAt(resolve(words.point));
  if (entry === null) throw new HoldfastError('missing', `no Holdfast volume is mounted at ${words.point}`, { code: 'not-mounted' });
  const daemon = await daemonOf(entry, words);
  if (daemon === null) return byKernel(entry, words);
  try {
    if (daemon.mountPoint !== entry.point || !daemon.sameNamespace) return byKernel(entry, words);
    await byDaemon(daemon, entry, words, output);
  } finally {
    daemon.client.close();
  }
}

/** With -f a daemon that hangs is no obstacle. */
async function daemonOf(entry: MountEntry, { force }: UmountWords): Promise<ReachedDaemon | null> {
  try {
    return await reachDaemon(entry);
  } catch (error) {
    if (force && error instanceof HoldfastError && error.code === 'daemon-hung') return null;
    throw error;
  }
}

async function byDaemon({ client }: ReachedDaemon, entry: MountEntry, words: UmountWords, output: Output): Promise<void> {
  if (words.lazy && !words.force) {
    const { ended } = (await client.call('detach')) as { readonly ended: boolean }; // our own daemon's answer
    if (!ended && words.verbose) output.line(`holdfast: ${entry.point} is detached; the volume is closed when the last open file is`);
    return;
  }
  try {
    await client.call('stop', { lazy: words.force });
  } catch (error) {
    // As with any filesystem: here it is gone.
    if (error instanceof HoldfastError && error.code === 'mount-elsewhere') {
      output.warning(`${error.message}. ${error.hint ?? ''}`.trim());
      return;
    }
    if (!words.readOnlyInstead || !isErrorOf(error, 'conflict')) throw error;
    await client.call('remount', { options: ['ro', ...optionsOf(entry)] });
    output.warning(`${entry.point} is in use; it is read-only now`);
    return;
  }
  if (words.verbose) output.line(`holdfast: ${entry.point} is unmounted; everything is durable`);
}

/** Those of the kernel's table but for ro and rw. */
function optionsOf({ options }: MountEntry): readonly string[] {
  return ['suid', 'dev', ...options.split(',').filter((option) => option !== 'rw' && option !== 'ro')];
}

/** What is answered is durable within the commit interval all the same: the daemon sees the end and closes by itself. */
function byKernel({ point }: MountEntry, { lazy, force }: UmountWords): void {
  const flags = [...(lazy ? ['-l'] : []), ...(force ? ['-f'] : [])];
  const [command, ...words] = process.geteuid?.() === 0 ? ['umount', '-i', '-c', ...flags, point] : ['fusermount3', '-u', ...(lazy || force ? ['-z'] : []), '--', point];
  const { status, stderr } = spawnSync(command, words, { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' });
  if (status !== 0) throw new HoldfastError('unavailable', stderr.trim() || `${command} could not be run`, { code: 'unmount-refused' });
}

await runHelper(umount);
