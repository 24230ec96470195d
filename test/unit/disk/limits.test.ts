// What a process and a disk can hold besides bytes: descriptors and inodes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asDiskId } from '../../../src/base/ids.js';
import { descriptorsOther, descriptorsPerDisk, diskFilesReserve } from '../../../src/base/limits.js';
import { LocalDisk } from '../../../src/disk/local-disk.js';
import { checkDescriptors, descriptorLimit } from '../../../src/volume/descriptors.js';

test('too small a limit of open files is refused with the number that is wanted', () => {
  const wanted = 4 * descriptorsPerDisk + descriptorsOther;
  checkDescriptors(4, wanted);
  checkDescriptors(4, Number.POSITIVE_INFINITY);
  assert.throws(() => checkDescriptors(4, wanted - 1), { code: 'open-files-limit', hint: new RegExp(`LimitNOFILE=${wanted}`) });
  const ours = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  assert.equal(String(descriptorLimit()).replace('Infinity', 'unlimited'), ours);
});

test('a disk whose table of inodes is nearly full has no room, and has it again when files are removed', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async () => {
  const folder = mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'inodes-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=64M,nr_inodes=${diskFilesReserve + 10}`, 'tmpfs', folder]);
  try {
    const disk = await LocalDisk.open(folder, asDiskId('44444444-4444-4444-8444-444444444444'));
    const free = (await disk.space()).fileRoomBytes;
    assert.ok(free > 0 && free <= 10 * 1024 ** 2, `${free}: by inodes, not by bytes`);
    for (let file = 0; file < 12; file++) writeFileSync(join(folder, `file-${file}`), '');
    assert.equal((await disk.space()).fileRoomBytes, 0);
    assert.ok((await disk.space()).freeBytes > 0, 'what there is in bytes is there for the journal');
    for (let file = 0; file < 12; file++) rmSync(join(folder, `file-${file}`));
    assert.ok((await disk.space()).fileRoomBytes > 0);
    await disk.close();
  } finally {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
});
