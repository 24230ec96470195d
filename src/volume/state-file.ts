// Small things that are remembered from mount to mount in a file beside the live database, and that may be lost: one that is not there,
// damaged, or of another volume counts as none. Written at once, as the database is: some KiB, never synced.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { VolumeId } from '../base/ids.js';
import { crc32c } from '../native/checksum.js';

/** null: nothing is remembered. What it gives is what was saved with this version, as its checksum says. */
export function loadStateFile(path: string, volume: VolumeId, version: number): unknown {
  try {
    const [checksum = '', text = ''] = readFileSync(path, 'utf8').split('\n');
    if (checksum !== checksumOf(text)) return null;
    const saved = JSON.parse(text) as { readonly version: number; readonly volume: VolumeId }; // written below, as its checksum says
    return saved.version === version && saved.volume === volume ? saved : null;
  } catch {
    return null; // not there, not readable
  }
}

/** After a killed process the old or the new one is there. Not durable: a power loss may take it back. */
export function saveStateFile(path: string, volume: VolumeId, version: number, state: object): void {
  const text = JSON.stringify({ version, volume, ...state });
  writeFileSync(`${path}.new`, `${checksumOf(text)}\n${text}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function checksumOf(text: string): string {
  return crc32c(Buffer.from(text)).toString(16).padStart(8, '0');
}
