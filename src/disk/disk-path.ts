// The form of paths on a disk, checked before anything is done with them. A violation is a bug of the caller.
import { assert } from '../base/assert.js';

/** Ends the name under which the next content of a replaced file is written. Never listed, never asked for. */
export const replacingSuffix = '.replacing';

/** "a/b/c": no empty, "." or ".." components, no leading or trailing '/', no NUL. */
export function checkFilePath(path: string): void {
  assert(path !== '', 'a path names a file');
  checkDirectoryPath(path);
  assert(!path.endsWith(replacingSuffix), `paths do not end in ${replacingSuffix}`);
}

/** Like a file's, or '' for the disk's root. */
export function checkDirectoryPath(path: string): void {
  if (path === '') return;
  const fine = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  assert(fine && !path.includes('\0'), `not a path on a disk: ${JSON.stringify(path)}`);
}

/** Directories above a path, outermost first: "a/b/c" gives "a", "a/b". */
export function parentsOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
