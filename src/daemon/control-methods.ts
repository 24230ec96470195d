// What can be asked over the control socket: ping, status, flush, deltas, check, rebuild, disk-add, disk-remove, disk-replace, disk-keep, disk-plan, scrub, metrics, remount, detach, stop. Parameters are checked here.
import { HoldfastError } from '../base/errors.js';
import { type PlainOffset, toPlain } from '../base/file-offset.js';
import { fromPrintable } from '../base/printable.js';
import type { EmptyDisk } from '../pool/contract.js';
import type { RebuildRequest } from '../recovery/contract.js';
import type { DeltaKind } from '../skeleton/contract.js';
import type { FlushOptions } from '../volume/contract.js';
import type { NamedDelta } from '../volume/status.js';
import type { ControlCall, ControlMethod } from './control-server.js';
import type { Metrics } from './metrics.js';
import { remountSettings } from './mount-options.js';
import type { ServedVolume } from './served-volume.js';

/** A delta as it goes over the socket and into --json. Numbers past 2^53 - 1 are texts of digits. */
export interface DeltaLine {
  readonly lsn: number;
  readonly path: string;
  readonly ino: number;
  readonly kind: DeltaKind;
  readonly offset: PlainOffset;
  readonly length: PlainOffset;
  readonly segment: number | null;
  readonly segmentOffset: number;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Rows of one items message: about 60 KiB. */
const itemsAtOnce = 250;

export function controlMethods(served: ServedVolume): ReadonlyMap<string, ControlMethod> {
  // Loaded by the first question: a mount that nobody measures starts without it.
  let loaded: Promise<Metrics> | null = null;
  const metrics = (): Promise<Metrics> => (loaded ??= import('./metrics.js').then((module) => new module.Metrics(served.mountPoint)));
  return new Map<string, ControlMethod>([
    ['ping', () => ({ pid: process.pid, mountPoint: served.mountPoint })],
    ['status', () => served.status()],
    ['flush', (call) => flush(served, call)],
    ['deltas', (call) => sendPieces(call, mapped(served.volume.deltas(optionalPath(call))))],
    ['check', async (call) => sendPieces(call, await served.components.check(served.volume, { backup: call.params['backup'] === true, readData: call.params['readData'] === true }))],
    ['rebuild', (call) => served.rebuild(rebuildRequest(call), call.progress)],
    ['disk-add', (call) => served.disks.add({ path: requiredPath(call), allowSharedDevice: call.params['allowSharedDevice'] === true })],
    ['disk-remove', (call) => served.disks.remove(requiredPath(call), call.progress)],
    ['disk-replace', (call) => served.disks.replace(requiredPath(call, 'old'), { path: requiredPath(call), allowSharedDevice: call.params['allowSharedDevice'] === true }, call.progress)],
    ['disk-keep', (call) => served.disks.keep(requiredPath(call))],
    ['disk-plan', (call) => served.volume.plan(additions(call))],
    ['scrub', (call) => served.volume.scrub(call.progress)],
    ['metrics', async () => ({ text: await (await metrics()).text(await served.volume.status(), { last: served.triggers.last, hooks: served.hooks.status(), residentBytes: process.memoryUsage.rss(), loop: served.loopDelay.read() }) })],
    ['detach', async () => ({ ended: await served.detach() })],
    ['remount', (call) => remount(served, call)],
    [
      'stop',
      async (call) => {
        await served.stop('asked for over the control socket', call.params['lazy'] === true);
        return { stopped: true };
      },
    ],
  ]);
}

export function deltaLine(delta: NamedDelta): DeltaLine {
  const { lsn, path, ino, kind, offset, length, segment, segmentOffset, time } = delta;
  return { lsn, path, ino, kind, offset: toPlain(offset), length: toPlain(length), segment, segmentOffset, time: time.sec + time.nsec / 1e9 };
}

async function flush(served: ServedVolume, call: ControlCall): Promise<unknown> {
  const options: FlushOptions = { pastDamagedRoot: call.params['pastDamagedRoot'] === true };
  if (call.params['ifDue'] === true) {
    const reasons = served.triggers.due();
    if (reasons.length === 0) return { flushed: false, reasons: [] };
    const report = await served.triggers.flush(reasons.join(', '), call.progress, options);
    return { flushed: true, reasons, report };
  }
  const report = await served.triggers.flush('by hand', call.progress, options);
  return { flushed: true, reasons: ['by hand'], report };
}

/** `options`: elements of -o, all that shall hold from now on. */
async function remount(served: ServedVolume, call: ControlCall): Promise<unknown> {
  const { options } = call.params;
  if (!Array.isArray(options) || !options.every((option) => typeof option === 'string')) throw new HoldfastError('invalid', 'options must be a list of texts', { code: 'control-params' });
  const mount = remountSettings(options);
  await served.remount(mount);
  return { readOnly: mount.readOnly };
}

function rebuildRequest(call: ControlCall): RebuildRequest {
  const { replace, dryRun } = call.params;
  const pairs: unknown[] = Array.isArray(replace) ? replace : [];
  return { dryRun: dryRun === true, replace: pairs.map(replacementOf) };
}

function replacementOf(pair: unknown): RebuildRequest['replace'][number] {
  if (typeof pair === 'object' && pair !== null && 'old' in pair && 'new' in pair && typeof pair.old === 'string' && typeof pair.new === 'string') {
    return { old: pair.old, new: pair.new };
  }
  throw new HoldfastError('invalid', 'replace must be a list of {old, new}', { code: 'control-params' });
}

function additions(call: ControlCall): readonly EmptyDisk[] {
  const { added } = call.params;
  const disks: unknown[] = Array.isArray(added) ? added : [];
  return disks.map((disk) => {
    if (typeof disk === 'object' && disk !== null && 'totalBytes' in disk && 'freeBytes' in disk && isBytes(disk.totalBytes) && isBytes(disk.freeBytes)) {
      return { totalBytes: disk.totalBytes, freeBytes: disk.freeBytes };
    }
    throw new HoldfastError('invalid', 'added must be a list of {totalBytes, freeBytes}', { code: 'control-params' });
  });
}

function isBytes(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Absolute, of this machine. */
function requiredPath(call: ControlCall, key = 'path'): string {
  const path = call.params[key];
  if (typeof path === 'string' && path.startsWith('/')) return path;
  throw new HoldfastError('invalid', `${key} must be an absolute path`, { code: 'control-params' });
}

function optionalPath(call: ControlCall): Buffer | null {
  const path = call.params['path'];
  if (path === undefined || path === null) return null;
  if (typeof path === 'string') return fromPrintable(path);
  throw new HoldfastError('invalid', 'path must be a text', { code: 'control-params' });
}

function* mapped(deltas: Iterable<NamedDelta>): Iterable<DeltaLine> {
  for (const delta of deltas) yield deltaLine(delta);
}

/** In bounded messages, one turn of the event loop each, no faster than the peer reads. */
async function sendPieces(call: ControlCall, rows: Iterable<unknown>): Promise<{ readonly count: number }> {
  let count = 0;
  let piece: unknown[] = [];
  for (const row of rows) {
    piece.push(row);
    count += 1;
    if (piece.length < itemsAtOnce) continue;
    await call.items(piece);
    piece = [];
    await new Promise(setImmediate);
  }
  if (piece.length > 0) await call.items(piece);
  return { count };
}
