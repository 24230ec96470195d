// The judge is judged: every POSIX check passes on a filesystem of the kernel. The place is HOLDFAST_POSIX_DIR, else the
// first of the usual temporary places that is on ext4, xfs or btrfs.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LoopDisk, loopDiskObstacle } from '../support/loop-disks.js';
import { posixChecks, runCheck } from './posix-checks.js';

/** f_type, linux/magic.h. */
const localFilesystems: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e]);

const places = process.env.HOLDFAST_POSIX_DIR === undefined ? [tmpdir(), '/var/tmp'] : [process.env.HOLDFAST_POSIX_DIR];
const place = places.find((path) => localFilesystems.has(statfsSync(path).type));

const ext4 = 0xef53;
const xfs = 0x58465342;
const isWide = (name: string): boolean => name.startsWith('wide: ');
// The files of ext4 end long before these: they are judged on an xfs of our own, where there can be one.
const wideElsewhere = place !== undefined && statfsSync(place).type === ext4 && loopDiskObstacle === null;

if (place === undefined) {
  test('POSIX checks on a local filesystem', { skip: `none of ${places.join(', ')} is on ext4, xfs or btrfs` }, () => {});
} else {
  const dir = mkdtempSync(join(place, 'posix-'));
  chmodSync(dir, 0o755);
  after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, check] of Object.entries(posixChecks)) {
    if (wideElsewhere && isWide(name)) continue;
    test(name, async (context) => {
      const { outcome, reason } = await runCheck(dir, name, check);
      if (outcome === 'skipped') context.skip(reason);
      assert.notEqual(outcome, 'failed', reason);
    });
  }
}

const wide = Object.entries(posixChecks).filter(([name]) => isWide(name));
const obstacle = place !== undefined && statfsSync(place).type === xfs ? 'they were judged above' : loopDiskObstacle;

describe('files larger than those of ext4, on xfs', { skip: obstacle ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posix-xfs-'));
  let disk: LoopDisk | null = null;
  before(() => {
    disk = new LoopDisk(folder, 512 * 1024 * 1024);
  });
  after(() => {
    disk?.end();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const [name, check] of wide) {
    test(name, async () => {
      const { outcome, reason } = await runCheck(disk?.path ?? '', name, check);
      assert.equal(outcome, 'passed', reason);
    });
  }
});
