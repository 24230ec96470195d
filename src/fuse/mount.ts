// Mounting, remounting and unmounting: mount(2) and umount2(2) as root, fusermount3 otherwise. Gives and takes the device only;
// what is said through it is not this file's business. Everything that may block runs on threads or in a child.
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { HoldfastError } from '../base/errors.js';
import { requestBytesMax } from '../base/limits.js';
import { mountDevice, receiveDevice, remountDevice, socketPair, unmountDevice } from '../native/channel.js';
import { flagsOf } from './mount-flags.js';

export interface MountOptions {
  /** Absolute path of an existing directory. */
  readonly mountPoint: string;
  /** Volume name: the source column of mount(8) shows `holdfast:NAME`. */
  readonly name: string;
  /** Processes of other users may enter. fusermount3 needs user_allow_other in /etc/fuse.conf for it. */
  readonly allowOther: boolean;
  /** Words of mount(8): ro, suid, dev, noexec, noatime, ... nosuid and nodev hold unless suid or dev is given. */
  readonly flags: readonly string[];
}

export const mountType = 'fuse.holdfast';

const forceFlag = 1;
const detachFlag = 2;

/** Gives the device of the new mount. */
export async function mount(options: MountOptions): Promise<number> {
  const flags = flagsOf(options.flags);
  const common = `default_permissions,max_read=${requestBytesMax}${options.allowOther ? ',allow_other' : ''}`;
  if (!isRoot()) return mountByHelper(options, common);
  const device = await mountDevice(options.mountPoint, `holdfast:${options.name}`, mountType, flags, `rootmode=40000,user_id=0,group_id=0,${common}`);
  if (device >= 0) return device;
  throw new HoldfastError('unavailable', `cannot mount on ${options.mountPoint}: ${getSystemErrorName(device)}`, {
    code: 'mount-refused',
    hint: 'Check that /dev/fuse exists (modprobe fuse) and that this process may mount (CAP_SYS_ADMIN; in a container also --device /dev/fuse).',
  });
}

/** Ends the mount. Without `lazy`, 'conflict' (mount-busy) while files in it are open. */
export async function unmount(mountPoint: string, options: { readonly lazy: boolean }): Promise<void> {
  if (!isRoot()) {
    const { status, errors } = await runHelper([options.lazy ? '-uz' : '-u', '--', mountPoint]);
    if (status === 0) return;
    throw /busy/i.test(errors) ? busy(mountPoint) : helperFailed(`cannot unmount ${mountPoint}`, errors);
  }
  const errno = await unmountDevice(mountPoint, options.lazy ? detachFlag : 0);
  if (errno === 0) return;
  const name = getSystemErrorName(-errno);
  if (name === 'EBUSY') throw busy(mountPoint);
  throw new HoldfastError(name === 'EINVAL' ? 'missing' : 'unavailable', `cannot unmount ${mountPoint}: ${name === 'EINVAL' ? 'nothing is mounted there' : name}`, {
    code: 'unmount-refused',
  });
}

/**
 * Gives a mount other flags: all of them, as mount(2) wants it. The kernel alone decides and tells the server nothing.
 * 'conflict' (mount-busy) while files are open for writing and `ro` is asked for. Root only: fusermount3 cannot do it.
 */
export async function remount(mountPoint: string, flags: readonly string[]): Promise<void> {
  const number = flagsOf(flags);
  if (!isRoot()) {
    throw new HoldfastError('unavailable', `cannot change the mount at ${mountPoint}: only root can`, { code: 'remount-refused', hint: 'Unmount it and mount it again with the other options.' });
  }
  const errno = await remountDevice(mountPoint, number);
  if (errno === 0) return;
  const name = getSystemErrorName(-errno);
  if (name === 'EBUSY') {
    throw new HoldfastError('conflict', `${mountPoint} cannot be made read-only: files are open for writing`, { code: 'mount-busy', hint: `See who uses it with \`fuser -vm ${mountPoint}\` (F: open for writing).` });
  }
  throw new HoldfastError('unavailable', `cannot change the mount at ${mountPoint}: ${name}`, { code: 'remount-refused' });
}

/** Cuts the connection and, when nobody is in it, ends the mount. Root only. Gives 0 or an errno. */
export async function forceUnmount(mountPoint: string): Promise<number> {
  const errno = await unmountDevice(mountPoint, forceFlag);
  return errno === constants.errno.EBUSY ? 0 : errno;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** fusermount3 opens the device, mounts it and sends it through the socket named by _FUSE_COMMFD. */
async function mountByHelper(options: MountOptions, common: string): Promise<number> {
  const [ours, theirs] = socketPair();
  // fusermount3 does not know strictatime; with FUSE the word is only for the table that mount(8) shows.
  const words = [`fsname=holdfast:${options.name.replaceAll(',', '\\,')}`, 'subtype=holdfast', common, ...options.flags.filter((word) => word !== 'strictatime')];
  const { status, errors } = await runHelper(['-o', words.join(','), '--', options.mountPoint], theirs);
  closeSync(theirs);
  const device = receiveDevice(ours);
  if (device >= 0) return device;
  throw helperFailed(`cannot mount on ${options.mountPoint}`, errors || `fusermount3 ended with ${status} and sent no device`);
}

function runHelper(args: readonly string[], socket?: number): Promise<{ readonly status: number | null; readonly errors: string }> {
  return new Promise((settle, fail) => {
    const child = spawn('fusermount3', args, {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...(socket === undefined ? {} : { _FUSE_COMMFD: '3' }) },
      stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])],
    });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(0, 4096);
    });
    child.on('error', (error) => {
      fail(new HoldfastError('unavailable', `cannot run fusermount3: ${error.message}`, { code: 'fusermount-missing', hint: 'Install the package fuse3.', cause: error }));
    });
    child.on('close', (status) => settle({ status, errors: errors.trim() }));
  });
}

function helperFailed(what: string, errors: string): HoldfastError {
  return new HoldfastError('unavailable', `${what}: ${errors}`, { code: 'fusermount-refused' });
}

function busy(mountPoint: string): HoldfastError {
  return new HoldfastError('conflict', `${mountPoint} is in use`, {
    code: 'mount-busy',
    hint: `See who uses it with \`fuser -vm ${mountPoint}\`; a lazy unmount detaches it now and ends when the last file is closed.`,
  });
}
