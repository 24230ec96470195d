// A term of the journal, as it is recorded on every disk and in the backup.
import type { DiskId, GenerationId, Lsn } from '../base/ids.js';

/** Durable on every present disk (file `generations`) before its first batch is answered for. */
export interface Generation {
  readonly number: number;
  readonly id: GenerationId;
  /** The history of the generation before it is void above this LSN. */
  readonly parentLsn: Lsn;
  /** Disks of the volume that were present and took part: mounting needs (members - tolerance) of them. */
  readonly members: readonly DiskId[];
  /** The tolerance + 1 disks that carry its batches. */
  readonly journalDisks: readonly DiskId[];
  readonly tolerance: number;
}
