// What a scrub looked at, what it found where, what was healed from what, and what is lost: plain data, for --json, the control socket
// and the file that remembers it. Lists are bounded, counts are not.
import type { ShardFault } from '../pool/contract.js';
import type { LostRange } from './contract.js';
import type { RescueSource } from './rescue.js';

/** parity: other shards of the segment; copies: the same on other disks; memory: what the volume knows by itself. */
export type ScrubSource = RescueSource | 'parity' | 'copies' | 'memory';

export interface ScrubFinding {
  readonly kind: 'shard' | 'journal' | 'image' | 'generations' | 'label' | 'database';
  /** Path of the disk; of the state folder for the live database. */
  readonly disk: string;
  /** On that disk. */
  readonly file: string;
  /** null where it is no shard. */
  readonly segment: number | null;
  readonly index: number | null;
  readonly fault: ShardFault | 'damaged';
  readonly reason: string;
  /** null: it is as it was. */
  readonly healedFrom: ScrubSource | null;
}

/** What one step of a scrub adds. */
export interface ScrubLook {
  readonly segments: number;
  /** Shard files that were read, wholly. */
  readonly shards: number;
  readonly bytes: number;
  /** Shards whose disk is not there or not in service: the rebuild's business. */
  readonly shardsAbsent: number;
  readonly journalFiles: number;
  readonly images: number;
  readonly findings: readonly ScrubFinding[];
  readonly lost: readonly LostRange[];
}

export interface ScrubSummary extends Omit<ScrubLook, 'findings' | 'lost'> {
  /** Seconds since 1970. */
  readonly startedAt: number;
  /** null: it is under way. */
  readonly endedAt: number | null;
  readonly found: number;
  readonly healed: number;
  readonly lostRanges: number;
  readonly lostBytes: number;
}

export interface ScrubReport extends ScrubSummary {
  readonly healedFrom: Readonly<Partial<Record<ScrubSource, number>>>;
  /** The first ones. */
  readonly findings: readonly ScrubFinding[];
  /** The first ones: what no source has. */
  readonly lost: readonly LostRange[];
}

/** How far the one under way is. */
export interface RunningScrub extends ScrubSummary {
  readonly byHand: boolean;
  /** Why it does nothing at the moment; null: it goes on, or has done what is due by now. */
  readonly waitsFor: string | null;
  /** Of the live bytes of the volume. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface ScrubStatus {
  /** null: never by itself. */
  readonly periodSeconds: number | null;
  readonly running: RunningScrub | null;
  /** The last one that came to its end. */
  readonly last: ScrubSummary | null;
}

export type ScrubProgress = (step: 'segments' | 'stores', done: number, total: number) => void;

/** Findings and ranges that are named one by one: bounds memory, the remembered file and a message. */
export const namedMax = 1_000;

export const nothingSeen: ScrubLook = { segments: 0, shards: 0, bytes: 0, shardsAbsent: 0, journalFiles: 0, images: 0, findings: [], lost: [] };

export function beginReport(startedAt: number): ScrubReport {
  return { ...nothingSeen, startedAt, endedAt: null, found: 0, healed: 0, lostRanges: 0, lostBytes: 0, healedFrom: {} };
}

export function added(report: ScrubReport, look: ScrubLook): ScrubReport {
  const healedFrom = { ...report.healedFrom };
  for (const { healedFrom: source } of look.findings) if (source !== null) healedFrom[source] = (healedFrom[source] ?? 0) + 1;
  return {
    ...report,
    segments: report.segments + look.segments,
    shards: report.shards + look.shards,
    bytes: report.bytes + look.bytes,
    shardsAbsent: report.shardsAbsent + look.shardsAbsent,
    journalFiles: report.journalFiles + look.journalFiles,
    images: report.images + look.images,
    found: report.found + look.findings.length,
    healed: report.healed + look.findings.filter(({ healedFrom: source }) => source !== null).length,
    lostRanges: report.lostRanges + look.lost.length,
    lostBytes: look.lost.reduce((sum, { length }) => sum + length, report.lostBytes),
    healedFrom,
    findings: firstOf(report.findings, look.findings),
    lost: firstOf(report.lost, look.lost),
  };
}

export function summaryOf({ healedFrom: _source, findings: _findings, lost: _lost, ...summary }: ScrubReport): ScrubSummary {
  return summary;
}

function firstOf<T>(known: readonly T[], more: readonly T[]): readonly T[] {
  return more.length === 0 || known.length >= namedMax ? known : [...known, ...more].slice(0, namedMax);
}
