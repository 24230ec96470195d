// Mounts as whoever runs it, which is meant to be somebody without privileges: `node fuse-user.js MOUNTPOINT`.
// Prints one line a step; what they must say is in test/mount/fuse-protocol-user.test.ts.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SystemClock } from '../../src/base/clock.js';
import { HoldfastError } from '../../src/base/errors.js';
import { asIno } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import { inspectMountPoint } from '../../src/fuse/mount-point.js';
import { FuseSession } from '../../src/fuse/session.js';
import { MemoryFileSystem } from './memory-file-system.js';

const run = promisify(execFile);
const clock = new SystemClock();
const mountPoint = process.argv[2] ?? '';

function mounted(allowOther: boolean, flags: readonly string[]): Promise<FuseSession> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.setattr({ uid: 0, gid: 0, pid: 0 }, asIno(1), { mode: 0o777 });
  const onFatal = (error: unknown): never => {
    throw error;
  };
  return FuseSession.mount({ fileSystem, mountPoint, name: 'user', allowOther, flags, clock, logger: silentLogger, onFatal });
}

const refusal = await mounted(true, []).catch((error: unknown) => error);
console.log(refusal instanceof HoldfastError ? refusal.code : 'not refused');
const session = await mounted(false, []);
const { stdout } = await run('sh', ['-c', 'grep " $1 " /proc/mounts | cut -d" " -f1,3; echo hello > "$1/file"; cat "$1/file"', 'sh', mountPoint]);
console.log(stdout.trim());
session.abort();
console.log(await session.ended, (await inspectMountPoint(mountPoint, clock)).state);
const next = await mounted(false, ['ro']);
await next.unmount({ lazy: false });
console.log(await next.ended, (await inspectMountPoint(mountPoint, clock)).state);
