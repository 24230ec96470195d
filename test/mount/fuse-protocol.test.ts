// The kernel channel under a real mount, with a file system in memory behind it. All access comes from child processes: this
// process answers the kernel, so a synchronous call of its own into the mount would wait for itself for ever. Starting a child
// with its `cwd` in the mount is such a call (libuv waits until the child has changed its directory), hence `env -C`.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SystemClock } from '../../src/base/clock.js';
import { HoldfastError } from '../../src/base/errors.js';
import { ROOT_INO } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import { abortConnection, inspectMountPoint } from '../../src/fuse/mount-point.js';
import { FuseSession } from '../../src/fuse/session.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const run = promisify(execFile);
const clock = new SystemClock();
const skip = process.geteuid?.() === 0 ? false : 'needs root';

let folder = '';
let fileSystem: MemoryFileSystem;
let session: FuseSession;
const fatal: unknown[] = [];

async function mounted(files: MemoryFileSystem, mountPoint: string, flags: readonly string[] = []): Promise<FuseSession> {
  const settings = { interruptPollMs: 100 };
  return FuseSession.mount({ fileSystem: files, mountPoint, name: 'test', allowOther: true, flags, clock, logger: silentLogger, onFatal: (error) => fatal.push(error), settings });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-fuse-'));
  if (skip !== false) return;
  await run('mkdir', [join(folder, 'mnt'), join(folder, 'other')]);
  fileSystem = new MemoryFileSystem();
  session = await mounted(fileSystem, join(folder, 'mnt'));
});

after(async () => {
  if (skip === false) {
    await session.unmount({ lazy: true });
    assert.equal(await session.ended, 'unmounted');
    assert.equal(fileSystem.destroyed, 1);
  }
  // Whatever failed, nothing stays mounted, and no synchronous call goes into what might be.
  for (const name of ['mnt', 'other']) await run('umount', ['-l', join(folder, name)]).catch(() => undefined);
  await rm(folder, { recursive: true });
  assert.deepEqual(fatal, []);
});

/** Runs Python in the mount: its os module is as close to the system calls as a script gets. Gives what it prints. */
async function python(script: string, cwd = session.mountPoint): Promise<string> {
  const { stdout } = await run('env', ['-C', cwd, 'python3', '-c', `import os, errno, stat, ctypes\n${script}`], { timeout: 60_000 });
  return stdout.trim();
}

/** A Python process that the kernel keeps waiting for an answer. */
function blocked(script: string): ChildProcess {
  return spawn('env', ['-C', session.mountPoint, 'python3', '-c', `import os\n${script}`], { stdio: 'ignore' });
}

