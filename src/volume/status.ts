// What an open volume tells about itself: plain data, safe to send over the control socket as JSON.
// `status --json` shows it as it is, so names here are an interface for scripts: add, do not rename.
import type { Thresholds } from '../config/settings.js';
import type { DiskLatency } from '../disk/disk-meter.js';
import type { DeltaRow } from '../skeleton/contract.js';
import type { EmptyDisk } from '../pool/contract.js';
import type { Volume } from './contract.js';
import type { ConfiguredDisks, DiskAddReport } from './disk-add.js';
import type { DiskRemovalReport, RemovalProgress } from './disk-removal.js';
import type { DiskPlanReport } from './disk-plan.js';
import type { ShownDiskState } from './disk-states.js';
import type { SpareCount } from './exposure.js';
import type { Notice } from './notices.js';
import type { SuspectCause } from './suspicions.js';
import type { ScrubProgress, ScrubReport, ScrubStatus } from './scrub-report.js';

export interface DiskStatus {
  readonly id: string;
  readonly path: string;
  readonly state: ShownDiskState;
  /** Why it is in that state; '' when all is well. */
  readonly reason: string;
  /** When it went into it, as far as that was noticed: seconds since 1970. */
  readonly since: number;
  /** Changes of the state since the mount. */
  readonly changes: number;
  /** 0 when the disk is not there. */
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly errors: number;
  /** Of its recent operations; null when it is not there. */
  readonly latency: DiskLatency | null;
}

export interface BacklogStatus {
  readonly bytes: number;
  readonly files: number;
  readonly deltas: number;
  /** Age of the oldest delta; 0 when there is none. */
  readonly ageSeconds: number;
  /** What the budget allows; null when it is not known yet. */
  readonly budgetBytes: number | null;
}

export interface RootStatus {
  readonly sequence: number;
  readonly cut: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
}

export interface RedundancyStatus {
  /** In words: `any 2 of 4 disks for what is not in the backup, any 1 for the rest`. */
  readonly promise: string;
  /** Disks that may still be lost from now on without losing un-backed-up data. */
  readonly remainingTolerance: number;
  /** The configured promise holds right now. */
  readonly held: boolean;
  /** When its loss, or its return, was said last; else of the first mount. Seconds since 1970. */
  readonly since: number;
  /** Why not, and what else the user should know (shared devices, no backup, ...). */
  readonly reasons: readonly string[];
}

export interface SegmentsStatus {
  /** Sealed segments by how many more disks could go before they cannot be read from the disks any more, the weakest first. */
  readonly spares: readonly SpareCount[];
  /** False for a while after the mount of a large volume: not all are counted yet. */
  readonly complete: boolean;
}

export interface BackupStatus {
  readonly description: string;
  readonly reachable: boolean;
  readonly lastError: string | null;
  /** Can the store decide which of two machines owns the volume? null: not asked yet. */
  readonly fences: boolean | null;
  /** Segments that the last root of this mount named as lost: it is complete but for them. */
  readonly lacksSegments: number;
}

export interface VolumeStatus {
  readonly volume: string;
  /** `stopping` also while a close is under way; `failed`: durability cannot be promised, changes are refused. */
  readonly state: 'serving' | 'degraded' | 'failed' | 'stopping';
  readonly generation: number;
  readonly disks: readonly DiskStatus[];
  readonly backlog: BacklogStatus;
  readonly lastRoot: RootStatus | null;
  readonly journal: { readonly bytes: number };
  readonly space: { readonly totalBytes: number; readonly freeBytes: number; readonly files: number };
  readonly redundancy: RedundancyStatus;
  readonly segments: SegmentsStatus;
  /** null: the volume has no backup. */
  readonly backup: BackupStatus | null;
  readonly scrub: ScrubStatus;
}

/** A delta with the name of its file. */
export interface NamedDelta extends DeltaRow {
  readonly path: string;
}

/** What openVolume() gives to the daemon and to commands that run without one. */
export interface OpenVolume extends Volume {
  status(): Promise<VolumeStatus> | VolumeStatus;
  /** Told of every change of a disk's state and of the protection, in order, those before the call first. It must not throw, nor take long. */
  onNotice(listener: (notice: Notice) => void): void;
  /** Updates since the last root in LSN order, of one file (path from the volume's root, bytes) or of all. 'missing' (no-such-file). */
  deltas(path: Buffer | null): Iterable<NamedDelta>;
  /** The disks, what they hold, and what the volume would hold with each of `added`. */
  plan(added: readonly EmptyDisk[]): DiskPlanReport;
  /** A further disk takes part from now on; see disk-add.ts. The caller has looked at the place (disk-place.ts). */
  addDisk(path: string, configured: ConfiguredDisks): Promise<DiskAddReport>;
  /** A disk leaves; see disk-removal.ts. Resolves at the end of it. */
  removeDisk(path: string, configured: ConfiguredDisks, progress: RemovalProgress): Promise<DiskRemovalReport>;
  /** Its removal is given up: it stays. */
  keepDisk(path: string): Promise<void>;
  /** Removals that earlier lives began go on. Called once, when the configuration can be changed. */
  resumeRemovals(configured: ConfiguredDisks, failed: (path: string, error: unknown) => void): void;
  /** Something that is watched from outside speaks against the disk at this place; to be said again as long as it does. It stays in service. */
  suspect(path: string, cause: SuspectCause, reason: string): void;
  /** New thresholds hold from now on. */
  reconfigure(thresholds: Thresholds): void;
  /** Changes are refused from now on, or taken again; the next mount asks its settings. Throws the volume's failure when it can take none any more. */
  setReadOnly(readOnly: boolean): void;
  /** Looks at everything on the disks at once and heals what has rotted. 'conflict' (scrub-busy) while one runs by hand. What it says of lost data is in the report. */
  scrub(progress?: ScrubProgress): Promise<ScrubReport>;
  /** Resolves when everything answered before the call is durable and sealed, and an image of it is on the disks: after a kill nothing is left to replay. */
  settle(): Promise<void>;
}

export interface InitReport {
  readonly volume: string;
  readonly disks: readonly { readonly id: string; readonly path: string }[];
  readonly backup: string | null;
  /** What the user should know: shared devices, a store that cannot fence, n <= 2f. */
  readonly warnings: readonly string[];
}
