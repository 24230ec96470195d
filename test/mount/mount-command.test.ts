// mount(8) and umount(8) themselves, with the helpers that `make install` puts into /sbin: a Holdfast volume is mounted, remounted
// and unmounted as any other filesystem is, by hand and from /etc/fstab.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { MountTools } from '../support/mount-tools.js';
import { eventually, mountObstacle, program, VolumeProcess } from '../support/volume-process.js';

const nobody = { uid: 65534, gid: 65534 };

describe('mount(8) and umount(8)', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name, mountPoint } = volume;
  const clients: ChildProcess[] = [];
  let tools: MountTools;

  before(async () => {
    // Other users look in, too.
    chmodSync(volume.folder, 0o755);
    await volume.init();
    tools = await MountTools.start(volume.path('tools'), volume.environment);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.kill('SIGKILL');
    tools.fstab();
    if (tools.mountAt(mountPoint) !== null) tools.run(['umount', '-f', mountPoint]);
    await volume.run('umount', name, '--lazy');
  });
  after(async () => {
    await tools?.end();
    await volume.end();
  });

  const mount = (...options: readonly string[]): string => tools.succeed(['mount', '-t', 'holdfast', name, mountPoint, ...(options.length === 0 ? [] : ['-o', options.join(',')])]);
  const shell = (script: string): string => tools.succeed(['sh', '-c', script, 'sh', mountPoint]);
  const refused = (script: string): string => {
    const { code, stderr } = tools.run(['sh', '-c', script, 'sh', mountPoint]);
    assert.notEqual(code, 0, script);
    return stderr;
  };
  const lastMessage = (): string => (JSON.parse(volume.log.trim().split('\n').at(-1) ?? '{}') as { msg?: string }).msg ?? ''; // a line of our own log
  const entry = (message: string): Record<string, unknown> => JSON.parse(volume.log.split('\n').findLast((line) => line.includes(`"msg":"${message}"`)) ?? '{}') as Record<string, unknown>; // asserted where it is used
  const pid = async (): Promise<number> => (await volume.status()).pid;

  /** A process inside that lives until its input ends, or the test. */
  function client(script: string): ChildProcess {
    const child = tools.start(['sh', '-c', script, mountPoint]);
    clients.push(child);
    return child;
  }

  async function kill(): Promise<void> {
    const daemon = await pid();
    process.kill(daemon, 'SIGKILL');
    await eventually(async () => !existsSync(`/proc/${daemon}`), 'the daemon is gone', 10);
  }

  test('mount -t holdfast: source and type as given, the options of any filesystem, everybody may enter', () => {
    mount();
    const { source, type, options } = tools.mountAt(mountPoint) ?? assert.fail('nothing is mounted');
    assert.deepEqual([source, type], [`holdfast:${name}`, 'fuse.holdfast']);
    assert.deepEqual(
      ['rw', 'nosuid', 'nodev', 'noexec', 'allow_other', 'default_permissions'].map((option) => options.includes(option)),
      [true, false, false, false, true, true],
    );
    shell('echo open >"$1"/open; echo secret >"$1"/secret; chmod 600 "$1"/secret');
    assert.equal(tools.succeed(['cat', `${mountPoint}/open`], nobody), 'open\n');
    assert.match(tools.run(['cat', `${mountPoint}/secret`], nobody).stderr, /Permission denied/);
    assert.match(tools.run(['touch', `${mountPoint}/new`], nobody).stderr, /Permission denied/);
  });

  test('noallow_other, ro, noexec, nosuid, nodev, noatime do what they say', () => {
    mount('noallow_other', 'noexec', 'nosuid', 'nodev');
    shell('printf "#!/bin/sh\\n" >"$1"/program; chmod 755 "$1"/program; mknod "$1"/null c 1 3');
    assert.match(refused('"$1"/program'), /Permission denied/);
    assert.match(refused('echo x >"$1"/null'), /Permission denied/);
    assert.match(tools.run(['ls', mountPoint], nobody).stderr, /Permission denied/);
    tools.succeed(['umount', mountPoint]);
    mount('ro', 'noatime');
    assert.match(refused('echo x >"$1"/new'), /Read-only file system/);
    const { options } = tools.mountAt(mountPoint) ?? assert.fail('nothing is mounted');
    assert.deepEqual(['ro', 'noatime'].filter((option) => !options.includes(option)), []);
  });

  test('what is wrong is said by us, and mount(8) fails with 32', async () => {
    mount();
    tools.succeed(['mkdir', '-p', volume.path('second')]);
    const again = tools.run(['mount', '-t', 'holdfast', name, volume.path('second')]);
    assert.equal(again.code, 32);
    assert.match(again.stderr, new RegExp(`mounted already at ${mountPoint} .*\\n.*try: holdfast umount`));
    tools.succeed(['umount', mountPoint]);
    for (const [words, message] of [
      [['mount', '-t', 'holdfast', 'nobody-knows', mountPoint], /there is no volume nobody-knows[\s\S]*known volumes: drill/],
      [['mount', '-t', 'holdfast', name, mountPoint, '-o', 'noatme'], /"noatme" is not supported[\s\S]*did you mean noatime/],
    ] as const) {
      const { code, stderr } = tools.run(words);
      assert.equal(code, 32, stderr);
      assert.match(stderr, message);
    }
    assert.equal(tools.mountAt(mountPoint), null);
    tools.succeed(['mount', '-s', '-t', 'holdfast', name, mountPoint, '-o', 'data=ordered']);
  });

  test('a line of /etc/fstab: mount -a, again mount -a, mount DIR, umount DIR, noauto', () => {
    const options = 'defaults,noatime,nosuid,nodev,_netdev,nofail,x-systemd.requires-mounts-for=/mnt/a,x-systemd.mount-timeout=5min,comment=photos';
    tools.fstab(`${name} ${mountPoint} holdfast ${options} 0 0`);
    tools.succeed(['mount', '-a']);
    tools.succeed(['mount', '-a']);
    const found = tools.mountAt(mountPoint) ?? assert.fail('nothing is mounted');
    assert.deepEqual(['rw', 'noatime', 'nosuid', 'nodev', 'allow_other'].filter((option) => !found.options.includes(option)), []);
    assert.equal(tools.succeed(['cat', '/proc/self/mounts']).split(` ${mountPoint} `).length, 2, 'one mount, not two on top of each other');
    tools.succeed(['umount', mountPoint]);
    tools.fstab(`holdfast:${name} ${mountPoint} holdfast noauto,ro 0 0`);
    tools.succeed(['mount', '-a']);
    assert.equal(tools.mountAt(mountPoint), null);
    tools.succeed(['mount', mountPoint]);
    assert.ok(tools.mountAt(mountPoint)?.options.includes('ro'));
    tools.succeed(['umount', mountPoint]);
  });

  test('plain umount returns when everything is durable and the volume is let go: the next mount needs no waiting', async () => {
    for (let round = 0; round < 3; round++) {
      mount();
      shell(`dd if=/dev/urandom of="$1"/round-${round} bs=1M count=8 status=none`);
      tools.succeed(['umount', mountPoint]);
      assert.equal(lastMessage(), 'closed; everything is durable');
    }
    mount();
    const { source, from, to } = entry('skeleton recovered');
    assert.deepEqual([source, from], ['live database', to], 'nothing was left to replay');
    assert.equal(shell('cat "$1"/round-* | wc -c').trim(), String(3 * 8 * 1024 ** 2));
  });

  test('remount,ro refuses changes and settles: killed after it, nothing is left to replay; remount,rw takes changes again', async () => {
    mount();
    shell('echo before >"$1"/before');
    const busy = client('exec 3>>"$0"/busy; echo; exec cat');
    await eventually(async () => tools.run(['test', '-e', `${mountPoint}/busy`]).code === 0, 'the writer is inside');
    const { code, stderr } = tools.run(['mount', '-o', 'remount,ro', mountPoint]);
    assert.equal(code, 32);
    assert.match(stderr, /cannot be made read-only: files are open for writing/);
    shell('echo still-writable >"$1"/during');
    busy.stdin?.end();
    await eventually(async () => tools.run(['mount', '-o', 'remount,ro', mountPoint]).code === 0, 'the writer is gone');
    for (const change of ['echo x >"$1"/new', 'rm "$1"/before', 'touch "$1"/before', 'mkdir "$1"/folder', 'chmod 600 "$1"/before', 'mv "$1"/before "$1"/after']) assert.match(refused(change), /Read-only file system/, change);
    assert.equal((await volume.status()).readOnly, true);
    const accessed = shell('stat -c %x "$1"/during');
    shell('cat "$1"/during');
    assert.equal(shell('stat -c %x "$1"/during'), accessed, 'read-only: access times stay, too');
    await kill();
    mount();
    const { from, to } = entry('skeleton recovered');
    assert.equal(from, to, 'nothing was left to replay');
    assert.equal(shell('cat "$1"/before'), 'before\n');
    tools.succeed(['mount', '-o', 'remount,ro,noexec', mountPoint]);
    tools.succeed(['mount', '-o', 'remount,rw', mountPoint]);
    shell('echo again >"$1"/again');
    const { options } = tools.mountAt(mountPoint) ?? assert.fail('nothing is mounted');
    assert.deepEqual(['rw', 'noexec'].filter((option) => !options.includes(option)), [], 'what was not named stays');
    assert.equal((await volume.status()).readOnly, false);
    tools.succeed(['umount', mountPoint]);
    mount('ro');
    tools.succeed(['mount', '-o', 'remount,rw', mountPoint]);
    shell('echo mounted-ro >"$1"/again');
  });

  test('umount -l: the name goes at once, open files live on, the volume closes with the last; umount -f cuts them off', async () => {
    mount();
    const writer = client('exec 3>"$0"/held; echo early >&3; echo; read go; echo late >&3; read go');
    await eventually(async () => tools.run(['test', '-s', `${mountPoint}/held`]).code === 0, 'the writer is inside');
    const busy = tools.run(['umount', mountPoint]);
    assert.equal(busy.code, 32);
    assert.match(busy.stderr, /is in use/);
    tools.succeed(['umount', '-l', mountPoint]);
    assert.equal(tools.mountAt(mountPoint), null);
    assert.match((await volume.run('status', name)).stdout, /detached by a lazy unmount/);
    assert.match((await volume.run('umount', name)).stderr, /files are still open[\s\S]*--lazy` cuts them off/);
    assert.match(tools.run(['mount', '-t', 'holdfast', name, mountPoint]).stderr, /mounted already/);
    writer.stdin?.write('go\n');
    writer.stdin?.end();
    await eventually(async () => lastMessage() === 'closed; everything is durable', 'the last file is closed');
    mount();
    assert.equal(shell('cat "$1"/held'), 'early\nlate\n');
    const second = client('exec 3>"$0"/cut; echo; cat');
    await eventually(async () => tools.run(['test', '-e', `${mountPoint}/cut`]).code === 0, 'the second is inside');
    tools.succeed(['umount', '-f', mountPoint]);
    assert.equal(lastMessage(), 'closed; everything is durable');
    second.stdin?.end();
  });

  test('umount -r makes a busy mount read-only where nobody writes', async () => {
    mount();
    shell('echo x >"$1"/read');
    const reader = client('exec 3<"$0"/read; echo; exec cat');
    assert.ok(reader.stdout !== null);
    await new Promise((resolve) => reader.stdout?.once('data', resolve));
    assert.match(tools.run(['umount', '-r', mountPoint]).stderr, /in use; it is read-only now/);
    assert.match(refused('echo x >"$1"/new'), /Read-only file system/);
    reader.stdin?.end();
    await eventually(async () => tools.run(['umount', mountPoint]).code === 0, 'the reader is gone');
  });

  test('a program that calls umount2(2) itself: the daemon sees it, makes everything durable, and leaves', async () => {
    mount();
    const daemon = await pid();
    shell('echo not-synced >"$1"/not-synced');
    tools.succeed(['umount', '--internal-only', mountPoint]);
    await eventually(async () => !existsSync(`/proc/${daemon}`), 'the daemon ends');
    assert.equal(lastMessage(), 'closed; everything is durable');
    mount();
    assert.equal(shell('cat "$1"/not-synced'), 'not-synced\n');
  });

  test('what a dead daemon left is replaced by mount, mount -a and umount; nobody hears of a transport endpoint', async () => {
    tools.fstab(`${name} ${mountPoint} holdfast defaults 0 0`);
    mount();
    for (const again of [['mount', '-t', 'holdfast', name, mountPoint], ['mount', mountPoint], ['mount', '-a']]) {
      await kill();
      assert.match(tools.run(['ls', mountPoint]).stderr, /Transport endpoint/);
      const { code, stdout, stderr } = tools.run(again);
      assert.deepEqual([code, stdout, stderr], [0, '', ''], again.join(' '));
      assert.equal(tools.succeed(['cat', '/proc/self/mounts']).split(` ${mountPoint} `).length, 2, 'one mount');
      tools.succeed(['ls', mountPoint]);
    }
    await kill();
    assert.equal(tools.run(['umount', mountPoint]).stderr, '');
    assert.equal(tools.mountAt(mountPoint), null);
  });

  test('a daemon that is stopped: umount says so after its limit, umount -f takes the mount away', { timeout: 60_000 }, async () => {
    mount();
    const daemon = await pid();
    process.kill(daemon, 'SIGSTOP');
    try {
      const { code, stderr } = tools.run(['umount', '-l', mountPoint]);
      assert.equal(code, 32);
      assert.match(stderr, /has not answered within 10 s[\s\S]*umount -f/);
      tools.succeed(['umount', '-f', mountPoint]);
      assert.equal(tools.mountAt(mountPoint), null);
    } finally {
      process.kill(daemon, 'SIGCONT');
    }
    await eventually(async () => !existsSync(`/proc/${daemon}`), 'the daemon closes and ends');
    assert.equal(lastMessage(), 'closed; everything is durable');
  });

  test('a bind mount of the volume, and the mount in another namespace, go without the volume', async () => {
    mount();
    tools.succeed(['mkdir', '-p', volume.path('view')]);
    tools.succeed(['mount', '--bind', mountPoint, volume.path('view')]);
    assert.equal(tools.run(['mount', '-o', 'remount,ro', volume.path('view')]).code, 32);
    tools.succeed(['mount', '-o', 'bind,remount,ro', volume.path('view')]);
    shell('echo the volume is writable >"$1"/writable');
    tools.succeed(['umount', '-l', volume.path('view')]);
    tools.succeed(['unshare', '--mount', 'umount', '-l', mountPoint]);
    shell('echo and is there >"$1"/writable');
    assert.equal((await volume.status()).state, 'serving');
    tools.succeed(['umount', mountPoint]);
  });

  test('a mount that somebody keeps in a namespace of his own is let go here, with his name, and closed when he is gone', async () => {
    for (const command of [['umount', mountPoint], [process.execPath, program, 'umount', name]]) {
      mount();
      const daemon = await pid();
      const sign = volume.path(`copied-${daemon}`);
      const keeper = tools.start(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', 'touch "$0"; exec sleep 600', sign]);
      await eventually(async () => existsSync(sign), 'it is copied');
      shell('echo kept >"$1"/kept');
      const { code, stderr } = tools.run(command);
      assert.match(stderr, /goes on elsewhere: in the mount namespace of process \d+ \(sleep\)/);
      assert.equal(code === 0, command[0] === 'umount', stderr);
      assert.equal(tools.mountAt(mountPoint), null);
      keeper.kill('SIGKILL');
      await eventually(async () => !existsSync(`/proc/${daemon}`), 'the daemon closes and ends');
      assert.equal(lastMessage(), 'closed; everything is durable');
    }
  });

  test('umount(8) is told of a mount, however it is made, and nothing of that is left however it ends', async () => {
    const told = (): string => tools.run(['cat', '/run/mount/utab']).stdout;
    const ends = [['umount', mountPoint], ['umount', '-l', mountPoint], ['umount', '--internal-only', mountPoint], ['umount', '-f', mountPoint]];
    for (const end of ends) {
      mount();
      assert.match(told(), new RegExp(`^SRC=holdfast:${name} TARGET=${mountPoint} .*uhelper=holdfast$`, 'm'));
      tools.succeed(end);
      await eventually(async () => !told().includes(mountPoint), `nothing is left after ${end.join(' ')}`);
    }
    mount('x-anything');
    await kill();
    mount('x-anything');
    tools.succeed(['umount', mountPoint]);
    await eventually(async () => !told().includes('uhelper'), 'nothing of ours is left');
  });

  test('the helpers are installed where mount(8) looks, for the names that it looks for', () => {
    for (const helper of ['mount.holdfast', 'mount.fuse.holdfast', 'umount.holdfast', 'umount.fuse.holdfast']) assert.ok(statSync(volume.path('tools', 'sbin', helper)).isFile(), helper);
    for (const file of ['share/man/man8/mount.holdfast.8', 'share/man/man1/holdfast.1']) assert.ok(existsSync(volume.path('tools', 'stage', 'usr/local', file)), file);
  });
});
