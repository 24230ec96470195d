// What is read from the mount table, and which words mount options may be.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SystemClock } from '../../../src/base/clock.js';
import { HoldfastError } from '../../../src/base/errors.js';
import { isDying } from '../../../src/fuse/caller-state.js';
import { flagsOf } from '../../../src/fuse/mount-flags.js';
import { inspectMountPoint, prepareMountPoint } from '../../../src/fuse/mount-point.js';
import { mountAt, mountOfDevice, parseMountTable } from '../../../src/fuse/mount-table.js';

test('the mount table gives path, type, source and device, and undoes the escapes', () => {
  const text = [
    '36 35 98:0 /root /mnt1 rw,noatime master:1 - ext3 /dev/root rw,errors=continue',
    '37 35 0:44 / /mnt/a\\040b\\134c rw,nosuid shared:2 master:3 - fuse.holdfast holdfast:photos rw,user_id=0',
    '38 35 0:45 / /mnt1 rw - tmpfs none rw',
    '',
  ].join('\n');
  const table = parseMountTable(text);
  assert.equal(table.length, 3);
  assert.deepEqual(table[1], { mountPoint: '/mnt/a b\\c', type: 'fuse.holdfast', source: 'holdfast:photos', device: '0:44' });
  assert.equal(mountAt(table, '/mnt1')?.type, 'tmpfs', 'the last one is the one that is seen');
  assert.equal(mountAt(table, '/mnt'), undefined);
  assert.equal(mountOfDevice(table, '98:0', '/mnt1')?.type, 'ext3', 'hidden under another one, but there');
  assert.equal(mountOfDevice(table, '0:44', '/somewhere/else')?.mountPoint, '/mnt/a b\\c', 'moved');
  assert.equal(mountOfDevice(table, '0:99', '/mnt1'), undefined, 'detached');
});

test('mount words become flags: nosuid and nodev hold unless taken back, and an unknown word is refused', () => {
  assert.equal(flagsOf([]), 2 | 4);
  assert.equal(flagsOf(['ro', 'suid', 'dev']), 1);
  assert.equal(flagsOf(['ro', 'rw', 'noexec', 'noatime']), 2 | 4 | 8 | 1024);
  assert.throws(
    () => flagsOf(['rwx']),
    (error: unknown) => error instanceof HoldfastError && error.code === 'mount-option-unknown',
  );
});

test('a mount point is told apart: missing, a file, not empty, empty, mounted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mount-point-'));
  const clock = new SystemClock();
  try {
    mkdirSync(join(folder, 'empty'));
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'photo'), 'x');
    symlinkSync('empty', join(folder, 'link'));
    const stateOf = async (path: string) => (await inspectMountPoint(path, clock)).state;
    assert.equal(await stateOf(join(folder, 'none')), 'missing');
    assert.equal(await stateOf(join(folder, 'none', 'deeper')), 'missing');
    assert.equal(await stateOf(join(folder, 'full', 'photo')), 'not-directory');
    assert.equal(await stateOf(join(folder, 'full')), 'not-empty');
    assert.equal(await stateOf(join(folder, 'empty')), 'empty');
    assert.equal((await inspectMountPoint('/proc', clock)).mount?.type, 'proc');
    assert.equal(await prepareMountPoint(join(folder, 'link'), clock), join(folder, 'empty'));
    await assert.rejects(prepareMountPoint(join(folder, 'full'), clock), /is not empty/);
    await assert.rejects(prepareMountPoint('/proc', clock), /is mounted there/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a living process is not dying, and one that does not exist is', async () => {
  assert.equal(await isDying(process.pid), false);
  assert.equal(await isDying(2 ** 22 + 1), true);
  assert.equal(await isDying(0), true);
});
