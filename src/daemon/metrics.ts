// Figures of a mounted volume in the Prometheus text format, made from its status when somebody asks. The only place that knows prom-client.
import { Gauge, Registry } from 'prom-client';
import type { ScrubStatus } from '../volume/scrub-report.js';
import { shownDiskStates } from '../volume/disk-states.js';
import type { VolumeStatus } from '../volume/status.js';
import type { LoopDelay } from './event-loop-delay.js';
import type { HookStatus } from './hooks.js';
import type { LastFlush } from './triggers.js';

/** What the daemon has beside the volume's status. */
export interface DaemonFigures {
  readonly last: LastFlush | null;
  readonly hooks: readonly HookStatus[];
  readonly residentBytes: number;
  readonly loop: LoopDelay;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();

  constructor(volumeName: string) {
    this.#registry.setDefaultLabels({ volume: volumeName });
  }

  /** `text/plain; version=0.0.4`. */
  async text(status: VolumeStatus, { last, hooks, residentBytes, loop }: DaemonFigures): Promise<string> {
    this.#set('holdfast_up', '1 while the volume serves', status.state === 'failed' ? 0 : 1);
    this.#set('holdfast_degraded', '1 when the configured promise does not hold', status.redundancy.held ? 0 : 1);
    this.#set('holdfast_remaining_tolerance', 'disks that may still be lost without losing un-backed-up data', status.redundancy.remainingTolerance);
    this.#set('holdfast_backlog_bytes', 'bytes that are not in the backup', status.backlog.bytes);
    this.#set('holdfast_backlog_deltas', 'updates that are not in the backup', status.backlog.deltas);
    this.#set('holdfast_backlog_files', 'files with updates that are not in the backup', status.backlog.files);
    this.#set('holdfast_backlog_age_seconds', 'age of the oldest update that is not in the backup', status.backlog.ageSeconds);
    this.#set('holdfast_journal_bytes', 'bytes of journal kept', status.journal.bytes);
    this.#set('holdfast_space_total_bytes', 'size of the volume', status.space.totalBytes);
    this.#set('holdfast_space_free_bytes', 'room for file data', status.space.freeBytes);
    this.#set('holdfast_files', 'inodes', status.space.files);
    this.#set('holdfast_backup_reachable', '1 when the backup answered last time', status.backup?.reachable === true ? 1 : 0);
    this.#set('holdfast_resident_bytes', 'memory of the daemon', residentBytes);
    const delays = { '0.5': loop.medianMs, '0.99': loop.p99Ms, '1': loop.largestMs };
    for (const [quantile, ms] of Object.entries(delays)) this.#set('holdfast_event_loop_delay_seconds', 'how late a timer of 10 ms was, since the mount', ms / 1000, { quantile });
    if (status.lastRoot !== null) this.#set('holdfast_last_root_time_seconds', 'time of the newest root', status.lastRoot.time);
    if (last !== null) {
      this.#set('holdfast_last_flush_ok', '1 when the last flush ended well', last.ok ? 1 : 0);
      this.#set('holdfast_last_flush_seconds', 'how long it took', last.elapsedMs / 1000);
    }
    this.#scrub(status.scrub);
    this.#registry.getSingleMetric('holdfast_segments')?.reset();
    for (const { spare, onlyHere, inBackup } of status.segments.spares) {
      for (const [place, count] of [['only-here', onlyHere], ['backup', inBackup]] as const) this.#set('holdfast_segments', 'sealed segments by how many more disks they could lose (spare) and where they are', count, { spare: String(spare), place });
    }
    this.#set('holdfast_protection_since_seconds', 'when the loss or the return of the configured protection was said last', status.redundancy.since);
    for (const { kind, told, failed, waiting } of hooks) {
      this.#set('holdfast_hook_told', 'changes that the hook was told of since the mount', told, { hook: kind });
      this.#set('holdfast_hook_failed', 'changes that it could not be told of', failed, { hook: kind });
      this.#set('holdfast_hook_waiting', 'changes that it is still to be told of', waiting, { hook: kind });
    }
    for (const disk of status.disks) {
      const labels = { disk: disk.path };
      this.#set('holdfast_disk_healthy', '1 when the disk is in use and well', disk.state === 'healthy' ? 1 : 0, labels);
      for (const state of shownDiskStates) this.#set('holdfast_disk_state', '1 for the state that the disk is in', disk.state === state ? 1 : 0, { ...labels, state });
      this.#set('holdfast_disk_state_since_seconds', 'when it went into it', disk.since, labels);
      this.#set('holdfast_disk_state_changes', 'changes of its state since the mount', disk.changes, labels);
      for (const [operation, figures] of Object.entries(disk.latency ?? {})) {
        // None lately: 0, for a gauge would show its last value for ever.
        for (const [quantile, ms] of [['0.5', figures?.medianMs ?? 0], ['0.99', figures?.p99Ms ?? 0]] as const) this.#set('holdfast_disk_latency_seconds', 'how long its recent operations took', ms / 1000, { ...labels, operation, quantile });
      }
      this.#set('holdfast_disk_free_bytes', 'free space of the disk', disk.freeBytes, labels);
      this.#set('holdfast_disk_written_bytes', 'written since the mount', disk.bytesWritten, labels);
      this.#set('holdfast_disk_read_bytes', 'read since the mount', disk.bytesRead, labels);
      this.#set('holdfast_disk_errors', 'failed requests since the mount', disk.errors, labels);
    }
    return this.#registry.metrics();
  }

  #scrub({ running, last }: ScrubStatus): void {
    const done = running === null ? 1 : running.doneBytes / Math.max(1, running.totalBytes);
    this.#set('holdfast_scrub_done_ratio', 'how far the scrub under way is; 1 between two', done);
    if (last === null) return;
    this.#set('holdfast_scrub_last_end_seconds', 'when the last complete scrub ended', last.endedAt ?? 0);
    this.#set('holdfast_scrub_last_bytes', 'what it read and verified', last.bytes);
    this.#set('holdfast_scrub_last_found', 'damaged shards and files that it found', last.found);
    this.#set('holdfast_scrub_last_healed', 'of these, what it healed', last.healed);
    this.#set('holdfast_scrub_last_lost_bytes', 'bytes of files that no source had any more', last.lostBytes);
  }

  #set(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }
}
