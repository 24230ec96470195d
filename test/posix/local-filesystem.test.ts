// The judge is judged: every POSIX check passes on a filesystem of the kernel. The place is HOLDFAST_POSIX_DIR, else the
// first of the usual temporary places that is on ext4, xfs or btrfs.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { posixChecks, runCheck } from './posix-checks.js';

/** f_type, linux/magic.h. */
const localFilesystems: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e]);

const places = process.env.HOLDFAST_POSIX_DIR === undefined ? [tmpdir(), '/var/tmp'] : [process.env.HOLDFAST_POSIX_DIR];
const place = places.find((path) => localFilesystems.has(statfsSync(path).type));

if (place === undefined) {
  test('POSIX checks on a local filesystem', { skip: `none of ${places.join(', ')} is on ext4, xfs or btrfs` }, () => {});
} else {
  const dir = mkdtempSync(join(place, 'posix-'));
  chmodSync(dir, 0o755);
  after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, check] of Object.entries(posixChecks)) {
    test(name, async (context) => {
      const { outcome, reason } = await runCheck(dir, name, check);
      if (outcome === 'skipped') context.skip(reason);
      assert.notEqual(outcome, 'failed', reason);
    });
  }
}
