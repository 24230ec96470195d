// The workloads, in groups: each runs on one target and adds its figures. A group leaves nothing behind but what a later one names.
// "cold": the target was unmounted with all its disks and mounted again; "warm": read in full just before.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { client, fio, run } from './child.js';
import type { RealTree } from './real-tree.js';
import type { Results } from './results.js';
import { type DiskTraffic, syncDisks, traffic, trafficSince } from './rig.js';
import type { Target } from './target.js';

export interface Sizes {
  readonly bigMebibytes: number;
  readonly randomMebibytes: number;
  readonly smallFiles: number;
  readonly fioSeconds: number;
  readonly appends: number;
}

export interface Stage {
  readonly results: Results;
  readonly sizes: Sizes;
  readonly tree: RealTree;
}

const megabyte = 1e6;
const mebibyte = 1024 * 1024;

export function bigPath(target: Target): string {
  return join(target.folder, 'big');
}

/** Leaves the big file. */
export async function sequential({ results, sizes }: Stage, target: Target): Promise<void> {
  const path = bigPath(target);
  const bytes = sizes.bigMebibytes * mebibyte;
  const rate = (seconds: number): number => bytes / megabyte / seconds;
  // Untimed: its memory, freed by the unlink, serves the timed one.
  await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  unlinkSync(path);
  await target.cold();
  const start = traffic(target.disks);
  const [wrote] = await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  results.add(target.name, 'sequential write + fsync', 'MB/s', rate(wrote));
  // What the disks' own file systems still hold back belongs to it; images and marks of the unmount are shown apart.
  syncDisks(target.disks);
  const went = trafficSince(target.disks, start);
  results.add(target.name, 'disk bytes per byte, durable', 'x', went.writtenBytes / bytes, `${went.flushes} flushes`);
  await target.cold();
  results.add(target.name, 'disk bytes per byte, and unmounted', 'x', trafficSince(target.disks, start).writtenBytes / bytes);
  const [cold] = await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
  results.add(target.name, 'sequential read, cold', 'MB/s', rate(cold));
  const [warm] = await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
  results.add(target.name, 'sequential read, warm', 'MB/s', rate(warm));
}

export async function random({ results, sizes }: Stage, target: Target): Promise<void> {
  const path = join(target.folder, 'random');
  await client({ work: 'write', path, mebibytes: sizes.randomMebibytes });
  await target.cold();
  const half = sizes.randomMebibytes / 2;
  // Each block is read once at most, so both halves stay cold.
  const one = await fio(path, 'randread', { size: `${half}M`, runtime: sizes.fioSeconds });
  results.add(target.name, 'random read 4 KiB, 1 at a time', '/s', one.operationsPerSecond, `p99 ${one.p99Microseconds.toFixed(0)} us`);
  const many = await fio(path, 'randread', { numjobs: 16, offset: `${half}M`, size: `${half / 16}M`, offset_increment: `${half / 16}M`, runtime: sizes.fioSeconds });
  results.add(target.name, 'random read 4 KiB, 16 at a time', '/s', many.operationsPerSecond, `p99 ${many.p99Microseconds.toFixed(0)} us`);
  const end = await fio(path, 'randwrite', { size: `${half}M`, io_size: `${half}M`, end_fsync: 1 });
  results.add(target.name, 'random write 4 KiB + one fsync', '/s', end.operationsPerSecond);
  const start = traffic(target.disks);
  const each = await fio(path, 'randwrite', { offset: `${half}M`, size: `${half}M`, fsync: 1, runtime: sizes.fioSeconds });
  results.add(target.name, 'random write 4 KiB, fsync each', '/s', each.operationsPerSecond, perOperation(trafficSince(target.disks, start), each.operations));
  unlinkSync(path);
}

export async function synced({ results, sizes }: Stage, target: Target): Promise<void> {
  const path = join(target.folder, 'appended');
  const start = traffic(target.disks);
  const [seconds, p99] = await client({ work: 'append', path, times: sizes.appends });
  results.add(target.name, 'append 4 KiB, fsync each', '/s', sizes.appends / seconds, perOperation(trafficSince(target.disks, start), sizes.appends));
  results.add(target.name, 'append 4 KiB, fsync each: p99', 'us', p99 * 1e6);
  unlinkSync(path);
}

export async function small({ results, sizes }: Stage, target: Target): Promise<void> {
  const folder = join(target.folder, 'small');
  const files = sizes.smallFiles;
  const add = (metric: string, seconds: number): void => results.add(target.name, metric, '/s', files / seconds);
  add('create 4 KiB files', (await client({ work: 'create', folder, files }))[0]);
  await target.cold();
  const [cold, warm] = await client({ work: 'stat', folder, files });
  add('stat, cold', cold);
  add('stat, warm', warm);
  await target.cold();
  add('list names, cold', (await client({ work: 'list', folder, files }))[0]);
  await target.cold();
  add('read 4 KiB files, cold', (await client({ work: 'read-small', folder, files }))[0]);
  add('delete', (await client({ work: 'delete', folder, files }))[0]);
  rmSync(folder, { recursive: true });
}

export async function tree({ results, tree: real }: Stage, target: Target): Promise<void> {
  const folder = join(target.folder, 'tree');
  mkdirSync(folder);
  await target.cold();
  const note = `${real.files} files, ${(real.bytes / megabyte).toFixed(0)} MB`;
  results.add(target.name, 'untar + sync', 's', await seconds(() => run('sh', ['-c', 'tar -xf "$1" -C "$2" && sync "$2" && sync -f "$2"', 'sh', real.tar, folder])), note);
  await target.cold();
  results.add(target.name, 'grep -r, cold', 's', await seconds(() => run('sh', ['-c', 'grep -r -F -q zz-no-such-words-zz "$1"; test $? = 1', 'sh', folder])));
  await run('tar', ['-df', real.tar, '-C', folder]);
  results.add(target.name, 'rm -r + sync', 's', await seconds(() => run('sh', ['-c', 'rm -r "$1" && sync "$2" && sync -f "$2"', 'sh', folder, target.folder])));
}

export async function seconds(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** Memory that the next step takes was taken before: see client.ts. */
export async function prime(mebibytes: number): Promise<void> {
  await client({ work: 'prime', mebibytes });
}

/** Bytes of shard files on the disks. */
export function storedBytes(target: Target): number {
  syncDisks(target.disks);
  const folders = target.disks.map((disk) => join(disk.folder, 'shards'));
  const said = execFileSync('du', ['-s', '-B1', ...folders], { encoding: 'utf8' });
  return said
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.split('\t')[0]), 0);
}

function perOperation(went: DiskTraffic, operations: number): string {
  return `each ${(went.writtenBytes / operations / 1024).toFixed(1)} KiB to disks, ${(went.flushes / operations).toFixed(2)} flushes`;
}
