// The list of what no source could give: by path and byte range, never shortened.
import { add, fromPlain } from '../base/file-offset.js';
import type { LostRange } from '../recovery/contract.js';
import type { Output } from './output.js';

export function showLost(lost: readonly LostRange[], output: Output): void {
  if (lost.length === 0) return;
  const files = new Set(lost.map((range) => range.path)).size;
  output.line(`LOST: ${lost.length} ranges of ${files} files have no source left:`);
  for (const { path, offset, length } of lost) output.line(`  ${path}  bytes ${offset} to ${add(fromPlain(offset), length - 1)}`);
}
