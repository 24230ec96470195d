// What one disk says of the journal before anything is chosen: its list of generations, and the header block of every journal file.
// A disk whose list is damaged still bears witness by those headers.
import { isErrorOf } from '../base/errors.js';
import type { GenerationId, VolumeId } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import { decodeFileHeader, fileHeaderBytes, journalFilePath, journalFolder, parseJournalFileName } from '../format/batch-file.js';
import type { Generation } from '../format/generation.js';
import type { SeenFile } from './chosen-files.js';
import { readOrFail } from './copy-reader.js';
import { loadGenerations } from './generations.js';
import type { DiskKnowledge } from './true-history.js';

export interface DiskLook {
  readonly disk: Disk;
  readonly knowledge: DiskKnowledge;
  readonly files: readonly SeenFile[];
}

/** Reads only. Throws 'invalid' (format-version) when a newer program wrote what is there. */
export async function lookAt(disk: Disk, volume: VolumeId): Promise<DiskLook> {
  const loaded = await loadGenerations(disk, volume);
  const seen = new Map<GenerationId, Generation>();
  const files: SeenFile[] = [];
  const block = Buffer.alloc(fileHeaderBytes);
  for (const name of await listNames(disk)) {
    const numbers = parseJournalFileName(name);
    if (numbers === null) continue;
    const read = await readOrFail(disk, journalFilePath(numbers.generationNumber, numbers.fileNumber), 0, block);
    const header = read ? decodeFileHeader(block) : null;
    const own = header?.volume === volume && header.generation.number === numbers.generationNumber ? header : null;
    files.push({ disk, name, header: own });
    if (own !== null) seen.set(own.generation.id, own.generation);
  }
  return { disk, knowledge: { disk, ...loaded, seen: [...seen.values()] }, files };
}

async function listNames(disk: Disk): Promise<readonly string[]> {
  try {
    return await disk.list(journalFolder);
  } catch (error) {
    if (isErrorOf(error, 'unavailable')) return [];
    throw error;
  }
}
