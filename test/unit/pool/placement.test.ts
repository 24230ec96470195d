import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { fileBytes, shardBytesFor } from '../../../src/format/shard.js';
import type { Disk } from '../../../src/disk/disk.js';
import { choosePlacement, cutFor } from '../../../src/pool/placement.js';
import type { Candidate } from '../../../src/pool/placement.js';

const MiB = 1024 * 1024;

function candidates(...freeBytes: readonly number[]): Candidate[] {
  return freeBytes.map((free, i) => ({ disk: { id: `d${i}`, path: `/d${i}` } as unknown as Disk, freeBytes: free, reserveBytes: MiB }));
}

function ids(disks: readonly Disk[] | undefined): string[] {
  return (disks ?? []).map((disk) => disk.id);
}

test('the cut follows the number of disks: width is given up first, then delta shards, then parity', () => {
  const asked = { m: 1, e: 1 };
  assert.deepEqual(cutFor(6, asked), { k: 4, m: 1, e: 1 });
  assert.deepEqual(cutFor(3, asked), { k: 1, m: 1, e: 1 });
  assert.deepEqual(cutFor(2, asked), { k: 1, m: 1, e: 0 });
  assert.deepEqual(cutFor(1, asked), { k: 1, m: 0, e: 0 });
});

test('all disks with room take part, each with one shard', () => {
  const plan = choosePlacement(candidates(100 * MiB, 100 * MiB, 100 * MiB, 100 * MiB), { m: 1, e: 1 }, 32 * MiB, 0);
  assert.deepEqual([plan?.k, plan?.m, plan?.e, plan?.degraded], [2, 1, 1, false]);
  assert.deepEqual(ids(plan?.disks).sort(), ['d0', 'd1', 'd2', 'd3']);
});

test('a disk without room is left out and becomes neither spare nor member', () => {
  const plan = choosePlacement(candidates(100 * MiB, 4 * MiB, 100 * MiB, 100 * MiB), { m: 1, e: 1 }, 32 * MiB, 0);
  assert.deepEqual([plan?.k, plan?.m, plan?.e], [1, 1, 1]);
  assert.deepEqual(ids(plan?.disks).sort(), ['d0', 'd2', 'd3']);
  assert.deepEqual(ids(plan?.spares), []);
});

test('accepted data dips into the reserve rather than lose redundancy', () => {
  const need = fileBytes(shardBytesFor(2 * MiB, 1));
  const plan = choosePlacement(candidates(need, need, need), { m: 1, e: 1 }, 2 * MiB, 0);
  assert.deepEqual([plan?.k, plan?.m, plan?.e, plan?.degraded], [1, 1, 1, false]);
});

test('with nothing else possible a segment is written with less redundancy, and says so', () => {
  const plan = choosePlacement(candidates(100 * MiB, 100 * MiB), { m: 1, e: 1 }, MiB, 0);
  assert.deepEqual([plan?.k, plan?.m, plan?.e, plan?.degraded], [1, 1, 0, true]);
  assert.equal(choosePlacement(candidates(1000, 1000), { m: 1, e: 1 }, MiB, 0), null);
  assert.equal(choosePlacement([], { m: 0, e: 0 }, MiB, 0), null);
});

test('the kinds of shards wander over the disks from segment to segment', () => {
  const delta = new Map<string, number>();
  for (let segment = 1; segment <= 400; segment++) {
    const plan = choosePlacement(candidates(900 * MiB, 700 * MiB, 800 * MiB, 600 * MiB), { m: 1, e: 1 }, MiB, segment);
    const last = plan?.disks.at(-1)?.id ?? '';
    delta.set(last, (delta.get(last) ?? 0) + 1);
  }
  assert.deepEqual([...delta.values()], [100, 100, 100, 100]);
});

test('never more shards than a segment may have', () => {
  const plan = choosePlacement(candidates(...Array.from({ length: 40 }, (_, i) => (100 + i) * MiB)), { m: 1, e: 1 }, 32 * MiB, 3);
  assert.equal(plan?.disks.length, 32);
  assert.equal(plan?.spares.length, 8);
  assert.ok(!ids(plan?.disks).includes('d0'), 'the fullest disk is spared');
});
