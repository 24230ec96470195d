// 4 KiB at random places of one big file: reads one and sixteen at a time, each block at most once, so that they stay cold; writes with
// one fsync at the end and with one after each.
import { join } from 'node:path';
import { client, fio } from '../child.js';
import { expectReal, makeCold, observed, type Stage } from '../stage.js';
import type { Target } from '../target.js';

const blockBytes = 4096;
const jobs = 16;

export async function random(stage: Stage, target: Target): Promise<void> {
  const { results, sizes } = stage;
  const path = join(target.folder, 'random');
  await client({ work: 'write', path, mebibytes: sizes.randomMebibytes });
  await makeCold(target);
  const half = sizes.randomMebibytes / 2;
  const runtime = sizes.fioSeconds;
  const one = await observed(target, () => fio(path, 'randread', { size: `${half}M`, runtime }));
  results.add(target.name, 'random read 4 KiB, QD1', '/s', one.value.operationsPerSecond, one.went, `p99 ${one.value.p99Microseconds.toFixed(0)} us`);
  expectReal(stage, target, 'bytes of random reads', one.went.readBytes, one.value.operations * blockBytes);
  const many = await observed(target, () => fio(path, 'randread', { numjobs: jobs, offset: `${half}M`, size: `${half / jobs}M`, offset_increment: `${half / jobs}M`, runtime }));
  results.add(target.name, 'random read 4 KiB, QD16', '/s', many.value.operationsPerSecond, many.went, `p99 ${many.value.p99Microseconds.toFixed(0)} us`);
  const each = await observed(target, () => fio(path, 'randwrite', { size: `${half}M`, fsync: 1, runtime }));
  results.add(target.name, 'random write 4 KiB, fsync each', '/s', each.value.operationsPerSecond, each.went, `p99 of a sync ${each.value.syncP99Microseconds.toFixed(0)} us`);
  results.add(target.name, 'fsync each: KiB to the disks', 'KiB', each.went.writtenBytes / each.value.operations / 1024);
  results.add(target.name, 'fsync each: flushes', 'x', each.went.flushes / each.value.operations);
  expectReal(stage, target, 'flushes of random writes with an fsync each', each.went.flushes, each.value.operations);
  const end = await observed(target, () => fio(path, 'randwrite', { offset: `${half}M`, size: `${half}M`, io_size: `${half / 8}M`, end_fsync: 1 }));
  results.add(target.name, 'random write 4 KiB, one fsync', '/s', end.value.operationsPerSecond, end.went);
  expectReal(stage, target, 'bytes of random writes', end.went.writtenBytes, end.value.operations * blockBytes);
}