/** A process whose working directory is `folder`, once it is there. */
async function sleeper(directory: string): Promise<ChildProcess> {
  const child = spawn('env', ['-C', directory, 'sh', '-c', 'echo here; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((settle) => child.stdout?.once('data', settle));
  return child;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    assert.ok(waited < 10_000, what);
    await delay(5);
  }
}

const ended = (child: ChildProcess): Promise<NodeJS.Signals | null> => new Promise((settle) => child.on('exit', (_code, signal) => settle(signal)));

test('what is written is read back: buffered, direct, appended, across pages and requests', { skip }, async () => {
  await python(`
data = os.urandom(3 * 1024 * 1024 + 17)
fd = os.open('data', os.O_RDWR | os.O_CREAT, 0o640)
assert os.write(fd, data) == len(data)
assert os.pread(fd, len(data) + 10, 0) == data
os.pwrite(fd, b'in the middle', 4090)
data = data[:4090] + b'in the middle' + data[4103:]
os.fsync(fd); os.fdatasync(fd); os.close(fd)
with open('data', 'ab') as f: f.write(b'tail')
os.posix_fadvise(os.open('data', os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)
assert open('data', 'rb').read() == data + b'tail'
s = os.stat('data')
assert s.st_size == len(data) + 4 and stat.S_IMODE(s.st_mode) == 0o640, s
os.truncate('data', 5)
assert open('data', 'rb').read() == data[:5]
with open('data', 'wb') as f: assert os.fstat(f.fileno()).st_size == 0
import mmap
fd = os.open('direct', os.O_RDWR | os.O_CREAT | os.O_DIRECT)
page = mmap.mmap(-1, 1 << 20); page.write(b'x' * (1 << 20))
assert os.write(fd, page) == 1 << 20
os.lseek(fd, 0, 0); page.seek(0); assert os.readv(fd, [page]) == 1 << 20`);
});

test('5,000 names are listed once each, with types and attributes, and again while names go', { skip }, async () => {
  await python(`
os.mkdir('many')
for i in range(5000): os.close(os.open('many/f%04d' % i, os.O_CREAT | os.O_WRONLY))
names = sorted(os.listdir('many'))
assert names == ['f%04d' % i for i in range(5000)]
assert all(e.is_file() and e.stat().st_nlink == 1 for e in os.scandir('many'))
for n in names[::2]: os.unlink('many/' + n)
assert sorted(os.listdir('many')) == names[1::2]
try: os.rmdir('many'); assert False
except OSError as e: assert e.errno == errno.ENOTEMPTY
for e in os.scandir('many'): os.unlink(e.path)
os.rmdir('many')`);
});

test('renames: over a file, over nothing only, and exchanged', { skip }, async () => {
  await python(`
libc = ctypes.CDLL(None, use_errno=True)
def renameat2(a, b, flags): return 0 if libc.renameat2(-100, a, -100, b, flags) == 0 else ctypes.get_errno()
for n in 'ab': open(n, 'w').write(n)
assert renameat2(b'a', b'b', 1) == errno.EEXIST
assert renameat2(b'a', b'b', 2) == 0
assert open('a').read() == 'b' and open('b').read() == 'a'
assert renameat2(b'a', b'c', 1) == 0
os.rename('b', 'c')
assert open('c').read() == 'a' and not os.path.exists('b')
os.mkdir('d1'); os.mkdir('d2'); os.rename('d1', 'd2/inner'); assert os.listdir('d2') == ['inner']
os.link('c', 'd2/hard'); assert os.stat('c').st_nlink == 2 and os.path.samefile('c', 'd2/hard')`);
});

test('a file that is unlinked while open lives until it is closed', { skip }, async () => {
  await python(`
fd = os.open('gone', os.O_RDWR | os.O_CREAT); os.write(fd, b'still here')
os.unlink('gone')
assert not os.path.exists('gone')
assert os.pread(fd, 100, 0) == b'still here' and os.fstat(fd).st_nlink == 0
os.close(fd)`);
});

test('holes: sparse writes, SEEK_DATA and SEEK_HOLE, punching, preallocating', { skip }, async () => {
  await python(`
fd = os.open('sparse', os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b'x' * 4096, 1 << 20)
s = os.fstat(fd); assert s.st_size == (1 << 20) + 4096 and s.st_blocks == 8, s
assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 20 and os.lseek(fd, 0, os.SEEK_HOLE) == 0
assert os.lseek(fd, 1 << 20, os.SEEK_HOLE) == s.st_size
try: os.lseek(fd, s.st_size, os.SEEK_DATA); assert False
except OSError as e: assert e.errno == errno.ENXIO
libc = ctypes.CDLL(None, use_errno=True)
fallocate = lambda mode, off, n: libc.fallocate(fd, mode, ctypes.c_long(off), ctypes.c_long(n))
assert fallocate(3, 1 << 20, 4096) == 0
assert os.pread(fd, 4096, 1 << 20) == bytes(4096) and os.fstat(fd).st_blocks == 0
assert fallocate(0, 0, 2 << 20) == 0 and os.fstat(fd).st_size == 2 << 20
assert fallocate(1, 0, 4 << 20) == 0 and os.fstat(fd).st_size == 2 << 20
assert fallocate(0x20, 0, 4096) == -1 and ctypes.get_errno() == errno.EOPNOTSUPP`);
});

test('the kernel refuses to collapse, insert and unshare ranges without asking the server', { skip }, async () => {
  const before = fileSystem.fallocations;
  await python(`
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open('collapsed', os.O_RDWR | os.O_CREAT)
os.write(fd, b'x' * 16384)
for mode in 0x08, 0x20, 0x40:
    ctypes.set_errno(0)
    assert libc.fallocate(fd, mode, ctypes.c_long(0), ctypes.c_long(4096)) == -1 and ctypes.get_errno() == errno.EOPNOTSUPP, mode`);
  assert.equal(fileSystem.fallocations - before, 0, 'this kernel passes them on: see docs/decisions/collapse-range.md');
  await python(`
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open('collapsed', os.O_RDWR)
assert libc.fallocate(fd, 3, ctypes.c_long(0), ctypes.c_long(4096)) == 0`);
  assert.equal(fileSystem.fallocations - before, 1);
});

test('extended attributes: set, get, list, create only, replace only, remove, 64 KiB', { skip }, async () => {
  await python(`
open('attributed', 'w').close()
os.setxattr('attributed', 'user.a', b'1'); os.setxattr('attributed', 'user.big', b'x' * 65536); os.setxattr('attributed', 'user.empty', b'')
assert os.getxattr('attributed', 'user.big') == b'x' * 65536 and os.getxattr('attributed', 'user.empty') == b''
assert sorted(os.listxattr('attributed')) == ['user.a', 'user.big', 'user.empty']
def code(f):
  try: f()
  except OSError as e: return e.errno
assert code(lambda: os.setxattr('attributed', 'user.a', b'2', os.XATTR_CREATE)) == errno.EEXIST
assert code(lambda: os.setxattr('attributed', 'user.b', b'2', os.XATTR_REPLACE)) == errno.ENODATA
os.removexattr('attributed', 'user.a')
assert code(lambda: os.getxattr('attributed', 'user.a')) == errno.ENODATA`);
});

test('special files, symbolic links, odd names, nanosecond times, owners, statfs', { skip }, async () => {
  await python(`
os.mkfifo('fifo', 0o600); assert stat.S_ISFIFO(os.stat('fifo').st_mode)
os.mknod('device', stat.S_IFBLK | 0o660, os.makedev(259, 70000)); s = os.stat('device')
assert stat.S_ISBLK(s.st_mode) and (os.major(s.st_rdev), os.minor(s.st_rdev)) == (259, 70000)
os.symlink('x' * 4000, 'link'); assert os.readlink('link') == 'x' * 4000 and os.lstat('link').st_size == 4000
for name in [b'\\xff\\xfe not UTF-8 \\n', b'n' * 255, b'...']:
  open(name, 'w').close(); assert name in os.listdir(b'.'); os.stat(name)
try: open('n' * 256, 'w'); assert False
except OSError as e: assert e.errno == errno.ENAMETOOLONG
for a, m in [(1, 999999999), (1700000000123456789, -1500000001), (4102444800000000000, 0)]:
  os.utime('fifo', ns=(a, m)); s = os.stat('fifo'); assert (s.st_atime_ns, s.st_mtime_ns) == (a, m), s
os.chown('fifo', 1234, 5678); s = os.stat('fifo'); assert (s.st_uid, s.st_gid) == (1234, 5678)
os.chmod('fifo', 0o4711); assert stat.S_IMODE(os.stat('fifo').st_mode) == 0o4711
v = os.statvfs('.'); assert (v.f_bsize, v.f_blocks, v.f_bavail, v.f_files, v.f_ffree, v.f_namemax) == (4096, 1000000, 600000, 5000, 4000, 255), v`);
});

test("the caller's uid and gid own what is made, the kernel checks permissions, and writing clears setuid", { skip }, async () => {
  await python(`
os.chmod('.', 0o777)
open('suid', 'w').close(); os.chmod('suid', 0o6777)
open('private', 'w').close(); os.chmod('private', 0o600)
os.setgroups([]); os.setgid(4321); os.setuid(1234)
open('mine', 'w').close(); s = os.stat('mine'); assert (s.st_uid, s.st_gid) == (1234, 4321), s
try: open('private'); assert False
except PermissionError: pass
with open('suid', 'a') as f: f.write('x')
assert stat.S_IMODE(os.stat('suid').st_mode) == 0o777, oct(os.stat('suid').st_mode)`);
});

test('locks are kept by the kernel', { skip }, async () => {
  await python(`
import fcntl
a = open('locked', 'w'); fcntl.flock(a, fcntl.LOCK_EX)
b = open('locked', 'w')
try: fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB); assert False
except BlockingIOError: pass
fcntl.lockf(a, fcntl.LOCK_EX)`);
});

test('a process that is killed while its write waits goes away, and the write never happens', { skip }, async () => {
  await python(`open('blocked', 'w').write('before')`);
  let open = (): void => {};
  fileSystem.admission = new Promise((settle) => (open = settle));
  const child = blocked(`os.pwrite(os.open('blocked', os.O_WRONLY), b'AFTER!', 0)`);
  await until(() => session.counters.pending === 1, 'the write waits');
  const exit = ended(child);
  child.kill('SIGKILL');
  assert.equal(await exit, 'SIGKILL');
  assert.equal(session.counters.pending, 0);
  fileSystem.admission = null;
  open();
  assert.equal(await python(`print(open('blocked').read())`), 'before');
});

test('a signal that is handled does not disturb a write that waits', { skip }, async () => {
  let open = (): void => {};
  fileSystem.admission = new Promise((settle) => (open = settle));
  const child = blocked(`
import signal
signal.signal(signal.SIGALRM, lambda *_: None); signal.setitimer(signal.ITIMER_REAL, 0.2, 0.05)
libc = __import__('ctypes').CDLL(None)
assert libc.pwrite(os.open('blocked', os.O_WRONLY), b'signal', 6, 0) == 6
# Python takes its handlers away before it ends.
signal.setitimer(signal.ITIMER_REAL, 0)`);
  await until(() => session.counters.pending === 1, 'the write waits');
  await delay(500);
  assert.equal(session.counters.pending, 1);
  const exit = new Promise((settle) => child.on('exit', settle));
  fileSystem.admission = null;
  open();
  assert.equal(await exit, 0);
  assert.equal(await python(`print(open('blocked').read())`), 'signal');
});

test('a process that is killed while its read waits goes away at once', { skip }, async () => {
  let open = (): void => {};
  fileSystem.readGate = new Promise((settle) => (open = settle));
  const child = blocked(`
import mmap
page = mmap.mmap(-1, 4096); os.readv(os.open('direct', os.O_RDONLY | os.O_DIRECT), [page])`);
  await until(() => session.counters.pending === 1, 'the read waits');
  const exit = ended(child);
  child.kill('SIGTERM');
  assert.equal(await exit, 'SIGTERM');
  fileSystem.readGate = null;
  open();
});

test('what the daemon changes on its own is seen after a notification', { skip }, async () => {
  await python(`open('noted', 'w').write('old'); assert open('noted').read() == 'old'`);
  const entry = await fileSystem.lookup(ROOT_INO, Buffer.from('noted'));
  fileSystem.forget(entry.inode.ino, 1);
  const handle = { killPriv: false, data: Buffer.from('new!') };
  fileSystem.write(entry.inode.ino, 0, 0, handle.data, handle.killPriv);
  await session.invalidateInode(entry.inode.ino, 0, -1);
  assert.equal(await python(`print(open('noted').read())`), 'new!');
  fileSystem.unlink(ROOT_INO, Buffer.from('noted'));
  assert.equal(await python(`print(os.path.exists('noted'))`), 'True', 'the kernel believes what it was told');
  await session.invalidateEntry(ROOT_INO, Buffer.from('noted'));
  assert.equal(await python(`print(os.path.exists('noted'))`), 'False');
  await session.invalidateEntry(ROOT_INO, Buffer.from('never heard of'));
});

test('several mounts live in one process; a busy one says so; read-only ones refuse writes', { skip }, async () => {
  const other = join(folder, 'other');
  const second = await mounted(new MemoryFileSystem(), other, ['ro']);
  await python(
    `
try: open('x', 'w'); assert False
except OSError as e: assert e.errno == errno.EROFS`,
    other,
  );
  const inside = await sleeper(other);
  await assert.rejects(second.unmount({ lazy: false }), (error: unknown) => error instanceof HoldfastError && error.code === 'mount-busy');
  await assert.rejects(mounted(new MemoryFileSystem(), other), /is mounted there/);
  const exit = ended(inside);
  inside.kill();
  await exit;
  await second.unmount({ lazy: false });
  assert.equal(await second.ended, 'unmounted');
  assert.equal((await inspectMountPoint(other, clock)).state, 'empty');
});

test('what a dead daemon left is found although the kernel remembers it, and the next mount cleans it up', { skip }, async () => {
  const other = join(folder, 'other');
  for (const die of ['abort', 'cut'] as const) {
    const dead = await mounted(new MemoryFileSystem(), other);
    await python(`os.stat('.')`, other);
    const { mount } = await inspectMountPoint(other, clock);
    assert.equal(mount?.type, 'fuse.holdfast');
    assert.equal(mount?.source, 'holdfast:test');
    if (die === 'abort') dead.abort();
    else await abortConnection(mount as NonNullable<typeof mount>); // asserted above
    const end = await dead.ended;
    // Where fusectl is not mounted the cut is a forced unmount, which ends the mount as well.
    assert.ok(end === 'cut' || die === 'cut', end);
    const { state } = await inspectMountPoint(other, clock);
    assert.ok(state === 'dead' || (state === 'empty' && die === 'cut'), state);
  }
  const next = await mounted(new MemoryFileSystem(), other);
  await python(`open('works', 'w').close()`, other);
  await next.unmount({ lazy: false });
  assert.equal((await inspectMountPoint(other, clock)).state, 'empty');
});

test('a lazy unmount ends when the last file is closed', { skip }, async () => {
  const other = join(folder, 'other');
  const lazy = await mounted(new MemoryFileSystem(), other);
  const inside = await sleeper(other);
  await lazy.unmount({ lazy: true });
  assert.equal((await inspectMountPoint(other, clock)).state, 'empty');
  let over = false;
  void lazy.ended.then(() => (over = true));
  await delay(100);
  assert.equal(over, false);
  inside.kill();
  assert.equal(await lazy.ended, 'unmounted');
});

test('every handle that was opened is given back', { skip }, async () => {
  await until(() => fileSystem.openHandles === 0, `${fileSystem.openHandles} handles are open`);
});
