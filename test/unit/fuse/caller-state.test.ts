// What /proc says of a process: here of this one, of one that has ended, and of none.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isDying, isInGroup } from '../../../src/fuse/caller-state.js';

/** No process has groups as large as that. */
const foreign = 0xffff_fff0;
const uid = process.getuid?.() ?? 0;

test('a caller is in its own group and in its supplementary ones, in no other', () => {
  const self = { uid, gid: foreign, pid: process.pid };
  assert.ok(isInGroup(self, foreign), 'its own, as the request says');
  for (const gid of (process.getgroups?.() ?? []).filter((each) => each !== process.getgid?.())) assert.ok(isInGroup(self, gid));
  assert.equal(isInGroup({ ...self, gid: 1 }, foreign), false);
});

test('who cannot be asked is in its own group only, and counts as dying', async () => {
  const ended = { uid, gid: 1, pid: spawnSync('true').pid };
  assert.ok(isInGroup(ended, 1));
  for (const caller of [ended, { ...ended, pid: 0 }]) {
    assert.equal(isInGroup(caller, 0), false);
    assert.equal(await isDying(caller.pid), true);
  }
  assert.equal(await isDying(process.pid), false);
});
