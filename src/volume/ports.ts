// The outside world of a volume, passed in: time, chance, logs, computing, disks and stores.
// The daemon gives real ones (local-ports.ts), the simulation gives memory ones; the volume cannot tell.
import type { Clock } from '../base/clock.js';
import type { DiskId, VolumeId } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import type { BackupSettings } from '../config/settings.js';
import type { Disk } from '../disk/disk.js';
import type { DiskMeter } from '../disk/disk-meter.js';
import type { Codec } from '../native/codec.js';
import type { LabelMark } from '../journal/contract.js';
import type { JournalLimits } from '../journal/journal.js';
import type { PoolSettings } from '../pool/ports.js';
import type { StateSpace } from './state-room.js';
import type { ObjectStore } from '../objectstore/object-store.js';

/** What a new disk's label shall say. */
export interface DiskLabelRequest {
  readonly volume: VolumeId;
  readonly disk: DiskId;
  readonly volumeName: string;
}

export interface LabelledDisk {
  readonly disk: Disk;
  readonly volume: VolumeId;
  /** What its label says of the journal. */
  readonly mark: LabelMark;
}

export interface DiskProvider {
  /** Opens a labelled disk. HoldfastError with codes disk-missing, disk-unmounted, disk-foreign, disk-label-corrupt. Never writes. */
  open(path: string, volume: VolumeId | null): Promise<LabelledDisk>;
  /** Is it still the disk that was opened? Rejects when not: gone, hanging, another label. */
  probe(disk: Disk): Promise<void>;
  /** Could format() succeed? Errors as format's. Never writes. */
  checkFormattable(path: string): Promise<void>;
  /** How long its operations take; null where nobody measures. */
  meterOf(disk: Disk): DiskMeter | null;
  /** Writes a first label into an empty directory. 'conflict' (disk-not-empty, disk-labelled) when something is there. */
  format(path: string, label: DiskLabelRequest): Promise<Disk>;
  /** Takes away what is empty of these folders, and the folders in them. Never a file. */
  removeFolders(disk: Disk, folders: readonly string[]): Promise<void>;
  /** Ids of the physical devices below a directory: disks that share one share its death. */
  devices(path: string): Promise<readonly string[]>;
}

export interface VolumePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Changes with every boot of the machine: a live database of another boot is not trusted. */
  readonly bootId: string;
  readonly codec: Codec;
  readonly disks: DiskProvider;
  /** Free space of the file system that state_dir lies on. */
  stateSpace(stateDir: string): Promise<StateSpace>;
  /** Touches nothing: a store that is away must not keep a volume from mounting. */
  openStore(backup: BackupSettings): Promise<ObjectStore>;
  /** Sizes other than the project's limits: for the simulation, whose worlds are small. */
  readonly poolSettings?: Partial<PoolSettings>;
  readonly journalLimits?: JournalLimits;
  /** Image work on the caller's thread, in order: for the simulation. */
  readonly inlineImages: boolean;
}
