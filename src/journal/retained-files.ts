// Files of older generations as release() needs them: how far each goes, what payload it holds, and how to remove it.
import type { Lsn, SegmentNumber } from '../base/ids.js';
import { asLsn } from '../base/ids.js';
import { decodePayloadIndex } from '../format/batch.js';
import { journalFilePath } from '../format/batch-file.js';
import type { ChosenGeneration, FileListing } from './chosen-files.js';
import { counts } from './chosen-files.js';
import type { RetainedFile } from './contract.js';
import type { JournalFileCopies } from './file-copies.js';

/** All files on the present disks, oldest first. Those of void histories hold nothing and end where the chosen history does. */
export async function retainedFiles(history: readonly ChosenGeneration[], listing: FileListing, end: Lsn): Promise<readonly RetainedFile[]> {
  const retained: RetainedFile[] = [];
  for (const number of [...listing.keys()].sort((a, b) => a - b)) {
    const chosen = history.find((candidate) => candidate.generation.number === number);
    if (chosen === undefined) {
      for (const [fileNumber, disks] of listing.get(number) ?? []) {
        const path = journalFilePath(number, fileNumber);
        retained.push({ path, lastLsn: end, bytes: 0, segments: async () => [], remove: removal(disks, path) });
      }
      continue;
    }
    for (const [index, file] of chosen.files.entries()) retained.push(await chosenFile(chosen, file, chosen.files[index + 1], end));
  }
  return retained;
}

async function chosenFile(chosen: ChosenGeneration, file: JournalFileCopies, next: JournalFileCopies | undefined, end: Lsn): Promise<RetainedFile> {
  const nextHeader = (await next?.header()) ?? null;
  const last = Math.min(chosen.end, end);
  return {
    path: file.path,
    lastLsn: asLsn(nextHeader === null ? last : Math.min(last, nextHeader.firstLsn - 1)),
    bytes: (await file.header())?.fileBytes ?? 0,
    segments: async () => {
      const segments = new Set<SegmentNumber>();
      for (const batch of (await file.scan(false)).batches) {
        if (batch.header.payloadCount === 0 || !counts(chosen, batch)) continue;
        const front = await file.readFront(batch);
        if (front === null) continue;
        for (const place of decodePayloadIndex(batch.header, front.subarray(batch.header.recordsBytes))) segments.add(place.segment);
      }
      return [...segments];
    },
    remove: removal(file.disks, file.path),
  };
}

/** A disk that fails here keeps its copy: the next mount lists it again. */
function removal(disks: Iterable<{ remove(path: string): Promise<void> }>, path: string): () => Promise<void> {
  return async () => {
    await Promise.allSettled([...disks].map((disk) => disk.remove(path)));
  };
}
