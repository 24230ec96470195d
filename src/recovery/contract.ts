// What rebuild, restore and check report, as plain data: the command line prints it, --json shows it as it is.

export type RecoveryProgress = (step: string, done: number, total: number) => void;

/** A range of a file that no source could give. */
export interface LostRange {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export interface SourceCount {
  readonly segments: number;
  readonly bytes: number;
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
  /** Sequence number of the root that was restored, and its time in seconds since 1970. */
  readonly root: number;
  readonly rootTime: number;
  readonly files: number;
  readonly segments: number;
  readonly bytes: number;
  readonly lost: readonly LostRange[];
  readonly elapsedMs: number;
}

export interface CheckReport {
  readonly findings: readonly { readonly rule: string; readonly subject: string; readonly detail: string }[];
  readonly files: number;
  readonly elapsedMs: number;
}
