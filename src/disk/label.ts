// Whose disk is this: writing labels, reading them, and opening a disk only when it is the one that is meant. The label
// is read through the directory that stays open, so what was checked is what is used.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { DiskId, VolumeId } from '../base/ids.js';
import { asDiskId } from '../base/ids.js';
import { NativeFailure } from '../native/completion-table.js';
import { DiskQueue } from '../native/disk-queue.js';
import { diskError } from './disk-errors.js';
import type { Disk } from './disk.js';
import { decodeLabel, encodeLabel, labelBytes, type Label } from './label-codec.js';
import { LocalDisk } from './local-disk.js';

export const labelPath = 'holdfast.label';
/** What a fresh filesystem may hold. */
const ownedByFilesystem = new Set(['lost+found']);

export interface ExpectedDisk {
  readonly volume: VolumeId;
  /** Absent: any disk of the volume. */
  readonly disk?: DiskId;
}

export interface OpenedDisk {
  readonly disk: LocalDisk;
  readonly label: Label;
  /** st_dev of its directory, as it is now. */
  readonly device: number;
}

/** Reads the label of an open disk. 'missing' (disk-file-missing) when it has none, 'corrupt' (disk-label-corrupt). */
export async function readLabel(disk: Disk): Promise<Label> {
  try {
    return decodeLabel(await disk.readAll(labelPath, labelBytes), disk.path);
  } catch (error) {
    // Too long for a label: damaged like any other wrong content.
    if (isErrorOf(error, 'invalid') && error.code === 'disk-file-too-big') return decodeLabel(Buffer.alloc(0), disk.path);
    throw error;
  }
}

/** Durable when it resolves; after a crash the old or the new label is whole. */
export function writeLabel(disk: Disk, label: Label): Promise<void> {
  return disk.replace(labelPath, [encodeLabel(label)]);
}

/** Is this directory fit to become a disk? Errors: disk-missing, disk-taken, disk-not-empty, disk-access. Writes nothing. */
export async function checkFormattable(path: string): Promise<void> {
  const disk = await openAny(path);
  try {
    const names = await disk.list('');
    if (names.includes(labelPath)) throw await takenError(disk);
    const foreign = names.find((name) => !ownedByFilesystem.has(name));
    if (foreign !== undefined) throw notEmptyError(path, foreign);
  } finally {
    await disk.close();
  }
}

/** Makes an empty directory a disk: checks it, then writes its label durably. */
export async function formatDisk(path: string, label: Label): Promise<void> {
  await checkFormattable(path);
  const disk = await openAny(path);
  try {
    await disk.create(labelPath, [encodeLabel(label)]);
  } finally {
    await disk.close();
  }
}

/**
 * Opens the disk at `path` if it is the expected one. Errors: disk-missing (no such directory), disk-unmounted (an empty
 * directory where a filesystem should be mounted), disk-foreign (no label, or another volume's), disk-mismatch (another
 * disk of this volume), disk-label-corrupt, disk-label-version.
 */
export async function openDisk(path: string, expected: ExpectedDisk): Promise<OpenedDisk> {
  const queue = await openDirectory(path);
  let opened: OpenedDisk;
  try {
    const label = await checkedLabel(queue, path, expected);
    opened = { disk: new LocalDisk(path, label.disk, queue), label, device: queue.place.device };
  } catch (error) {
    queue.stop();
    throw error;
  }
  return opened;
}

async function openDirectory(path: string): Promise<DiskQueue> {
  try {
    return await DiskQueue.open(path);
  } catch (error) {
    if (error instanceof NativeFailure && (error.reason === 'ENOENT' || error.reason === 'ENOTDIR')) throw missingError(path);
    throw diskError({ verb: 'open', disk: path, file: 'its directory' }, error);
  }
}

async function openAny(path: string): Promise<LocalDisk> {
  return new LocalDisk(path, asDiskId(''), await openDirectory(path));
}

async function checkedLabel(queue: DiskQueue, path: string, expected: ExpectedDisk): Promise<Label> {
  const label = decodeLabel(await labelBytesOf(queue, path), path);
  if (label.volume !== expected.volume) throw foreignError(path, label);
  if (expected.disk !== undefined && label.disk !== expected.disk) throw mismatchError(path, label, expected.disk);
  return label;
}

async function labelBytesOf(queue: DiskQueue, path: string): Promise<Buffer> {
  try {
    return await queue.readAll(labelPath, labelBytes);
  } catch (error) {
    if (error instanceof NativeFailure && error.reason === 'ENOENT') throw await withoutLabelError(queue, path);
    if (error instanceof NativeFailure && error.reason === 'TOO_BIG') return Buffer.alloc(0);
    throw diskError({ verb: 'read', disk: path, file: labelPath }, error);
  }
}

async function withoutLabelError(queue: DiskQueue, path: string): Promise<HoldfastError> {
  const empty = (await queue.list('')).length === 0;
  if (empty && queue.place.device === queue.place.parentDevice) {
    return new HoldfastError('unavailable', `disk ${path} is not mounted: its directory is empty`, {
      code: 'disk-unmounted',
      hint: `Mount the disk at ${path}; nothing is written to the directory beneath.`,
      context: { disk: path },
    });
  }
  return new HoldfastError('conflict', `${path} has no label of holdfast: it is not a disk of this volume`, {
    code: 'disk-foreign',
    hint: 'Check the path, and that the right filesystem is mounted there.',
    context: { disk: path },
  });
}

function missingError(path: string): HoldfastError {
  return new HoldfastError('unavailable', `disk ${path} is missing: there is no such directory`, {
    code: 'disk-missing',
    hint: 'Attach the disk, or correct its path in the configuration.',
    context: { disk: path },
  });
}

function foreignError(path: string, label: Label): HoldfastError {
  return new HoldfastError('conflict', `disk ${path} belongs to another volume, "${label.name}" (${label.volume})`, {
    code: 'disk-foreign',
    hint: 'Check the path, and that the right filesystem is mounted there.',
    context: { disk: path, volume: label.volume },
  });
}

function mismatchError(path: string, label: Label, expected: DiskId): HoldfastError {
  return new HoldfastError('conflict', `at ${path} is disk ${label.disk} of this volume, expected was ${expected}`, {
    code: 'disk-mismatch',
    hint: 'Disks have changed places: correct the mounts or the paths in the configuration.',
    context: { disk: path, found: label.disk, expected },
  });
}

async function takenError(disk: LocalDisk): Promise<HoldfastError> {
  let owner = 'a volume with a damaged label';
  try {
    const label = await readLabel(disk);
    owner = `volume "${label.name}" (${label.volume})`;
  } catch (error) {
    if (!isErrorOf(error, 'corrupt', 'invalid')) throw error;
  }
  return new HoldfastError('conflict', `${disk.path} is a disk of ${owner} already`, {
    code: 'disk-taken',
    hint: 'Choose another directory. If that volume is not needed any more, empty this one first.',
    context: { disk: disk.path },
  });
}

function notEmptyError(path: string, found: string): HoldfastError {
  return new HoldfastError('conflict', `${path} is not empty: it holds "${found}"`, {
    code: 'disk-not-empty',
    hint: 'Give an empty directory, for example a new one on the same filesystem.',
    context: { disk: path, found },
  });
}
