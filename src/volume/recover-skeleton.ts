// Gets the skeleton back after any end of the last life (rule 6): the live database when boot, generation and batch link match,
// else the newest image on the disks that lies on the chosen history, else the backup's; then replays the journal.
// What comes out is a prefix of the operations that contains every fsynced one.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Backup } from '../backup/backup.js';
import type { ImageChain, ImageReference } from '../backup/contract.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { asLsn, type Lsn, type VolumeId } from '../base/ids.js';
import { rowsPerTurnMax } from '../base/limits.js';
import type { RecoveredJournal } from '../journal/contract.js';
import type { Skeleton } from '../skeleton/contract.js';
import { openSkeleton } from '../skeleton/skeleton.js';
import type { LocalImage, LocalImages } from './local-images.js';
import type { VolumePorts } from './ports.js';

export interface RecoverRequest {
  readonly volume: VolumeId;
  readonly path: string;
  /** May the live database at `path` be opened as it is? */
  readonly vouched: () => Promise<boolean>;
  readonly recordDeltas: boolean;
  readonly journal: RecoveredJournal;
  readonly localImages: LocalImages;
  readonly backup: Backup | null;
  readonly ports: VolumePorts;
}

export interface RecoveredSkeleton {
  readonly skeleton: Skeleton;
  /** Where it came from, for the log: `live database`, `image at LSN 42 on /disk`. */
  readonly source: string;
  /** Where a later recovery might begin, ascending; the journal is surely whole from the last one on. */
  readonly startingPoints: readonly Lsn[];
  /** The last life did not end by a close. */
  readonly unclean: boolean;
}

export async function recoverSkeleton(request: RecoverRequest): Promise<RecoveredSkeleton> {
  const { ports, journal } = request;
  const images = await usableImages(request);
  const live = await trustedLive(request);
  const { skeleton, source } = live ?? (await fromImage(request, images));
  const replayedFrom = skeleton.appliedLsn;
  let rows = 0;
  for await (const batch of journal.batches(replayedFrom)) {
    let lsn: number = batch.firstLsn;
    for (const record of batch.records) {
      if (lsn > skeleton.appliedLsn) skeleton.apply(asLsn(lsn), record);
      lsn++;
      if (++rows % rowsPerTurnMax === 0) await ports.clock.turn();
    }
  }
  if (skeleton.appliedLsn !== journal.end.lsn) {
    throw new HoldfastError('corrupt', `replay ended at LSN ${skeleton.appliedLsn}, the journal at ${journal.end.lsn}`, { code: 'replay-gap' });
  }
  ports.logger.info({ source, from: replayedFrom, to: journal.end.lsn }, 'skeleton recovered');
  // A later recovery may begin at any of these; the oldest from which the journal is whole is what it will find.
  const startingPoints = [...new Set([replayedFrom, ...images.map(({ image }) => image.lsn)])].filter((lsn) => lsn <= replayedFrom).sort((a, b) => a - b);
  return { skeleton, source, startingPoints, unclean: live === null || replayedFrom !== journal.end.lsn };
}

/** Images on the disks that lie on the chosen history, newest first. */
async function usableImages(request: RecoverRequest): Promise<readonly LocalImage[]> {
  const usable: LocalImage[] = [];
  const images = await request.localImages.find();
  // An image is made of durable records only: a history of its own generation that ends before it has lost some (rule 1).
  request.journal.requireDurable(images.map(({ image, on }) => ({ generation: { id: image.generation }, lsn: image.lsn, source: `a skeleton image on ${on}` })));
  for (const found of images) {
    const { generation, lsn, link } = found.image;
    if (await request.journal.contains({ generation, lsn, link })) usable.push(found);
  }
  return usable;
}

/** The database of the last life, if it can be believed; else null and the file is gone. */
async function trustedLive(request: RecoverRequest): Promise<{ skeleton: Skeleton; source: string } | null> {
  const { path, ports, journal, volume, recordDeltas } = request;
  let opened: Skeleton | null = null;
  let reason: string;
  try {
    if (!(await request.vouched())) throw new HoldfastError('corrupt', `${path} is damaged`, { code: 'skeleton-unreadable' });
    const skeleton = openSkeleton(path, { volume, recordDeltas });
    opened = skeleton;
    const point = skeleton.commitPoint();
    if (point === null) reason = 'it was never committed';
    else if (point.bootId !== ports.bootId) reason = 'the machine was restarted since';
    else if (!(await journal.contains({ generation: point.generation, lsn: point.appliedLsn, link: point.link }))) reason = 'its last point is not on the journal’s history';
    else return { skeleton, source: 'live database' };
  } catch (error) {
    // Another volume's file, or one of a newer version, is not ours to remove.
    if (isErrorOf(error, 'invalid')) throw error;
    // Any unreadable file is as good as none: it is only a cache.
    reason = messageOf(error);
  }
  opened?.close();
  ports.logger.info({ path, reason }, 'the live database is not used; it is made again from an image and the journal');
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  return null;
}

async function fromImage(request: RecoverRequest, images: readonly LocalImage[]): Promise<{ skeleton: Skeleton; source: string }> {
  const { path, journal, backup, volume, recordDeltas } = request;
  const problems: string[] = [];
  const candidates: { readonly chain: ImageChain; readonly image: ImageReference }[] = [...images];
  if (backup !== null && candidates.length === 0) {
    for (const root of [...(await backup.roots.list())].reverse()) if (root.image !== null) candidates.push({ chain: backup.images, image: root.image });
  }
  for (const { chain, image } of candidates) {
    if (!(await journal.contains({ generation: image.generation, lsn: image.lsn, link: image.link }))) {
      problems.push(`image at LSN ${image.lsn} is not on the journal's history`);
      continue;
    }
    try {
      await materialize(chain, image, path);
      const skeleton = openSkeleton(path, { volume, recordDeltas });
      return { skeleton, source: `image at LSN ${image.lsn}` };
    } catch (error) {
      problems.push(`image at LSN ${image.lsn}: ${messageOf(error)}`);
    }
  }
  throw new HoldfastError('corrupt', `no skeleton image can be used: ${problems.join('; ') || 'none was found on the disks that are here'}`, {
    code: 'no-image',
    hint: 'Bring back a missing disk, or restore the last root with `holdfast restore --from URL`.',
  });
}

/** Writes the database file of an image, whole or not at all. */
export async function materialize(chain: ImageChain, image: ImageReference, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    for await (const chunk of chain.chunks(image)) await file.write(chunk);
    await file.truncate(image.bytes);
  } finally {
    await file.close();
  }
  for (const suffix of ['-wal', '-shm']) await rm(path + suffix, { force: true });
  await rename(temporary, path);
}

