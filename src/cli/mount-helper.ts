// /sbin/mount.holdfast, run by mount(8) for `mount -t holdfast NAME DIR` and lines of /etc/fstab, and again for `mount -o remount`.
// As with every other filesystem in fstab, what root mounts is for all users (permissions decide) and honours setuid and device
// nodes, unless the options say otherwise. What a user mounts goes by fusermount3's rules.
import { resolve } from 'node:path';
import { HoldfastError } from '../base/errors.js';
import { holdfastMountAt, livenessOf } from '../daemon/mount-point.js';
import { isKnownOption } from '../daemon/mount-options.js';
import { reachDaemon, referenceOf, runHelper } from './helper.js';
import { type MountWords, mountWords } from './helper-words.js';
import { mountInBackground, planMount } from './mounting.js';
import type { Output } from './output.js';

const likeAnyFilesystem = ['suid', 'dev', 'allow_other'];

async function mount(args: readonly string[], output: Output): Promise<void> {
  const words = mountWords(args);
  const given = words.sloppy ? words.options.filter(isKnownOption) : words.options;
  const options = process.geteuid?.() === 0 ? [...likeAnyFilesystem, ...given] : given;
  if (words.options.includes('remount')) return remount(words, options);
  if (alreadyThere(words)) return output.warning(`${words.point}: ${words.spec} is mounted there already`);
  const plan = planMount(referenceOf(words.spec), words.point, { options, readOnly: false }, false);
  if (words.fake) return;
  if (plan.limits !== null) output.warning(plan.limits);
  const { pid, mountPoint } = await mountInBackground(plan);
  if (words.verbose) output.line(`holdfast: ${plan.settings.name} is mounted at ${mountPoint} (pid ${pid})`);
}

/** `mount -a` compares sources as they are written, and may ask for what is there. A dead mount is not there. */
function alreadyThere({ spec, point }: MountWords): boolean {
  const entry = holdfastMountAt(resolve(point));
  return entry !== null && referenceOf(entry.source) === referenceOf(spec) && livenessOf(entry.point) === 'alive';
}

async function remount({ point, fake }: MountWords, options: readonly string[]): Promise<void> {
  const entry = holdfastMountAt(resolve(point));
  if (entry === null) throw new HoldfastError('missing', `no Holdfast volume is mounted at ${point}`, { code: 'not-mounted' });
  const daemon = await reachDaemon(entry);
  if (daemon === null) throw new HoldfastError('unavailable', `the daemon of ${point} cannot be reached`, { code: 'daemon-gone', hint: `umount ${point}, then mount it again` });
  try {
    if (daemon.mountPoint !== entry.point || !daemon.sameNamespace) {
      throw new HoldfastError('invalid', `${point} is not where the volume is mounted, but another view of ${daemon.mountPoint}`, { code: 'not-the-mount', hint: `mount -o bind,remount,... ${point} changes this view alone` });
    }
    if (!fake) await daemon.client.call('remount', { options });
  } finally {
    daemon.client.close();
  }
}

await runHelper(mount);
