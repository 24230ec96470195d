// Which names a directory takes: 1 to 255 bytes, any but '/' and NUL, not '.' and not '..'.
import { nameBytesMax } from '../base/limits.js';
import { EEXIST, EINVAL, ENAMETOOLONG, ENOENT, fail } from './errno.js';

const DOT = 0x2e;
const SLASH = 0x2f;

/** '.' gives 1, '..' gives 2, everything else 0. */
export function dots(name: Buffer): 0 | 1 | 2 {
  if (name.length > 2 || name[0] !== DOT) return 0;
  if (name.length === 1) return 1;
  return name[1] === DOT ? 2 : 0;
}

/** For names that are looked for. */
export function checkName(name: Buffer): void {
  if (name.length > nameBytesMax) fail(ENAMETOOLONG);
  if (name.length === 0) fail(ENOENT);
}

/** For names that are about to exist. */
export function checkNewName(name: Buffer): void {
  checkName(name);
  if (dots(name) !== 0) fail(EEXIST);
  if (name.includes(SLASH) || name.includes(0)) fail(EINVAL);
}
