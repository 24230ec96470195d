// What the bench asks of its client process, and how small files are spread over folders: known to both.
import { join } from 'node:path';

export type Request =
  | { readonly work: 'prime'; readonly mebibytes: number }
  | { readonly work: 'write' | 'read'; readonly path: string; readonly mebibytes: number }
  | { readonly work: 'make-folders' | 'stat' | 'list' | 'read-small'; readonly folder: string; readonly files: number }
  /** Waits for a line on its input before it begins, says `ready` before that: several of these can begin at the same moment. */
  | { readonly work: 'create'; readonly folder: string; readonly files: number; readonly part: number; readonly parts: number }
  | { readonly work: 'delete'; readonly folder: string; readonly files: number; readonly below: readonly string[] }
  /** With one fsync at the end. */
  | { readonly work: 'write-pieces'; readonly path: string; readonly pieces: number; readonly pieceBytes: number }
  | { readonly work: 'append'; readonly path: string; readonly times: number }
  | { readonly work: 'transactions'; readonly path: string; readonly journal: 'WAL' | 'DELETE'; readonly times: number; readonly secondsMax: number }
  /** One operation every few milliseconds for a while; answers with pairs: when it began (ms of the monotonic clock), how long it took (ms). */
  | { readonly work: 'sample-stats'; readonly folder: string; readonly files: number; readonly seconds: number }
  | { readonly work: 'sample-fsyncs'; readonly path: string; readonly seconds: number }
  /** The rest answer with the seconds of each of `slices` equal parts. */
  | { readonly work: 'write-slices'; readonly path: string; readonly mebibytes: number; readonly slices: number }
  | { readonly work: 'fill-folder' | 'empty-folder'; readonly folder: string; readonly files: number; readonly slices: number }
  | { readonly work: 'scatter'; readonly path: string; readonly fileBytes: number; readonly times: number; readonly slices: number }
  | { readonly work: 'make-tree'; readonly folder: string; readonly files: number; readonly slices: number }
  | { readonly work: 'check-database'; readonly path: string; readonly rows: number };

const folders = 100;

/** Paths of `files` files, folder by folder. */
export function spread(folder: string, files: number): readonly string[] {
  return Array.from({ length: files }, (_, number) => {
    const at = Math.floor((number * folders) / files);
    return join(folder, `d${String(at).padStart(2, '0')}`, `f${String(number).padStart(6, '0')}`);
  });
}
