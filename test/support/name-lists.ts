// Lists of names in columns, made of entries: what stands in for SQLite gives them as it does.
import type { NameList } from '../../src/skeleton/name-list.js';

export function nameListOf(entries: readonly { readonly name: Buffer; readonly ino: number; readonly cookie: number; readonly mode: number }[]): NameList {
  return {
    names: Buffer.concat(entries.flatMap(({ name }) => [name, Buffer.from('/')])),
    inos: entries.map(({ ino }) => ino),
    cookies: entries.map(({ cookie }) => cookie),
    types: entries.map(({ mode }) => mode & 0o170000),
  };
}
