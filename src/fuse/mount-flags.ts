// Words of mount(8) and the number that mount(2) wants for them. Access times are the server's work with FUSE: of their words only
// what mount tables show is the kernel's.
import { HoldfastError } from '../base/errors.js';

// sys/mount.h
const mountFlags: Readonly<Record<string, { readonly set: number; readonly clear: number }>> = {
  ro: { set: 1, clear: 0 },
  rw: { set: 0, clear: 1 },
  nosuid: { set: 2, clear: 0 },
  suid: { set: 0, clear: 2 },
  nodev: { set: 4, clear: 0 },
  dev: { set: 0, clear: 4 },
  noexec: { set: 8, clear: 0 },
  exec: { set: 0, clear: 8 },
  sync: { set: 16, clear: 0 },
  async: { set: 0, clear: 16 },
  dirsync: { set: 128, clear: 0 },
  nosymfollow: { set: 256, clear: 0 },
  symfollow: { set: 0, clear: 256 },
  noatime: { set: 1024, clear: (1 << 21) | (1 << 24) },
  atime: { set: 0, clear: 1024 },
  relatime: { set: 1 << 21, clear: 1024 | (1 << 24) },
  strictatime: { set: 1 << 24, clear: 1024 | (1 << 21) },
  nodiratime: { set: 2048, clear: 0 },
  diratime: { set: 0, clear: 2048 },
};
const nosuidNodev = 2 | 4;

export const knownFlags: readonly string[] = Object.keys(mountFlags);

/** The number for mount(2); of words that contradict each other the last holds. Throws 'invalid' (mount-option-unknown). */
export function flagsOf(words: readonly string[]): number {
  let flags = nosuidNodev;
  for (const word of words) {
    const flag = mountFlags[word];
    if (flag === undefined) throw new HoldfastError('invalid', `unknown mount option '${word}'`, { code: 'mount-option-unknown', hint: `Known are ${knownFlags.join(', ')}.` });
    flags = (flags & ~flag.clear) | flag.set;
  }
  return flags;
}
