// The settings of one volume as plain data: what src/config yields from a TOML file and what the layers above are given.
// Complete (every default filled in), checked (ranges, relations), frozen in meaning: no functions, no components.
// Units are part of the names. Paths are absolute. Leaves to volume/init whether disks and backup really can hold this.
import type { GenerationId } from '../base/ids.js';

export type Scheme = 'parity' | 'copy';
/** How the daemon talks to the kernel: its own channel, or the npm package fuse-native. */
export type FuseDriver = 'event-loop' | 'fuse-native';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface DiskSettings {
  /** Absolute path of the directory that is the disk. */
  readonly path: string;
}

export interface JournalSettings {
  /** Dedicated journal disks (fast ones), apart from `disks`; [] : the journal lives on the pool disks. */
  readonly disks: readonly DiskSettings[];
}

export interface BackupSettings {
  /** `s3://bucket/prefix` or `file:///absolute/dir`. No trailing slash. */
  readonly url: string;
  /** `https://host:port` of an S3-compatible store; null: AWS. Always null for file://. */
  readonly endpoint: string | null;
  /** null: from the SDK's usual chain. */
  readonly region: string | null;
  /** Bucket in the path instead of the host name. Default: true with an endpoint, false without. */
  readonly pathStyle: boolean;
  /** Profile of the shared AWS credentials file; null: the SDK's usual chain (environment, files, instance role). */
  readonly profile: string | null;
}

/** A flush is due as soon as one of these holds; null: this condition never does. */
export interface FlushSettings {
  /** Bytes under data deltas. */
  readonly bytes: number | null;
  /** Age of the oldest delta. */
  readonly ageSeconds: number | null;
  /** Number of deltas. */
  readonly count: number | null;
  /** Share (0..1] of `budget.bytes` that un-backed-up data takes. */
  readonly fill: number | null;
  /** Cron expression (5 or 6 fields, local time). */
  readonly schedule: string | null;
  readonly atUnmount: boolean;
  /** A disk was lost: what it protected goes to the backup at once. */
  readonly lostDisk: boolean;
}

export interface BudgetSettings {
  /** Un-backed-up data that may gather; null: a tenth of the pool's size. */
  readonly bytes: number | null;
  /** Share of the budget from which writers are slowed down in proportion. Below hardShare. */
  readonly softShare: number;
  /** Share of the budget at which writers wait. At most 1. */
  readonly hardShare: number;
  /** At the hard mark: wait, or drop the second redundancy (loudly) and go on. */
  readonly whenFull: 'wait' | 'parity-only';
}

export interface MountSettings {
  /** Extra mount options as `key` or `key=value`, as given to -o. */
  readonly options: readonly string[];
  readonly noatime: boolean;
  /** Let other users than the one who mounts use it. */
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** The kernel holds written bytes back until the file is closed or synced, or half a minute has passed. */
  readonly writeback: boolean;
}

export interface LogSettings {
  readonly level: LogLevel;
  /** null: STATE_DIR/holdfast.log when detached, stderr in the foreground. */
  readonly filePath: string | null;
}

export interface RetentionSettings {
  /** Roots kept in the backup, the newest included. At least 1. */
  readonly keepRoots: number;
}

/** The scrub that a mounted volume does by itself. */
export interface ScrubSettings {
  /** Everything is looked at once in this time; null: only by hand. */
  readonly periodSeconds: number | null;
  /** Bytes read in a second, of all disks together, however far behind it is. */
  readonly bytesPerSecond: number;
}

/** Who is told of every change of a disk's state and of the volume's protection; null: nobody in this way. */
export interface HookSettings {
  /** A command line for /bin/sh. */
  readonly command: string | null;
  /** Where the same is posted to: `https://host/path`, or http. */
  readonly webhook: string | null;
}

export interface VolumeSettings {
  readonly name: string;
  /** The file these came from; null when they were built in memory. */
  readonly configPath: string | null;
  readonly disks: readonly DiskSettings[];
  /** m: lost disks that nobody notices. */
  readonly parity: number;
  /** f: lost disks that lose nothing that is not yet in the backup. parity <= tolerance <= disks - 1. */
  readonly tolerance: number;
  readonly scheme: Scheme;
  readonly journal: JournalSettings;
  /** Two disks on one device are accepted (and status keeps reminding of it). */
  readonly allowSharedDevice: boolean;
  /** The live database, lock, socket and log of this volume. Never on a disk of it, never inside the mount. */
  readonly stateDir: string;
  readonly backup: BackupSettings | null;
  readonly flush: FlushSettings;
  readonly budget: BudgetSettings;
  readonly retention: RetentionSettings;
  readonly scrub: ScrubSettings;
  readonly hooks: HookSettings;
  /** Un-synced changes are durable after at most this. */
  readonly commitIntervalMs: number;
  /** A disk that is gone for so long does not come back soon: its parity is made again on the others. null: only by `rebuild`. */
  readonly reprotectAfterSeconds: number | null;
  readonly driver: FuseDriver;
  readonly mount: MountSettings;
  /** A generation of the history to go on with, where the disks hold two or one whose end is missing. For one mount: on the command line, not in the file. */
  readonly preferHistory: GenerationId | null;
  readonly log: LogSettings;
  /** At most 107 bytes (sun_path). */
  readonly controlSocketPath: string;
}

/** What may change while mounted; everything else needs a remount. */
export type Thresholds = Pick<VolumeSettings, 'flush' | 'budget' | 'retention' | 'scrub' | 'hooks' | 'commitIntervalMs' | 'reprotectAfterSeconds'>;

export const thresholdKeys = ['flush', 'budget', 'retention', 'scrub', 'hooks', 'commitIntervalMs', 'reprotectAfterSeconds'] as const satisfies readonly (keyof Thresholds)[];

export function thresholdsOf({ flush, budget, retention, scrub, hooks, commitIntervalMs, reprotectAfterSeconds }: VolumeSettings): Thresholds {
  return { flush, budget, retention, scrub, hooks, commitIntervalMs, reprotectAfterSeconds };
}

/** What `holdfast init` and tests start from; disks, parity and tolerance have no default here. */
export function defaultSettings(name: string, stateDir: string): Omit<VolumeSettings, 'disks' | 'parity' | 'tolerance'> {
  return {
    name,
    configPath: null,
    scheme: 'parity',
    journal: { disks: [] },
    allowSharedDevice: false,
    stateDir,
    backup: null,
    flush: { bytes: 1024 ** 3, ageSeconds: 3600, count: 1_000_000, fill: 0.5, schedule: null, atUnmount: false, lostDisk: true },
    budget: { bytes: null, softShare: 0.75, hardShare: 1, whenFull: 'wait' },
    retention: { keepRoots: 30 },
    scrub: { periodSeconds: 30 * 86_400, bytesPerSecond: 32 * 1024 ** 2 },
    hooks: { command: null, webhook: null },
    commitIntervalMs: 1000,
    reprotectAfterSeconds: 600,
    driver: 'event-loop',
    mount: { options: [], noatime: false, allowOther: false, readOnly: false, writeback: false },
    preferHistory: null,
    log: { level: 'info', filePath: null },
    controlSocketPath: `${stateDir}/control.sock`,
  };
}
