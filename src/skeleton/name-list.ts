// A part of a directory's list in four columns, as one row of SQLite gives it: an object a name would cost three times the list itself.
import { asIno } from '../base/ids.js';
import type { DirectoryEntry } from './contract.js';

export interface NameList {
  /** All names, each followed by '/': no name has one in it. */
  readonly names: Buffer;
  /** One entry a name, in the same order. */
  readonly inos: readonly number[];
  /** Ascending. */
  readonly cookies: readonly number[];
  /** File type bits alone. */
  readonly types: readonly number[];
}

export const slash = 0x2f;

export function entriesOf({ names, inos, cookies, types }: NameList): readonly DirectoryEntry[] {
  let start = 0;
  return inos.map((ino, index) => {
    const end = names.indexOf(slash, start);
    const name = names.subarray(start, end);
    start = end + 1;
    return { name, ino: asIno(ino), mode: types[index] ?? 0, cookie: cookies[index] ?? 0 };
  });
}
