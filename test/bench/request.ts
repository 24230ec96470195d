// What the bench asks of its client process, and how small files are spread over folders: known to both.
import { join } from 'node:path';

export type Request =
  | { readonly work: 'prime'; readonly mebibytes: number }
  | { readonly work: 'write' | 'read'; readonly path: string; readonly mebibytes: number }
  | { readonly work: 'create' | 'stat' | 'list' | 'read-small' | 'delete'; readonly folder: string; readonly files: number }
  | { readonly work: 'append'; readonly path: string; readonly times: number };

const folders = 50;

/** Paths of `files` files, folder by folder. */
export function spread(folder: string, files: number): readonly string[] {
  return Array.from({ length: files }, (_, number) => {
    const at = Math.floor((number * folders) / files);
    return join(folder, `d${String(at).padStart(2, '0')}`, `f${String(number).padStart(6, '0')}`);
  });
}
