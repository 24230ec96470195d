// May this process open as many files as the volume may want at once? Asked before it is opened: in the middle of serving, a limit that
// is reached (EMFILE) would look like all disks failing at the same moment.
import { readFileSync } from 'node:fs';
import { HoldfastError } from '../base/errors.js';
import { descriptorsOther, descriptorsPerDisk } from '../base/limits.js';

/** Throws 'invalid' (open-files-limit). */
export function checkDescriptors(disks: number, limit: number): void {
  const wanted = disks * descriptorsPerDisk + descriptorsOther;
  if (limit >= wanted) return;
  throw new HoldfastError('invalid', `this process may open ${limit} files at once, and ${disks} disks want up to ${wanted}`, {
    code: 'open-files-limit',
    hint: `raise the hard limit: ulimit -Hn ${wanted} in the shell, LimitNOFILE=${wanted} in a systemd unit, or /etc/security/limits.conf`,
    context: { limit, wanted },
  });
}

/** The hard one: Node raises the soft one to it when it starts. */
export function descriptorLimit(): number {
  const found = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return found === undefined || found === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found);
}
