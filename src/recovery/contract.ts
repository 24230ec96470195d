// What rebuild, restore and check are asked and report, as plain data: the command line prints it, --json shows it as it is.
import type { Scheme, VolumeSettings } from '../config/settings.js';
import type { LostRange } from '../volume/contract.js';

export type { LostRange } from '../volume/contract.js';

export type RecoveryProgress = (step: string, done: number, total: number) => void;

export interface SourceCount {
  readonly segments: number;
  readonly bytes: number;
}

export interface RebuildRequest {
  /** A lost disk (its path in the settings) and the empty directory that takes its place. */
  readonly replace: readonly { readonly old: string; readonly new: string }[];
  /** Plan only: nothing is written. */
  readonly dryRun: boolean;
}

export interface RestoreRequest {
  /** Where to and from: disks, state folder and backup as given; null: as the root in the backup says. */
  readonly settings: Omit<VolumeSettings, 'parity' | 'tolerance' | 'scheme'> & {
    readonly parity: number | null;
    readonly tolerance: number | null;
    readonly scheme: Scheme | null;
  };
  /** Which root: its sequence number, the newest one not after a time (seconds since 1970), or null for the newest. */
  readonly at: { readonly sequence: number } | { readonly timeSeconds: number } | null;
}

export interface RebuildReport {
  readonly dryRun: boolean;
  /** Where each lost shard came (or would come) from. */
  readonly fromParity: SourceCount;
  readonly fromBackup: SourceCount;
  readonly fromJournal: SourceCount;
  readonly alreadyWhole: SourceCount;
  readonly shardsWritten: number;
  readonly bytesWritten: number;
  readonly bytesVerified: number;
  readonly lost: readonly LostRange[];
  readonly elapsedMs: number;
}

export interface RestoreReport {
  /** Complete: what the configuration file of the restored volume says. */
  readonly settings: VolumeSettings;
  /** Sequence number of the root that was restored, and its time in seconds since 1970. */
  readonly root: number;
  readonly rootTime: number;
  readonly files: number;
  readonly segments: number;
  readonly bytes: number;
  readonly lost: readonly LostRange[];
  /** In sentences: what the root lacks, a damaged entry that was passed over, which other roots there are. */
  readonly notes: readonly string[];
  readonly elapsedMs: number;
}

export interface CheckOptions {
  /** Also whether the backup holds what it is believed to hold. */
  readonly backup: boolean;
  /** Reads every byte of it. */
  readonly readData: boolean;
}

export interface CheckReport {
  readonly findings: readonly { readonly rule: string; readonly subject: string; readonly detail: string }[];
  readonly files: number;
  readonly elapsedMs: number;
}
