// Mounting without privileges goes through fusermount3. Runs in a mount namespace of its own, where /dev/fuse is open to everybody.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { letGoOfOthers } from '../support/mount-tools.js';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../support/fuse-user.js', import.meta.url));
const nobody = 65534;

test('a user mounts, is told when allow_other is not allowed, cleans up a dead mount, and unmounts', async (t) => {
  if (process.geteuid?.() !== 0) return t.skip('needs root to become somebody else');
  const asUser = ['setpriv', '--reuid', String(nobody), '--regid', String(nobody), '--clear-groups'];
  const readable = await run('setpriv', [...asUser.slice(1), 'test', '-r', script]).then(
    () => true,
    () => false,
  );
  if (!readable) return t.skip('this checkout cannot be read by other users');
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-fuse-user-'));
  try {
    const mountPoint = join(folder, 'mnt');
    await chmod(folder, 0o755);
    await mkdir(mountPoint);
    await chown(mountPoint, nobody, nobody);
    await run('mknod', ['-m', '666', join(folder, 'fuse'), 'c', '10', '229']);
    const inside = `${letGoOfOthers}; mount --bind "$1" /dev/fuse && shift && exec "$@"`;
    const { stdout } = await run('unshare', ['-m', 'sh', '-c', inside, 'sh', join(folder, 'fuse'), ...asUser, process.execPath, script, mountPoint], { timeout: 30_000 });
    assert.deepEqual(stdout.trim().split('\n'), ['fusermount-refused', 'holdfast:user fuse.holdfast', 'hello', 'cut dead', 'unmounted empty']);
  } finally {
    await rm(folder, { recursive: true });
  }
  return undefined;
});
