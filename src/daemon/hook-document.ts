// What a hook is told, as one JSON document and as environment variables. docs/operations/being-told.md describes it: add, do not rename.
import { hostname } from 'node:os';
import { secondsOf, type Timespec } from '../base/clock.js';
import type { ShownDiskState } from '../volume/disk-states.js';
import type { Notice } from '../volume/notices.js';

export interface HookSubject {
  readonly volume: string;
  readonly mountPoint: string;
}

export interface HookDocument {
  readonly version: 1;
  readonly event: 'disk' | 'protection';
  /** Counts from 1 at every mount: what came before what. */
  readonly sequence: number;
  /** ISO 8601, of the change and not of the telling. */
  readonly time: string;
  readonly host: string;
  readonly volume: string;
  readonly mountPoint: string;
  /** One sentence for people. */
  readonly text: string;
  /** Of event disk. */
  readonly disk?: { readonly path: string; readonly id: string; readonly from: ShownDiskState; readonly to: ShownDiskState; readonly reason: string };
  /** Of event protection. */
  readonly protection?: { readonly held: boolean; readonly remainingTolerance: number; readonly reasons: readonly string[] };
}

export function documentOf({ volume, mountPoint }: HookSubject, notice: Notice, sequence: number): HookDocument {
  const common = { version: 1, sequence, time: textOf(notice.time), host: hostname(), volume, mountPoint } as const;
  if (notice.event === 'disk') {
    const { path, disk: id, from, to, reason } = notice;
    const text = `${volume}: disk ${path} is ${to} (it was ${from})${reason === '' ? '' : `: ${reason}`}`;
    return { ...common, event: 'disk', text, disk: { path, id, from, to, reason } };
  }
  const { held, remainingTolerance, reasons } = notice;
  const text = held ? `${volume}: protection is as configured again` : `${volume}: protection is LESS THAN CONFIGURED, ${remainingTolerance} more may be lost: ${reasons.join('; ')}`;
  return { ...common, event: 'protection', text, protection: { held, remainingTolerance, reasons } };
}

/** The same for a command that reads no JSON. A variable that does not belong to the event is empty. */
export function variablesOf({ event, time, volume, mountPoint, text, disk, protection }: HookDocument): Readonly<Record<string, string>> {
  return {
    HOLDFAST_EVENT: event,
    HOLDFAST_TIME: time,
    HOLDFAST_VOLUME: volume,
    HOLDFAST_MOUNTPOINT: mountPoint,
    HOLDFAST_TEXT: plain(text),
    HOLDFAST_DISK: disk?.path ?? '',
    HOLDFAST_FROM: disk?.from ?? '',
    HOLDFAST_TO: disk?.to ?? '',
    HOLDFAST_REASON: plain(disk?.reason ?? protection?.reasons.join('; ') ?? ''),
    HOLDFAST_HELD: protection === undefined ? '' : protection.held ? 'yes' : 'no',
    HOLDFAST_REMAINING: protection === undefined ? '' : String(protection.remainingTolerance),
  };
}

const variableCharactersMax = 8_192;

/** An environment has no room for more, and none for NUL. */
function plain(text: string): string {
  return text.replaceAll('\0', '').slice(0, variableCharactersMax);
}

function textOf(time: Timespec): string {
  return new Date(secondsOf(time) * 1000).toISOString();
}
